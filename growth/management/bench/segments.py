"""The evaluation of a segment over all contacts, and over those whom a batch of events touched."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.util import find_spec

from django.db import connection
from django.utils.timezone import now

from contacts import rules
from contacts.models import Segment
from contacts.operations.membership_sql import write_all, write_some
from contacts.rule_sql import Sql, matching, sql
from growth.errors import DomainError
from growth.management.bench.data import make_contacts, make_events, vacuum
from growth.management.bench.measure import Absent, Contender, Ratio, paced, ratio, rounds
from growth.models import Project
from growth.projects.operations import found_project

SIZES = {True: (50_000, 250_000), False: (1_000_000, 5_000_000)}
TOUCHED = 1_000
_SINCE = datetime(2025, 1, 1, tzinfo=UTC)
_RULE = {
    "operator": "AND",
    "conditions": [
        {"field": "traits.plan", "op": "eq", "value": "trial"},
        {"field": "events.login", "op": "count_gte", "value": 3, "window": "7d"},
        {"field": "traits.signed_up_at", "op": "gte", "value": _SINCE.isoformat()},
    ],
}
_CONTACTS = """
    SELECT id FROM contacts_contact contact
     WHERE project_id = {} AND deleted_at IS NULL AND traits->>'plan' = 'trial'
       AND (traits->>'signed_up_at')::timestamptz >= {} AND {}
"""
_LOGINS = "project_id = {} AND name = 'login' AND timestamp > {} AND timestamp <= {}"
_SET_BASED = """
    id IN (SELECT contact_id FROM contacts_event WHERE {} GROUP BY contact_id HAVING count(*) >= 3)
"""
_CORRELATED = """
    (SELECT count(*) FROM contacts_event WHERE {} AND contact_id = contact.id) >= 3
"""


def run(database_url: str, *, is_small: bool) -> Iterator[Ratio | Absent]:
    """Compare with SQL written by hand, as sets and as one look-up for each contact, and a whole
    segment with a thousand contacts. All of it stays in PostgreSQL: no rows come back.
    """
    project, at = found_project("bench").project, now()
    contacts, events = SIZES[is_small]
    make_contacts(project, contacts, at)
    make_events(project, events, at)
    vacuum("contacts_contact")
    selects = {
        "ours": matching(rules.parse(_RULE, zone=project.zone), project=project, at=at),
        "by hand": _by_hand(project, at, _SET_BASED),
        "correlated": _by_hand(project, at, _CORRELATED),
    }
    if len(counts := {_count(select) for select in selects.values()}) > 1:
        raise DomainError(f"The same rule has different members: {sorted(counts)}.")
    contenders = {name: _once(partial(_count, each)) for name, each in selects.items()}
    segment = _segment(project)
    touched = _touched(project)
    contenders["all"] = _once(lambda: write_all(segment, at=at))
    contenders["some"] = _once(lambda: write_some(segment, touched, at=at))
    results = rounds(contenders)
    yield Ratio(
        "segment: time to set-based SQL by hand",
        ratio(results, "by hand", "ours"),
        at_most=1.3,
        note=f"({counts.pop()} members)",
    )
    yield Ratio(
        "segment: time to correlated SQL", ratio(results, "correlated", "ours"), at_most=0.5
    )
    if not is_small:  # Of fewer contacts, what a statement costs at all hides it.
        yield Ratio(
            f"segment: time of {TOUCHED:,} touched contacts to all {contacts:,}",
            ratio(results, "all", "some"),
            at_most=0.2,
        )
    if find_spec("duckdb") is None:
        yield Absent("segment: DuckDB")


def _by_hand(project: Project, at: datetime, condition: str) -> Sql:
    logins = sql(_LOGINS, project.key, at - timedelta(days=7), at)
    return sql(_CONTACTS, project.key, _SINCE, sql(condition, logins))


def _segment(project: Project) -> Segment:
    return Segment.objects.create(
        project=project, name="bench", rules=_RULE, mentions=["traits.plan", "events.login"]
    )


def _touched(project: Project) -> list[int]:
    """Return the contacts who were the last to do something, as those of a batch are."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT contact_id FROM contacts_event WHERE project_id = %s AND name = 'login'
                GROUP BY contact_id ORDER BY max(timestamp) DESC LIMIT %s""",
            [project.key, TOUCHED],
        )
        return sorted(key for (key,) in cursor.fetchall())


def _once(work: Callable[[], object]) -> Contender:
    def run() -> int:
        work()
        return 1

    return paced(run)


def _count(select: Sql) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({select.text}) matching", select.params)
        return cursor.fetchone()[0]
