"""Quiet hours and local times, over clocks that are put forward, put back, or lose a whole day."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts.mail.hours import Quiet, first_moment, first_showing, local_moment, zone_named

NIGHT = Quiet(time(22), time(8))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "wall", "moment"),
    [
        ("Europe/Berlin", "2026-01-10T09:00", "2026-01-10T08:00"),
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00"),  # the gap
        ("Europe/Berlin", "2026-03-29T03:00", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30"),  # the first of two
        ("America/New_York", "2026-03-08T02:15", "2026-03-08T07:00"),
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30"),
        ("Australia/Lord_Howe", "2026-10-04T02:10", "2026-10-03T15:30"),  # half an hour
        ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45"),
        ("Asia/Kathmandu", "2026-06-01T09:00", "2026-06-01T03:15"),
        ("Pacific/Apia", "2011-12-30T09:00", "2011-12-30T10:00"),  # a day that never was
        ("Pacific/Apia", "2026-07-01T09:00", "2026-06-30T20:00"),
    ],
)
def test_a_time_comes_when_the_clock_first_shows_it_or_passes_over_it(zone, wall, moment):
    assert first_showing(datetime.fromisoformat(wall), ZoneInfo(zone)) == utc(moment)


@pytest.mark.parametrize(
    ("zone", "quiet", "at", "end"),
    [
        ("Europe/Berlin", NIGHT, "2026-01-10T07:00", "2026-01-10T07:00"),  # 08:00 is not quiet
        ("Europe/Berlin", NIGHT, "2026-01-10T06:59", "2026-01-10T07:00"),
        ("Europe/Berlin", NIGHT, "2026-01-10T21:00", "2026-01-11T07:00"),
        ("Europe/Berlin", NIGHT, "2026-03-28T21:30", "2026-03-29T06:00"),  # a night of 9 hours
        ("Europe/Berlin", NIGHT, "2026-10-24T20:30", "2026-10-25T07:00"),  # a night of 11
        ("Europe/Berlin", Quiet(time(1), time(2, 30)), "2026-03-29T00:30", "2026-03-29T01:00"),
        # The clock shows 02:00 to 02:30 twice, and it is quiet both times.
        ("Europe/Berlin", Quiet(time(1), time(2, 30)), "2026-10-25T00:10", "2026-10-25T00:30"),
        ("Europe/Berlin", Quiet(time(1), time(2, 30)), "2026-10-25T00:40", "2026-10-25T00:40"),
        ("Europe/Berlin", Quiet(time(1), time(2, 30)), "2026-10-25T01:10", "2026-10-25T01:30"),
        ("America/New_York", NIGHT, "2026-03-08T03:30", "2026-03-08T12:00"),
        ("America/New_York", NIGHT, "2026-11-01T02:30", "2026-11-01T13:00"),
        ("Australia/Lord_Howe", NIGHT, "2026-10-03T13:00", "2026-10-03T21:00"),
        ("Australia/Lord_Howe", NIGHT, "2026-04-04T12:00", "2026-04-04T21:30"),
        ("Asia/Kathmandu", NIGHT, "2026-06-01T18:00", "2026-06-02T02:15"),
        # From 29 to 31 December: the morning that was passed over ends no night.
        ("Pacific/Apia", NIGHT, "2011-12-30T09:00", "2011-12-30T18:00"),
        ("Pacific/Apia", Quiet(time(12), time(13)), "2026-06-30T23:30", "2026-07-01T00:00"),
    ],
)
def test_quiet_hours_end_when_the_clock_says_so(zone, quiet, at, end):
    assert quiet.end_after(utc(at), ZoneInfo(zone)) == utc(end)


ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
YEARS = st.datetimes(datetime(2011, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
QUARTERS = st.integers(0, 95).map(lambda n: time(n // 4, n % 4 * 15))


@given(YEARS, QUARTERS, QUARTERS, st.sampled_from([*ZONES, "Pacific/Apia"]))
def test_the_end_of_quiet_hours_is_the_first_moment_that_is_not_quiet(at, start, end, name):
    quiet, zone, step = Quiet(start, end), ZoneInfo(name), timedelta(minutes=15)
    if start == end:
        return
    at = at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)

    found = quiet.end_after(at, zone)

    expected = at
    while quiet.covers(expected.astimezone(zone).time()):
        expected += step
    assert found == expected


def test_a_local_time_that_is_long_past_comes_the_next_day():
    nine, tokyo = datetime(2026, 3, 10, 9), ZoneInfo("Asia/Tokyo")

    assert local_moment(nine, tokyo, at=utc("2026-03-09T10:00")) == utc("2026-03-10T00:00")
    assert local_moment(nine, tokyo, at=utc("2026-03-10T00:59")) == utc("2026-03-10T00:00")
    assert local_moment(nine, tokyo, at=utc("2026-03-10T01:01")) == utc("2026-03-11T00:00")


def test_no_zone_is_before_the_first():
    assert first_moment(datetime(2026, 3, 10, 9)) == utc("2026-03-09T19:00")


@pytest.mark.parametrize("name", ["Europe/Atlantis", "", None, 7, ["UTC"], "../etc/passwd", "\0"])
def test_what_is_no_zone_is_the_projects(name):
    assert zone_named(name, ZoneInfo("Asia/Tokyo")).key == "Asia/Tokyo"
