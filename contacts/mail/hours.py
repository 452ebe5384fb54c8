"""Clocks on the wall: when a zone shows a time, and when a quiet night ends there.

A clock put forward passes over times, and a clock put back shows them twice. What is passed over
comes at the moment the clock jumps.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from growth.models import Project

LATE = timedelta(hours=1)
"""A zone whose hour is past by no more than this is not too late for it."""

WIDEST = timedelta(hours=26)
"""From a date's first moment on Earth to the same clock time in the last zone."""

_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Quiet:
    """Hours of the wall clock in which no mail comes; they may pass midnight."""

    start: time
    end: time

    def covers(self, clock: time) -> bool:
        """Tell whether it is quiet when the clock shows this."""
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end

    def end_after(self, at: datetime, zone: ZoneInfo) -> datetime:
        """Return the first moment from now on at which it is not quiet in the zone."""
        moment = at
        while self.covers((clock := moment.astimezone(zone)).time()):
            day = clock.date() if clock.time() < self.end else clock.date() + _DAY
            moment = _showing_after(datetime.combine(day, self.end), zone, moment)
        return moment


def quiet_of(project: Project) -> Quiet | None:
    """Return the project's quiet hours, if it has any."""
    if project.quiet_from is None or project.quiet_to is None:
        return None
    return Quiet(project.quiet_from, project.quiet_to)


def zone_named(name: Any, otherwise: ZoneInfo) -> ZoneInfo:
    """Return the zone of the IANA database that the name is, or the other if it is none."""
    if isinstance(name, str) and name in _names():
        return ZoneInfo(name)
    return otherwise


def first_showing(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment at which the zone's clocks come to show this time, or pass over it."""
    moment = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if _clock(moment, zone) == wall:
        return moment
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _jump(before.replace(microsecond=0), moment.replace(microsecond=0), zone)


def local_moment(wall: datetime, zone: ZoneInfo, *, at: datetime) -> datetime:
    """Return when the zone shows this time, on its day or on the first day that is not over yet."""
    moment = first_showing(wall, zone)
    while moment < at - LATE:
        wall += _DAY
        moment = first_showing(wall, zone)
    return moment


def first_moment(wall: datetime) -> datetime:
    """Return when this time comes to the first zone on Earth."""
    return first_showing(wall, ZoneInfo("Pacific/Kiritimati"))


def _showing_after(wall: datetime, zone: ZoneInfo, after: datetime) -> datetime:
    first = first_showing(wall, zone)
    if first > after:
        return first
    return wall.replace(tzinfo=zone, fold=1).astimezone(UTC)  # The clock shows it again.


def _jump(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """Return the second between these at which the clock is put forward."""
    offset = low.astimezone(zone).utcoffset()
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high


def _clock(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones())
