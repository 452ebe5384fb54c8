"""Daily totals, and who did what on days that are over, kept so that they are never wrong.

Each fact notes its change in its own transaction, and nobody waits for it: see the triggers of
migration 0002. Totals are the folded changes and those that wait, so they are exact at any moment.
Who did it on a day is kept only as long as no change of that day waits. All writers of a project
follow each other. Each is safe to repeat, and to kill: it is one transaction.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction

from contacts.rule_sql import sql
from growth.analytics.models import DailyPeople, DailyTotal, DayChange, Rollup
from growth.analytics.periods import first_moment
from growth.analytics.statements import execute, rows, statement
from growth.models import Project

WORTH_KEEPING = 500
"""Of a day with fewer events, people are counted as fast without."""

PART = 65_536

_FOLDED_AT_ONCE = 20_000
_PEOPLED_AT_ONCE = 50
_HELD = 0x666F6C64  # "fold"


def fold_next(*, at: datetime) -> int:
    """Fold changes of the projects that have some, and count anew those whose zone is another.

    Return how many changes there were.
    """
    return sum(_fold(project, at) for project in Project.objects.order_by("id"))


def people_next(*, at: datetime) -> int:
    """Keep who did what on days that are over; return of how many days."""
    return sum(_keep_people(project, at) for project in Project.objects.order_by("id"))


def drifts(project: Project) -> Iterator[tuple[str, str, date, int, int]]:
    """Yield what is kept and not true: which count, the event's name, the day, the count that is
    kept, and the true one.
    """
    if not Rollup.objects.filter(project=project, zone=project.timezone).exists():
        return
    place = {"project": project.key, "zone": project.timezone}
    for what in ("totals", "people"):
        for row in rows(statement(f"drifted_{what}", **place)):
            yield (f"daily_{what}", *row)


@transaction.atomic
def _fold(project: Project, at: datetime) -> int:
    changes = DayChange.objects.filter(project=project)
    is_whole = Rollup.objects.filter(project=project, zone=project.timezone).exists()
    if is_whole and not changes.exists():
        return 0
    _hold(project)
    if not is_whole or changes.exclude(zone=project.timezone).exists():
        return _rebuild(project, at)
    folding = statement("fold_changes", project=project.key, limit=_FOLDED_AT_ONCE)
    return rows(folding)[0][0]


def _rebuild(project: Project, at: datetime) -> int:
    """Count everything anew, in the zone that the project has now."""
    for model in (DailyTotal, DailyPeople):
        model.objects.filter(project=project).delete()
    parts = {"project": project.key, "zone": project.timezone}
    count = execute(statement("rebuild_totals", **parts))
    Rollup.objects.update_or_create(
        project=project, defaults={"zone": project.timezone, "built_at": at}
    )
    return count


@transaction.atomic
def _keep_people(project: Project, at: datetime) -> int:
    if not Rollup.objects.filter(project=project, zone=project.timezone).exists():
        return 0
    _hold(project)
    today = at.astimezone(project.zone).date()
    parts: dict[str, Any] = {"today": today, "worth": WORTH_KEEPING, "limit": _PEOPLED_AT_ONCE}
    days = rows(statement("unpeopled_days", project=project.key, **parts))
    for name, day in days:
        _store_people(project, name, day)
    return len(days)


def _store_people(project: Project, name: str, day: date) -> None:
    found = rows(
        sql(
            """SELECT DISTINCT contact_id FROM contacts_event WHERE project_id = {}
                  AND name = {} AND timestamp >= {} AND timestamp < {}""",
            *(project.key, name, *(first_moment(each, project.zone) for each in _span(day))),
        )
    )
    parts = bits(contact for (contact,) in found)
    execute(
        sql(
            """INSERT INTO analytics_dailypeople (project_id, name, day, part, people)
               SELECT {}, {}, {}, part, ('x' || people)::bit varying
                 FROM unnest({}::bigint[], {}::text[]) kept (part, people)""",
            *(project.key, name, day, list(parts), [each.hex() for each in parts.values()]),
        )
    )


def bits(contacts: Iterable[int]) -> dict[int, bytearray]:
    """Return the set of keys as strings of 65,536 bits, by the number of the part."""
    parts: defaultdict[int, bytearray] = defaultdict(lambda: bytearray(PART // 8))
    for key in contacts:
        part, bit = divmod(key, PART)
        parts[part][bit >> 3] |= 128 >> (bit & 7)
    return parts


def _span(day: date) -> tuple[date, date]:
    return day, date.fromordinal(day.toordinal() + 1)


def _hold(project: Project) -> None:
    """Wait until nobody else writes rollups of the project, and let others wait till commit."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_HELD, project.key % 2**31])
