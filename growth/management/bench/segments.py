"""Segments: a whole evaluation, the contacts whom a batch of events touched, and the clock.

Everything is measured in PostgreSQL, on two projects of one database, one ten times the other.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from django.db import connection
from django.utils.timezone import now

from contacts import rules
from contacts.rule_sql import Sql, matching, sql
from growth.errors import DomainError
from growth.management.bench import segment_lists, segments_following
from growth.management.bench.data import make_contacts, make_events, vacuum
from growth.management.bench.duck import Duck, is_installed
from growth.management.bench.measure import Absent, Contender, Ratio, paced, ratio, rounds
from growth.management.bench.segments_following import Crowd
from growth.models import Project
from growth.projects.operations import Founding, found_project

SIZES = {True: (50_000, 250_000), False: (1_000_000, 10_000_000)}
_TIMES = 3  # Once takes a millisecond on the small size.
_SINCE = datetime(2025, 1, 1, tzinfo=UTC)
_RULE = {
    "operator": "AND",
    "conditions": [
        {"field": "traits.plan", "op": "eq", "value": "trial"},
        {"field": "events.login", "op": "count_gte", "value": 3, "window": "7d"},
        {"field": "traits.signed_up_at", "op": "gte", "value": _SINCE.isoformat()},
    ],
}
_HEAVY_PLANS = ("trial", "growth")
_HEAVY = {
    "operator": "AND",
    "conditions": [
        {"field": "traits.plan", "op": "in", "value": list(_HEAVY_PLANS)},
        {"field": "events.page_view", "op": "count_gte", "value": 5, "window": "30d"},
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


def run(
    database_url: str, *, is_small: bool, contacts: int | None = None, events: int | None = None
) -> Iterator[Ratio | Absent]:
    """Compare whole evaluations, touched contacts, the clock, and the lists of members."""
    sizes = SIZES[is_small]
    size, at = (contacts or sizes[0], events or sizes[1]), now()
    large = _fill(*size, at)
    small = _fill(max(size[0] // 10, 1000), max(size[1] // 10, 5000), at)
    vacuum("contacts_contact")
    crowds = [Crowd.of(each.project, _RULE, at) for each in (small, large)]
    yield from _whole(large.project, at)
    yield from segments_following.run(*crowds, is_small=is_small)
    yield from segment_lists.run(large, crowds[1].biggest, is_small=is_small)


def _fill(contacts: int, events: int, at: datetime) -> Founding:
    founding = found_project("bench", at=now())
    make_contacts(founding.project, contacts, at)
    make_events(founding.project, events, at)
    return founding


def _whole(project: Project, at: datetime) -> Iterator[Ratio | Absent]:
    """Compare with SQL written by hand, as sets and as one look-up for each contact, and with
    DuckDB. No rows come back.
    """
    ours = _compiled(project, _RULE, at)
    selects = {
        "ours": ours,
        "by hand": _by_hand(project, at, _SET_BASED),
        "correlated": _by_hand(project, at, _CORRELATED),
        "heavy": _compiled(project, _HEAVY, at),
    }
    if len(counts := {_count(selects[name]) for name in ("ours", "by hand", "correlated")}) > 1:
        raise DomainError(f"The same rule has different members: {sorted(counts)}.")
    contenders = {name: _repeated(partial(_count, each)) for name, each in selects.items()}
    ducks = _ducks(project, at, counts.pop(), _count(selects["heavy"])) if is_installed() else {}
    results = rounds(contenders | ducks)
    yield Ratio(
        "segment: time to set-based SQL by hand",
        ratio(results, "by hand", "ours"),
        at_most=1.3,
        note=f"({_count(ours)} members)",
    )
    yield Ratio(
        "segment: time to correlated SQL", ratio(results, "correlated", "ours"), at_most=0.5
    )
    if not ducks:
        yield Absent("segment: DuckDB")
        return
    yield Ratio("segment: time to DuckDB", ratio(results, "duck", "ours"), at_most=4)
    yield Ratio(
        "segment of a heavy rule: time to DuckDB",
        ratio(results, "heavy duck", "heavy"),
        at_most=10,
        note=f"({_count(selects['heavy'])} members)",
    )


def _ducks(project: Project, at: datetime, count: int, heavy_count: int) -> dict[str, Contender]:
    duck = Duck(project)
    documented = duck.counter(plans=("trial",), since=_SINCE, name="login", days=7, least=3)
    ever = datetime(1970, 1, 1, tzinfo=UTC)
    heavy = duck.counter(plans=_HEAVY_PLANS, since=ever, name="page_view", days=30, least=5)
    if (documented(at), heavy(at)) != (count, heavy_count):
        raise DomainError("DuckDB finds other members.")
    return {
        "duck": _repeated(lambda: documented(at)),
        "heavy duck": _repeated(lambda: heavy(at)),
    }


def _compiled(project: Project, rule: dict, at: datetime) -> Sql:
    return matching(rules.parse(rule, zone=project.zone), project=project, at=at)


def _by_hand(project: Project, at: datetime, condition: str) -> Sql:
    logins = sql(_LOGINS, project.key, at - timedelta(days=7), at)
    return sql(_CONTACTS, project.key, _SINCE, sql(condition, logins))


def _repeated(work: Callable[[], object]) -> Contender:
    def run() -> int:
        for _ in range(_TIMES):
            work()
        return _TIMES

    return paced(run)


def _count(select: Sql) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({select.text}) matching", select.params)
        return cursor.fetchone()[0]
