"""Schedules are written in the project's zone; delays are hours, whatever the clocks do."""

from datetime import UTC, datetime, timedelta

import pytest

from contacts.models import Email
from growth.models import Project
from tests.campaigns.factories import (
    decide_all,
    happen,
    make_lifecycle,
    make_segment,
    take,
)
from tests.conftest import client_with
from tests.factories import make_contact

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
CHANGES = {
    "Europe/Berlin": ("2026-03-29T01:00:00", "2026-10-25T01:00:00"),
    "America/New_York": ("2026-03-08T07:00:00", "2026-11-01T06:00:00"),
    "Australia/Lord_Howe": ("2026-10-03T15:30:00", "2026-04-04T15:00:00"),
    "Asia/Kathmandu": ("2026-01-01T00:00:00", "2026-07-01T00:00:00"),
}


def scheduled(zone: str, written: str) -> str:
    project = Project.objects.create(name="Acme", timezone=zone)
    body = {
        "type": "broadcast",
        "name": "News",
        "segment_id": make_segment(project).id,
        "template_id": "tmpl_reengage",
        "scheduled_at": written,
    }
    response = client_with(project, scopes=["*"]).post("/v1/campaigns", body)
    assert response.status_code == 201, response.json()
    return response.json()["scheduled_at"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("zone", "written", "moment"),
    [
        ("UTC", "2026-06-01T09:00:00", "2026-06-01T09:00:00Z"),
        ("Europe/Berlin", "2026-01-15T09:00:00", "2026-01-15T08:00:00Z"),
        ("Europe/Berlin", "2026-06-01T09:00:00", "2026-06-01T07:00:00Z"),
        ("Europe/Berlin", "2026-06-01", "2026-05-31T22:00:00Z"),
        ("Europe/Berlin", "2026-03-29T02:30:00", "2026-03-29T01:30:00Z"),  # there is no such hour
        ("Europe/Berlin", "2026-10-25T02:30:00", "2026-10-25T01:30:00Z"),  # the later of the two
        ("Europe/Berlin", "2026-06-01T09:00:00Z", "2026-06-01T09:00:00Z"),
        ("Europe/Berlin", "2026-06-01T09:00:00-04:00", "2026-06-01T13:00:00Z"),
        ("America/New_York", "2026-01-15T09:00:00", "2026-01-15T14:00:00Z"),
        ("America/New_York", "2026-06-01T09:00", "2026-06-01T13:00:00Z"),
        ("Australia/Lord_Howe", "2026-01-15T09:00:00", "2026-01-14T22:00:00Z"),
        ("Australia/Lord_Howe", "2026-06-01T09:00:00", "2026-05-31T22:30:00Z"),
        ("Asia/Kathmandu", "2026-06-01T09:00:00", "2026-06-01T03:15:00Z"),
    ],
)
def test_a_schedule_without_a_zone_is_meant_in_the_projects(zone, written, moment):
    assert scheduled(zone, written) == moment


@pytest.mark.parametrize(
    "written",
    [
        *("tomorrow", "", 7, True, [], "2026-02-30T00:00:00", "2026-06-01T25:00:00"),
        *("9999-12-31T23:59:59-12:00", "0000-01-01", "2026-06-01T09:00:00 Europe/Berlin"),
    ],
)
def test_what_is_no_time_is_refused(api, project, written):
    body = {
        "type": "broadcast",
        "name": "News",
        "segment_id": make_segment(project).id,
        "template_id": "tmpl_reengage",
        "scheduled_at": written,
    }
    response = api.post("/v1/campaigns", body)

    assert response.status_code == 422, response.json()
    assert response.json()["error"]["details"][0]["field"] == "scheduled_at"


@pytest.mark.django_db
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("which", [0, 1])
def test_a_day_of_delay_is_24_hours_over_a_change_of_the_clocks(zone, which, relay):
    project = Project.objects.create(name="Acme", timezone=zone)
    first = datetime.fromisoformat(CHANGES[zone][which]).replace(tzinfo=UTC) - timedelta(hours=12)
    make_lifecycle(project, "0m", "1d", "2d")
    happen(make_contact(project), at=first)
    relay(first)
    decide_all(first)

    for day in (1, 2):
        due = first + timedelta(days=day)
        take(due - timedelta(seconds=1))
        assert Email.objects.count() == day
        take(due)
        assert Email.objects.count() == day + 1
        decide_all(due)
