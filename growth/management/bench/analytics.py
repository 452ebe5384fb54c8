"""Counts, people, a funnel and retention, beside the best SQL that a hand would write for each.

Everything is measured in PostgreSQL; what is asked by hand answers the same, or the bench ends.
"""

import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from functools import partial
from statistics import median
from typing import Any

from django.utils.timezone import now

from contacts.rule_sql import Sql
from growth.analytics import rollups
from growth.analytics.grammar import read_query
from growth.analytics.models import Rollup
from growth.analytics.queries import answer
from growth.analytics.queries.overview import overview
from growth.analytics.statements import rows
from growth.errors import DomainError
from growth.management.bench import analytics_by_hand as hand
from growth.management.bench.data import make_contacts, make_events, vacuum
from growth.management.bench.duck import Duck, is_installed
from growth.management.bench.measure import Absent, Contender, Ratio, paced, ratio, rounds
from growth.models import Project
from growth.projects.operations import found_project

SIZES = {True: (50_000, 400_000), False: (1_000_000, 10_000_000)}
STEPS = ("signup", "login", "purchase")
WINDOW = timedelta(days=14)


def run(
    database_url: str, *, is_small: bool, contacts: int | None = None, events: int | None = None
) -> Iterator[Ratio | Absent]:
    """Compare each kind of question with SQL by hand, and people of days with DuckDB."""
    sizes = SIZES[is_small]
    project, at = found_project("bench", at=now()).project, now()
    make_contacts(project, contacts or sizes[0], at)
    make_events(project, events or sizes[1], at)
    vacuum("contacts_contact")
    bench = _Bench(project, at)
    results = rounds(bench.raw())
    yield from _of_raw(results, is_small)
    while rollups.fold_next(at=at) + rollups.people_next(at=at):
        pass
    for table in ("analytics_dailytotal", "analytics_daychange", "analytics_dailypeople"):
        vacuum(table)
    yield from bench.of_days(is_small)


def _of_raw(results: list[dict[str, float]], is_small: bool) -> Iterator[Ratio]:
    for name, bar in (("count", 1.3), ("people", 1.3), ("funnel", 1.3), ("retention", 1.3)):
        value = ratio(results, f"{name} by hand", name)
        yield Ratio(f"analytics: time of {name} to SQL by hand", value, at_most=bar)
    value = ratio(results, "funnel lateral", "funnel")
    # On a small table a look-up for each person, and a scan of all days, are fast too.
    bar = 1 if is_small else 0.4
    yield Ratio("analytics: time of a funnel to LATERAL", value, at_most=bar)
    value = ratio(results, "funnel by hand", "best funnel")
    yield Ratio("analytics: time of the best attempts to the first by hand", value, at_most=2)


class _Bench:
    """The questions about one project, and the same by hand."""

    def __init__(self, project: Project, at: datetime) -> None:
        self.project, self.at = project, at
        self.today = at.date()

    def raw(self) -> dict[str, Contender]:
        """Return what asks the events themselves, ours and by hand."""
        Rollup.objects.all().delete()
        funnel = {"type": "funnel", "steps": list(STEPS), "window": "14d", **self._days(31, 15)}
        asked = {
            "count": self._count("event_count") | hand.FILTERED,
            "people": self._count("unique_contacts") | {"event": "login"},
            "funnel": funnel | {"entry": "first"},
            "best funnel": funnel,
            "retention": {"type": "cohort_retention", "event": "login", **self._days(83, 0)},
        }
        first = self.today - timedelta(days=22)
        span = (first, self.today + timedelta(days=1))
        entries = (self.today - timedelta(days=45), self.today - timedelta(days=14))
        by_hand = {
            "count by hand": hand.count(self.project, "signup", *span),
            "people by hand": hand.people(self.project, "login", *span),
            "funnel by hand": hand.funnel(self.project, STEPS, *entries, WINDOW),
            "funnel lateral": hand.lateral(self.project, STEPS, *entries, WINDOW),
            "retention by hand": hand.retention(self.project, "login", self._weeks(), span[1]),
        }
        self._require_same(asked, by_hand)
        ours = {name: _repeated(partial(self._ask, body)) for name, body in asked.items()}
        return ours | {name: _repeated(partial(rows, each)) for name, each in by_hand.items()}

    def of_days(self, is_small: bool) -> Iterator[Ratio | Absent]:
        """Compare what is kept of days with the events, and with DuckDB."""
        first = self.today - timedelta(days=22)
        span = ("login", first, self.today + timedelta(days=1))
        bodies = {
            name: self._count(type) | {"event": "login"}
            for name, type in (("days", "event_count"), ("kept people", "unique_contacts"))
        }
        contenders = {name: _repeated(partial(self._ask, body)) for name, body in bodies.items()}
        scans = {
            "scan": hand.count_all(self.project, *span),
            "distinct": hand.people(self.project, *span),
        }
        for name, each in scans.items():
            contenders[name] = _repeated(partial(rows, each))
        if is_installed():
            duck = Duck(self.project)
            contenders["duck"] = _repeated(partial(hand.duck_people, duck, *span))
            if hand.duck_people(duck, *span) != self._ask(bodies["kept people"])["total"]:
                raise DomainError("DuckDB finds other people.")
        results = rounds(contenders)
        value = ratio(results, "days", "scan")
        yield Ratio(
            "analytics: pace of daily totals to the raw scan", value, at_least=2 if is_small else 20
        )
        millis = _milliseconds(partial(self._ask, bodies["days"]))
        yield Ratio("analytics: milliseconds of daily totals", millis, at_most=10)
        value = ratio(results, "distinct", "kept people")
        yield Ratio("analytics: time of kept people to count(DISTINCT)", value, at_most=0.25)
        if is_installed():
            value = ratio(results, "duck", "kept people")
            yield Ratio("analytics: time of kept people to DuckDB", value, at_most=1)
        else:
            yield Absent("analytics: DuckDB")
        millis = _milliseconds(partial(overview, self.project, at=self.at))
        yield Ratio("analytics: milliseconds of the overview", millis, at_most=20)

    def _require_same(self, asked: dict[str, Any], by_hand: dict[str, Sql]) -> None:
        """Refuse to compare what does not answer the same.

        :raises DomainError: if an answer differs.
        """
        for name in ("count", "people", "funnel", "retention"):
            told = self._ask(asked[name])
            found = rows(by_hand[f"{name} by hand"])
            if hand.TOTALS[name](found) != hand.OURS[name](told):
                raise DomainError(f"By hand the answer of {name} is another.")
        if rows(by_hand["funnel lateral"]) != rows(by_hand["funnel by hand"]):
            raise DomainError("LATERAL finds another funnel.")

    def _ask(self, body: dict[str, Any]) -> dict[str, Any]:
        return answer(read_query(body, self.project, at=self.at), self.project, at=self.at)

    def _count(self, type: str) -> dict[str, Any]:
        return {"type": type, "event": "signup", **self._days(22, 0)}

    def _days(self, first: int, last: int) -> dict[str, str]:
        day = self.today
        return {
            "from": f"{day - timedelta(days=first if last == 0 else first + 14)}",
            "to": f"{day - timedelta(days=last)}",
        }

    def _weeks(self) -> list[date]:
        first = self.today - timedelta(days=83)
        monday = first - timedelta(days=first.weekday())
        return [first, *(monday + timedelta(days=7 * n) for n in range(1, 13))]


def _repeated(work: Callable[[], object], times: int = 2) -> Contender:
    def run() -> int:
        for _ in range(times):
            work()
        return times

    return paced(run)


def _milliseconds(work: Callable[[], object]) -> float:
    """Return how long it takes, at the median."""
    taken = []
    for _ in range(15):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return 1000 * median(taken)
