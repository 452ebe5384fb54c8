"""The scores of all contacts: how they are spread, and how that changes from day to day.

Of each day is kept how they were spread when it was an hour old; by then the points of the day
before have decayed. To repeat it is safe: the first of a day stays.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from growth.analytics.models import DailyScores
from growth.analytics.periods import Range, first_moment, today
from growth.analytics.statements import rows, statement
from growth.models import Project
from growth.transactions import statements_within

HIGHEST = 100

_SETTLED = timedelta(hours=1)
_WIDTH = 10
_PATIENCE = 25
_TOO_SLOW = "To count the scores takes longer than 25 seconds; try again later."


def keep_next(*, at: datetime) -> int:
    """Keep the scores of projects whose day is an hour old; return of how many."""
    return sum(_keep(project, at) for project in Project.objects.order_by("id"))


def scores(project: Project, span: Range) -> dict[str, Any]:
    """Return how the scores are spread now, and their averages on the days that are kept.

    :raises TooSlow: if it takes longer than anybody waits for it.
    """
    with statements_within(_PATIENCE, _TOO_SLOW):
        engagement, lead = _counts(project)
    days = DailyScores.objects.in_project(project)
    kept = days.filter(day__gte=span.first, day__lte=span.last).order_by("day")
    return {
        "contacts": sum(engagement),
        "engagement": _spread(engagement),
        "lead": _spread(lead),
        "trend": [
            {
                "date": each.day,
                "contacts": sum(each.engagement),
                "engagement": _average(each.engagement),
                "lead": _average(each.lead),
            }
            for each in kept
        ],
    }


def _keep(project: Project, at: datetime) -> int:
    day = today(project, at)
    is_settled = at - first_moment(day, project.zone) >= _SETTLED
    if not is_settled or DailyScores.objects.in_project(project).filter(day=day).exists():
        return 0
    engagement, lead = _counts(project)
    kept = DailyScores(project=project, day=day, engagement=engagement, lead=lead)
    DailyScores.objects.bulk_create([kept], ignore_conflicts=True)
    return 1


def _counts(project: Project) -> tuple[list[int], list[int]]:
    """Return how many contacts have a score of 0, 1, … 100, of both kinds."""
    counts = ([0] * (HIGHEST + 1), [0] * (HIGHEST + 1))
    for *pair, count in rows(statement("scores", project=project.key)):
        for kind, score in zip(counts, pair, strict=True):
            kind[score] += count
    return counts


def _spread(counts: Sequence[int]) -> dict[str, Any]:
    """Return the average, the median and how many have a score of 0 to 9, 10 to 19 … 90 to 100."""
    firsts = range(0, HIGHEST, _WIDTH)
    ends = [*firsts[1:], HIGHEST + 1]
    return {
        "average": _average(counts),
        "median": _median(counts),
        "distribution": [
            {"from": first, "to": end - 1, "count": sum(counts[first:end])}
            for first, end in zip(firsts, ends, strict=True)
        ],
    }


def _average(counts: Sequence[int]) -> float | None:
    people = sum(counts)
    points = sum(score * count for score, count in enumerate(counts))
    return round(points / people, 1) if people else None


def _median(counts: Sequence[int]) -> int | None:
    """Return the least score that half of the people do not exceed."""
    half, reached = sum(counts) / 2, 0
    for score, count in enumerate(counts):
        reached += count
        if reached and reached >= half:
            return score
    return None
