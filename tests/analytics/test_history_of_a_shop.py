"""The history of a shop: of a real one where CDNOW_FILE names it, else of the one of the demo."""

import csv
import gzip
import os
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from contacts.models import Event, partitions
from growth.analytics import rollups
from growth.analytics.grammar import read_query
from growth.analytics.queries import answer
from growth.management.commands.seed_demo import PURCHASES
from tests.factories import make_contact

CDNOW = os.environ.get("CDNOW_FILE")
FILE, CUSTOMER = (Path(CDNOW), "customer_id") if CDNOW else (PURCHASES, "customer")
KNOWN = {"1997-01-01": 7846, "1997-02-01": 8476, "1997-03-01": 7248}


@pytest.fixture(scope="module")
def purchases() -> list[tuple[str, date]]:
    opened = gzip.open if FILE.suffix == ".gz" else open
    with opened(FILE, "rt") as lines:
        return [(row[CUSTOMER], date.fromisoformat(row["date"])) for row in csv.DictReader(lines)]


@pytest.fixture
def shop(project, purchases):
    """Store the purchases; the customers are only keys, for nothing is asked of them."""
    first = make_contact(project).key
    keys: dict[str, int] = {}
    rows = [
        (
            keys.setdefault(who, first + len(keys)),
            "purchase",
            "{}",
            datetime(day.year, day.month, day.day, tzinfo=UTC),
        )
        for who, day in purchases
    ]
    at = max(row[3] for row in rows) + timedelta(days=1)
    partitions.ensure(min(row[3] for row in rows), at)
    Event.objects.copy(project, rows, at=at)
    rollups.fold_next(at=at)
    span = {"from": f"{min(day for _, day in purchases)}", "to": f"{at.date()}"}
    return lambda **body: answer(
        read_query({**span, **body}, project, at=at + timedelta(days=400)),
        project,
        at=at + timedelta(days=400),
    )


def month(day: date) -> int:
    return day.year * 12 + day.month


@pytest.mark.slow  # The real shop has 69,659 purchases.
def test_monthly_cohorts_and_who_of_them_came_back(shop, purchases):
    months = defaultdict(set)
    for who, day in purchases:
        months[who].add(month(day))
    expected: dict[int, Counter[int]] = defaultdict(Counter)
    for bought in months.values():
        expected[min(bought)].update(each - min(bought) for each in bought)

    cohorts = shop(type="cohort_retention", event="purchase", period="month")["data"]

    for cohort in cohorts:
        own = expected[month(date.fromisoformat(cohort["start"]))]
        assert cohort["size"] == own[0] == KNOWN.get(cohort["start"], own[0])
        assert [cell["retained"] for cell in cohort["cells"]] == [
            own[number] for number in range(len(cohort["cells"]))
        ]
    assert sum(cohort["size"] for cohort in cohorts) == len(months)


@pytest.mark.slow  # The real shop has 69,659 purchases.
def test_purchases_by_week(shop, purchases):
    expected = Counter(day - timedelta(days=day.weekday()) for _, day in purchases)

    told = shop(type="event_count", event="purchase", interval="week")

    counts = {date.fromisoformat(each["date"]): each["count"] for each in told["data"]}
    assert {day: count for day, count in counts.items() if count} == dict(expected)
    assert told["total"] == len(purchases)


@pytest.mark.slow  # The real shop has 69,659 purchases.
def test_three_purchases(shop, purchases):
    days = defaultdict(list)
    for who, day in purchases:
        days[who].append(day)
    reached = [0, 0, 0]
    for own in days.values():
        own.sort()
        best = max(
            1 + sum(later - first <= timedelta(days=90) for later in own[place + 1 : place + 3])
            for place, first in enumerate(own)
        )
        for step in range(best):
            reached[step] += 1

    told = shop(type="funnel", steps=["purchase"] * 3, window="90d")

    assert [step["count"] for step in told["data"]] == reached
