"""Reads what is asked: JSON in, frozen questions out, or all that is wrong with it at once."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from growth.analytics.grammar import cohorts, counts, funnels
from growth.analytics.grammar.picks import Picked, read_pick_of
from growth.analytics.grammar.reader import Reader
from growth.analytics.periods import Range
from growth.analytics.questions import Cohorts, Count, FunnelSteps, QueryType
from growth.errors import Invalid
from growth.models import Project

__all__ = ["Picked", "read_cohorts", "read_funnel", "read_pick", "read_query", "read_range"]

_READERS: dict[QueryType, tuple[Callable[[Reader], Any], tuple[str, ...]]] = {
    QueryType.EVENT_COUNT: (counts.count, counts.FIELDS),
    QueryType.UNIQUE_CONTACTS: (counts.count, counts.FIELDS),
    QueryType.FUNNEL: (funnels.funnel, funnels.FIELDS),
    QueryType.COHORT_RETENTION: (cohorts.cohorts, cohorts.FIELDS),
}


def read_query(data: Any, project: Project, *, at: datetime) -> Count | FunnelSteps | Cohorts:
    """Return the question that the body of a query asks.

    :raises Invalid: naming all that is wrong.
    """
    reader = Reader(data, project, at)
    type = reader.choice("type", QueryType, required=True)
    if type is None:
        raise Invalid(*reader.violations)
    read, fields = _READERS[type]
    return reader.finished(read, ("type", *fields))


def read_range(data: Any, project: Project, *, at: datetime) -> Range:
    """Return the days from the first to the last that are named; without them, the last thirty.

    :raises Invalid: naming all that is wrong.
    """
    return Reader(data, project, at).finished(lambda reader: reader.range(None), ("from", "to"))


def read_funnel(data: Any, project: Project, *, at: datetime) -> FunnelSteps:
    """Return the funnel that a definition describes, of its range.

    :raises Invalid: naming all that is wrong.
    """
    return Reader(data, project, at).finished(funnels.funnel, funnels.FIELDS)


def read_cohorts(data: Any, project: Project, *, at: datetime) -> Cohorts:
    """Return the cohorts that a definition describes, of their range.

    :raises Invalid: naming all that is wrong.
    """
    return Reader(data, project, at).finished(cohorts.cohorts, cohorts.FIELDS)


def read_pick(data: Any, project: Project, *, is_named: bool, at: datetime) -> Picked:
    """Return the question of the body, and which number of its answer is meant.

    :param is_named: whether the body names a segment too.
    :raises Invalid: naming all that is wrong.
    """
    return read_pick_of(read_query, Reader(data, project, at), is_named=is_named)
