"""Events and people by time: from what is kept of days where that answers, else from the events.

Both ways give the same numbers; tests ask both.
"""

from bisect import bisect_right
from collections import defaultdict
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from contacts.models import Segment
from contacts.rule_sql import Sql, sql
from growth import ids
from growth.analytics.models import Rollup
from growth.analytics.periods import Interval, first_moment
from growth.analytics.queries.sources import label, source
from growth.analytics.questions import MAX_GROUPS, OTHER, Count, GroupBy, GroupKind
from growth.analytics.statements import rows, statement
from growth.models import Project

_ONE = timedelta(days=1)


class Counted(NamedTuple):
    """Counts by bucket number, from 1 on, and group; and in all."""

    counts: dict[int, dict[str | None, int]]
    totals: dict[str | None, int]
    total: int


def count(question: Count, project: Project, *, at: datetime) -> dict[str, Any]:
    """Return the answer as the API shows it, but for its type."""
    counted = _from_days(question, project) or _from_events(question, project, at)
    if question.group_by is None:
        return _plain(question, counted, at)
    return _grouped(question, counted, at)


def _plain(question: Count, counted: Counted, at: datetime) -> dict[str, Any]:
    data = [
        {"date": name, "count": counted.counts.get(number, {}).get(None, 0)}
        for number, name in enumerate(question.buckets.labels, 1)
    ]
    return {
        "data": data,
        "total": counted.total,
        "incomplete": question.buckets.incomplete(at),
    }


def _grouped(question: Count, counted: Counted, at: datetime) -> dict[str, Any]:
    names = shown_names(question.group_by, counted.totals)
    order = sorted(counted.totals, key=lambda one: (one is None, -counted.totals[one], one or ""))
    data = [
        {
            "date": date,
            "groups": _summed(names, order, counted.counts.get(number, {})),
        }
        for number, date in enumerate(question.buckets.labels, 1)
    ]
    return {
        "data": data,
        "total": counted.total,
        "totals": _summed(names, order, counted.totals),
        "incomplete": question.buckets.incomplete(at),
    }


def _summed(
    names: dict[str | None, str], order: list[str | None], counts: dict[str | None, int]
) -> dict[str, int]:
    shown: defaultdict[str, int] = defaultdict(int)
    for each in order:
        shown[names[each]] += counts.get(each, 0)
    return dict(shown)


def shown_names(group_by: GroupBy | None, labels: Any) -> dict[str | None, str]:
    """Return how the groups are called outside; what is beyond the greatest is ``other``."""
    if group_by is None or group_by.kind is not GroupKind.SEGMENTS:
        return {each: OTHER if each is None else each for each in labels}
    prefix = Segment._meta.pk.prefix
    return {
        each: OTHER if each is None else ids.encode(prefix, int(each)) if each.isdigit() else each
        for each in labels
    }


def _from_events(question: Count, project: Project, at: datetime) -> Counted:
    span = question.span
    events = source(project, question.step, span.start, span.end, at=at, group_by=question.group_by)
    parts = {"bounds": question.buckets.bounds[:-1], "events": events}
    if question.group_by:
        parts |= {"label": label(question.group_by), "most": MAX_GROUPS}
    name = f"{question.type}{'_grouped' if question.group_by else ''}"
    found = rows(statement(name, **parts))
    return _unique(found) if question.is_unique else _events(found)


def _events(found: list[tuple]) -> Counted:
    counts: defaultdict[int, dict[str | None, int]] = defaultdict(dict)
    totals: defaultdict[str | None, int] = defaultdict(int)
    for bucket, group, number in found:
        counts[bucket][group] = number
        totals[group] += number
    return Counted(counts, totals, sum(totals.values()))


def _unique(found: list[tuple]) -> Counted:
    counts: defaultdict[int, dict[str | None, int]] = defaultdict(dict)
    totals: dict[str | None, int] = {}
    total = 0
    for bucket, group, number in found:
        if bucket is None:
            total = number
        elif bucket == -1:
            totals[group] = number
        else:
            counts[bucket][group] = number
    return Counted(counts, totals, total)


def _from_days(question: Count, project: Project) -> Counted | None:
    """Return the answer if days are kept that give it: of one event, or of all for mere counts."""
    if question.step.filters or question.group_by or question.interval is Interval.HOUR:
        return None
    if not Rollup.objects.filter(project=project, zone=project.timezone).exists():
        return None
    if question.is_unique:
        return _people_of_days(question, project) if question.step.event else None
    return _totals_of_days(question, project)


def _totals_of_days(question: Count, project: Project) -> Counted | None:
    span = question.span
    found = rows(
        statement(
            "daily_totals",
            project=project.key,
            zone=project.timezone,
            named=_named(question.step.event),
            first=span.first,
            last=span.last,
            days=[each.astimezone(span.zone).date() for each in question.buckets.bounds[:-1]],
        )
    )
    if not found[0][0]:
        return None
    return _events([(bucket, None, number) for _, bucket, number in found if bucket])


def _named(event: str | None) -> Sql:
    if event is None:
        return Sql("name <> '' AND NOT starts_with(name, '$')")
    return sql("name = {}", event)


def _people_of_days(question: Count, project: Project) -> Counted | None:
    days = list(question.span.days())
    moments = [first_moment(each, question.span.zone) for each in [*days, days[-1] + _ONE]]
    spans = list(pairwise(moments))
    found = rows(
        statement(
            "daily_people",
            project=project.key,
            zone=project.timezone,
            name=question.step.event,
            days=days,
            starts=[start for start, _ in spans],
            ends=[end for _, end in spans],
            buckets=[_bucket(question, day) for day in days],
        )
    )
    if not found[0][0]:
        return None
    counts = {bucket: {None: number} for _, bucket, number in found if bucket}
    total = next(number for _, bucket, number in found if not bucket)
    return Counted(counts, {None: total}, total)


def _bucket(question: Count, day: date) -> int:
    start = first_moment(day, question.span.zone)
    return bisect_right(question.buckets.bounds[:-1], start)
