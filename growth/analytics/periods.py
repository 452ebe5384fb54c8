"""Hours, days, weeks and months of a project: where they begin, in its zone and by its weeks."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from growth.models import Project

MAX_BUCKETS = 366

_WEEKDAYS = {"monday": 0, "saturday": 5, "sunday": 6}
_ONE = timedelta(days=1)


class Interval(StrEnum):
    """How long a bucket is."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True)
class Range:
    """Days from the first to the last, both included, as they are in the project's zone."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def start(self) -> datetime:
        """The first moment."""
        return first_moment(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return first_moment(self.last + _ONE, self.zone)

    def days(self) -> Iterator[date]:
        """Yield each day."""
        for number in range(self.first.toordinal(), self.last.toordinal() + 1):
            yield date.fromordinal(number)


@dataclass(frozen=True)
class Buckets:
    """The parts of a range: ``bounds`` are their first moments, cut to the range, and its end.

    ``wholes`` are the spans that they would have if nothing cut them.
    """

    labels: list[str]
    bounds: list[datetime]
    wholes: list[tuple[datetime, datetime]]

    def incomplete(self, at: datetime) -> list[str]:
        """Return the labels of those that the range cuts, or that are not over."""
        cut = zip(self.labels, pairwise(self.bounds), self.wholes, strict=True)
        return [label for label, span, whole in cut if span != whole or whole[1] > at]


def buckets(span: Range, interval: Interval, week_start: str) -> Buckets:
    """Return the buckets of the range; a week or month that it cuts bears its own first day."""
    marks = list(_marks(span, interval, week_start))
    labels = [label for label, _ in marks]
    starts = [start for _, start in marks]
    ends = [*starts[1:], _after(span, interval, week_start)]
    bounds = [max(span.start, starts[0]), *starts[1:], span.end]
    return Buckets(labels, bounds, list(zip(starts, ends, strict=True)))


def count_buckets(span: Range, interval: Interval) -> int:
    """Return how many buckets there are at least: a cheap look before they are made."""
    days = (span.last - span.first).days + 1
    per_day = {Interval.HOUR: 23, Interval.DAY: 1, Interval.WEEK: 1 / 7, Interval.MONTH: 1 / 31}
    return int(days * per_day[interval])


def first_moment(day: date, zone: ZoneInfo) -> datetime:
    """Return the first moment of the day, in UTC."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def period_of(day: date, interval: Interval, week_start: str) -> date:
    """Return the first day of the day, week or month in which the day is."""
    if interval is Interval.WEEK:
        return day - timedelta(days=(day.weekday() - _WEEKDAYS[week_start]) % 7)
    return day.replace(day=1) if interval is Interval.MONTH else day


def next_period(first: date, interval: Interval) -> date:
    """Return the first day of the period after the one that begins on this day."""
    if interval is Interval.MONTH:
        return (first + timedelta(days=31)).replace(day=1)
    return first + timedelta(days=7 if interval is Interval.WEEK else 1)


def today(project: Project, at: datetime) -> date:
    """Return the day that it is in the project's zone."""
    return at.astimezone(project.zone).date()


def _marks(span: Range, interval: Interval, week_start: str) -> Iterator[tuple[str, datetime]]:
    if interval is Interval.HOUR:
        for day in span.days():
            yield from _hours(day, span.zone)
        return
    first = period_of(span.first, interval, week_start)
    while first <= span.last:
        yield first.isoformat(), first_moment(first, span.zone)
        first = next_period(first, interval)


def _hours(day: date, zone: ZoneInfo) -> Iterator[tuple[str, datetime]]:
    """Yield the hours of the day, of which there may be 23 or 25."""
    hour, end = first_moment(day, zone), first_moment(day + _ONE, zone)
    while hour < end:
        yield f"{hour:%Y-%m-%dT%H:%M:%SZ}", hour
        hour += timedelta(hours=1)


def _after(span: Range, interval: Interval, week_start: str) -> datetime:
    """Return when the last bucket would end."""
    if interval is Interval.HOUR:
        return span.end
    last = period_of(span.last, interval, week_start)
    return first_moment(next_period(last, interval), span.zone)
