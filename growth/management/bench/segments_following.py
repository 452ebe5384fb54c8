"""What a segment costs as contacts act and as time passes: no more than the change is big."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Self

from django.db import connection, transaction

from contacts import rules
from contacts.models import Contact, Segment, SegmentClock, partitions
from contacts.operations.membership_sql import write_all, write_some
from contacts.operations.memberships import follow_changes, follow_time
from growth.management.bench.measure import Contender, Ratio, paced, ratio, rounds
from growth.models import Project

TOUCHED = 1000
_RARE = 95  # segments that look at something else than logins
_FLIPS = 1000
_BARE = """
    WITH verdict AS MATERIALIZED (
        SELECT id FROM contacts_contact contact
         WHERE project_id = %(project)s AND deleted_at IS NULL AND id = ANY(%(touched)s)
           AND traits->>'plan' = 'trial'
           AND (traits->>'signed_up_at')::timestamptz >= '2025-01-01T00:00:00Z'
           AND (SELECT count(*) FROM (
                       SELECT FROM contacts_event WHERE project_id = %(project)s
                          AND contact_id = contact.id AND name = 'login'
                          AND timestamp > %(since)s AND timestamp <= %(at)s LIMIT 3) login) >= 3
    ), entered AS (
        INSERT INTO contacts_membership (project_id, segment_id, contact_id, entered_at)
        SELECT %(project)s, %(segment)s, id, %(at)s FROM verdict ON CONFLICT DO NOTHING
    )
    DELETE FROM contacts_membership WHERE project_id = %(project)s AND segment_id = %(segment)s
       AND contact_id = ANY(%(touched)s)
       AND NOT EXISTS (SELECT FROM verdict WHERE id = contact_id)
"""


@dataclass
class Crowd:
    """A project with a hundred segments, of which five look at logins, each by a rule like the one
    that is measured, and one has many members.
    """

    project: Project
    at: datetime
    segment: Segment
    biggest: Segment
    size: int

    @classmethod
    def of(cls, project: Project, rule: dict[str, Any], at: datetime) -> Self:
        """Make the segments of the project, and write their memberships."""
        search = {"field": "events.search", "op": "count_gte", "value": 1, "window": "7d"}
        biggest = _segment(project, _rule(search))
        followed = [_segment(project, _counting(rule, count)) for count in (3, 2, 4, 5, 6)]
        for number in range(_RARE - 1):
            trait = {"field": f"traits.plan_{number}", "op": "eq", "value": "trial"}
            _segment(project, _rule(trait, search))
        for segment in (biggest, *followed):
            write_all(segment, at=at)
        partitions.ensure(at, at + timedelta(days=8))
        return cls(project, at, followed[0], biggest, Contact.objects.in_project(project).count())

    def touched(self, count: int) -> list[int]:
        """Return the contacts who were the last to log in, as those of a batch are."""
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT contact_id FROM contacts_event WHERE project_id = %s AND name = 'login'
                    GROUP BY contact_id ORDER BY max(timestamp) DESC LIMIT %s""",
                [self.project.key, count],
            )
            return sorted(key for (key,) in cursor.fetchall())


def run(small: Crowd, large: Crowd, *, is_small: bool) -> Iterator[Ratio]:
    """Compare contacts who were touched with all contacts, with ten times as many, and with those
    of a smaller project; and a sweep of the clock with a bigger one.
    """
    touched = large.touched(TOUCHED)
    contenders = {
        "all": _timed(lambda: write_all(large.segment, at=large.at)),
        "1000": _timed(lambda: write_some(large.segment, touched, at=large.at)),
        "100": _timed(lambda: write_some(large.segment, touched[::10], at=large.at)),
        "one": _one_by_one(large),
        "one of few": _one_by_one(small),
        "bare": _timed(partial(_bare, large, touched)),
        "follow": _timed(lambda: _follow(large, touched)),
        "flips": partial(_sweep, large, _FLIPS),
        "fewer flips": partial(_sweep, large, _FLIPS // 10),
        "flips of few": partial(_sweep, small, _FLIPS // 10),
    }
    results = rounds(contenders)
    ratios = [
        ("10 × the touched contacts", "100", "1000", 14),
        ("one touched of 10 × the contacts", "one of few", "one", 1.5),
        (f"{TOUCHED:,} touched of 100 segments to 1 bare", "bare", "follow", 10),
        ("sweep of 10 × the flips", "fewer flips", "flips", 14),
        ("sweep of 10 × the contacts", "flips of few", "fewer flips", 1.5),
    ]
    if not is_small:  # Of fewer contacts, what a statement costs at all hides it.
        ratios.insert(
            0, (f"{TOUCHED:,} touched contacts to all {large.size:,}", "all", "1000", 0.2)
        )
    for name, theirs, ours, bar in ratios:
        yield Ratio(f"segment: time of {name}", ratio(results, theirs, ours), at_most=bar)


def _rule(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"operator": "AND", "conditions": list(conditions)}


def _counting(rule: dict[str, Any], count: int) -> dict[str, Any]:
    """Return the rule with another number of logins."""
    conditions = [
        each | {"value": count} if each["op"] == "count_gte" else each
        for each in rule["conditions"]
    ]
    return _rule(*conditions)


def _segment(project: Project, rule: dict[str, Any]) -> Segment:
    mentions = sorted(rules.mentions(rules.parse(rule, zone=project.zone)))
    return Segment.objects.create(
        project=project, name="bench", rules=rule, mentions=mentions, status=Segment.Status.READY
    )


def _timed(work: Any) -> Contender:
    def run() -> int:
        work()
        return 1

    return paced(run)


def _one_by_one(crowd: Crowd) -> Contender:
    touched = crowd.touched(100)

    def run() -> int:
        for contact in touched:
            write_some(crowd.segment, [contact], at=crowd.at)
        return len(touched)

    return paced(run)


def _bare(crowd: Crowd, touched: list[int]) -> None:
    params = {
        "project": crowd.project.key,
        "segment": crowd.segment.key,
        "touched": touched,
        "since": crowd.at - timedelta(days=7),
        "at": crowd.at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_BARE, params)


@transaction.atomic
def _follow(crowd: Crowd, touched: list[int]) -> None:
    follow_changes(crowd.project, {"events.login": touched}, at=crowd.at)


@transaction.atomic
def _sweep(crowd: Crowd, flips: int) -> float:
    """Follow so many flips, and forget it: the next round finds the same."""
    Segment.objects.exclude(project=crowd.project).update(status=Segment.Status.BUILDING)
    due = SegmentClock.objects.filter(project=crowd.project).order_by("recheck_at")
    at = due.values_list("recheck_at", flat=True)[flips - 1]
    start = time.perf_counter()
    follow_time(at=at)
    took = time.perf_counter() - start
    transaction.set_rollback(True)
    return 1 / took
