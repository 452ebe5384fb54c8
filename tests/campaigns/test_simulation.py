"""The test clock: what a campaign would send, with nothing left behind."""

from datetime import datetime, timedelta

import pytest
from django.db import transaction

from campaigns.models import Campaign, Enrollment, Step
from contacts.models import Email, Event, MailStream, Suppression
from growth import outbox
from growth.models import DomainEvent
from tests.campaigns.factories import (
    ONBOARDING,
    decide_all,
    happen,
    make_broadcast,
    make_lifecycle,
    make_segment,
    play,
    write_campaign,
)
from tests.conftest import client_with
from tests.factories import AT, make_contact, make_topic

DAY = timedelta(days=1)
TABLES = (Campaign, Step, Enrollment, Email, Event, MailStream, DomainEvent)


def rows():
    return [list(table.objects.order_by("pk").values()) for table in TABLES]


@pytest.fixture
def simulate(api):
    def run(campaign, **body):
        id = campaign["id"] if isinstance(campaign, dict) else campaign.id
        before = rows()
        answer = api.post(f"/v1/campaigns/{id}/simulate", {"at": AT.isoformat(), **body})
        assert rows() == before
        assert answer.status_code == 200, answer.json()
        return answer.json()

    return run


def days(told, contact=None):
    """Return the subjects by the day on which they would be sent."""
    found = {}
    for mail in told["data"]:
        if mail["status"] == "sent" and contact in (None, mail["contact_id"]):
            day = (datetime.fromisoformat(mail["at"]) - AT) / DAY
            found.setdefault(day, []).append(mail["subject"])
    return found


def test_the_documented_sequence_is_played_on_days_0_2_and_5(api, project, simulate):
    ann = make_contact(project, email="ann@example.com")
    campaign = api.post("/v1/campaigns", ONBOARDING).json()

    told = simulate(campaign, contact_id=ann.id, days=7)

    assert days(told) == {0: ["Welcome to Acme!"], 2: ["Getting started"], 5: ["Tried referrals?"]}
    assert [mail["step_id"] for mail in told["data"]] == [s["id"] for s in campaign["steps"]]
    assert {mail["email"] for mail in told["data"]} == {"ann@example.com"}
    assert told["totals"] == {"contacts": 1, "sent": 3, "suppressed": 0, "left_out": 0}
    assert told["contacts"][0]["state"] == "completed"
    assert told["to"] == "2026-03-09T12:00:00Z"


def test_an_end_before_the_last_step_says_what_would_come_next(api, project, simulate):
    ann = make_contact(project)
    campaign = api.post("/v1/campaigns", ONBOARDING).json()

    told = simulate(campaign, contact_id=ann.id, days=3)

    assert list(days(told)) == [0, 2]
    stands = told["contacts"][0]
    assert (stands["state"], stands["next_step_id"]) == ("active", campaign["steps"][2]["id"])
    assert stands["due_at"] == "2026-03-07T12:00:00Z"


@pytest.mark.parametrize("delay_from", ["enrollment", "previous_step"])
@pytest.mark.parametrize("delays", [("0m", "2d", "5d"), ("1d", "36h"), ("6h", "1d", "30h", "10d")])
def test_the_clock_agrees_with_what_really_happens(
    api, project, relay, simulate, delays, delay_from
):
    ann = make_contact(project)
    campaign = write_campaign(api, *delays, delay_from=delay_from)

    foreseen = days(simulate(campaign, contact_id=ann.id, days=20))
    happen(ann)
    relay(AT)
    decide_all(AT)
    first = list(Email.objects.values_list("subject", flat=True))
    seen = play(AT, 20)

    seen[0.0] = first + seen.get(0.0, [])
    assert {day: mails for day, mails in seen.items() if mails} == foreseen


def test_what_would_be_suppressed_says_why(api, project, simulate):
    make_topic(project, "tips", opt_in="double")
    gone, silent = make_contact(project), make_contact(project, email="", external_id="u1")
    Suppression.objects.create(project=project, email_key=gone.email_key, reason="bounced")
    shy = make_contact(project)
    campaign = write_campaign(api, "0m", topic="tips")

    told = simulate(campaign, sample=3, days=1)

    assert {mail["contact_id"]: mail["reason"] for mail in told["data"]} == {
        gone.id: "bounced",
        silent.id: "no_address",
        shy.id: "consent",
    }
    assert all(mail["explanation"] for mail in told["data"])
    assert told["totals"]["suppressed"] == 3


def test_whoever_is_on_a_journey_goes_on_with_it(api, project, relay, simulate):
    ann = make_contact(project)
    campaign = write_campaign(api, "0m", "2d", "5d")
    happen(ann)
    relay(AT)
    decide_all(AT)
    play(AT, 3)

    told = simulate(campaign, contact_id=ann.id, days=7, at=(AT + 3 * DAY).isoformat())

    assert days(told) == {5: ["5d"]}
    assert told["data"][0]["step_id"] == campaign["steps"][2]["id"]


def test_who_had_a_journey_gets_another_only_where_reentry_says_so(api, project, relay, simulate):
    ann = make_contact(project)
    once = write_campaign(api, "0m")
    again = write_campaign(api, "0m", reentry="after_exit")
    happen(ann)
    relay(AT)
    play(AT, 1)
    later = (AT + DAY).isoformat()

    told = simulate(once, contact_id=ann.id, at=later)
    assert (told["data"], told["contacts"][0]["reason"]) == ([], "already_enrolled")
    assert [mail["entry"] for mail in simulate(again, contact_id=ann.id, at=later)["data"]] == [1]


def test_the_trigger_lets_in_whom_it_would(api, project, simulate):
    ann, stranger = make_contact(project), make_contact(project)
    segment = make_segment(project, ann)
    where = {"field": "properties.plan", "op": "eq", "value": "trial"}
    trigger = {"event": "signup_completed", "segment_id": segment.id, "where": where}
    campaign = write_campaign(api, "0m", trigger=trigger)

    def reason(contact, **properties):
        told = simulate(campaign, contact_id=contact.id, properties=properties)
        return told["contacts"][0]["reason"]

    assert reason(ann, plan="trial") == "completed"
    assert reason(ann, plan="growth") == "filtered"
    assert reason(stranger, plan="trial") == "not_in_segment"
    assert simulate(campaign, sample=9, properties={"plan": "trial"})["totals"]["contacts"] == 1


def test_entering_a_segment_is_played_too(api, project, simulate):
    segment = make_segment(project, make_contact(project))
    campaign = write_campaign(api, "0m", "1d", trigger={"segment_id": segment.id})

    assert days(simulate(campaign, sample=5)) == {0: ["0m"], 1: ["1d"]}


def test_a_broadcast_is_played_at_its_time(api, project, simulate):
    ann, stranger = make_contact(project), make_contact(project)
    campaign = make_broadcast(project, make_segment(project, ann), scheduled_at=AT + 2 * DAY)

    assert days(simulate(campaign, sample=10)) == {2: ["News"]}
    assert simulate(campaign, sample=10, days=1)["data"] == []
    outside = simulate(campaign, contact_id=stranger.id)
    assert outside["contacts"][0]["reason"] == "not_in_segment"


def test_a_missing_template_is_a_warning(api, project, simulate):
    steps = [{"delay": "0m", "template_id": "tmpl_not_yet"}]
    campaign = api.post("/v1/campaigns", {**ONBOARDING, "steps": steps}).json()

    told = simulate(campaign, contact_id=make_contact(project).id)

    assert "tmpl_not_yet" in told["warnings"][0]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "contact_id"),
        ({"contact_id": "cntct_0000000000"}, "contact_id"),
        ({"contact_id": 7}, "contact_id"),
        ({"sample": 0}, "sample"),
        ({"sample": 101}, "sample"),
        ({"sample": 5, "days": 0}, "days"),
        ({"sample": 5, "days": 367}, "days"),
        ({"sample": 5, "days": "many"}, "days"),
        ({"sample": 5, "at": "tomorrow"}, "at"),
        ({"sample": 5, "at": "9999-12-31T00:00:00Z"}, "at"),
        ({"sample": 5, "properties": []}, "properties"),
        ({"sample": 5, "weeks": 2}, "weeks"),
    ],
)
def test_what_cannot_be_played_is_refused(api, project, body, field):
    campaign = make_lifecycle(project, "0m")

    response = api.post(f"/v1/campaigns/{campaign.id}/simulate", body)

    assert response.status_code == 422, response.json()
    assert response.json()["error"]["details"][0]["field"] == field


def test_another_projects_contact_is_unknown(api, project, other_project):
    campaign = make_lifecycle(project, "0m")

    body = {"contact_id": make_contact(other_project).id}

    assert api.post(f"/v1/campaigns/{campaign.id}/simulate", body).status_code == 422


def test_reading_suffices_to_simulate(project):
    campaign = make_lifecycle(project, "0m")
    reader = client_with(project, scopes=["campaigns:read"])

    answer = reader.post(f"/v1/campaigns/{campaign.id}/simulate", {"sample": 1})

    assert answer.status_code == 200


@pytest.mark.django_db(transaction=True)
def test_no_worker_is_woken(api, project, monkeypatch):
    """Nothing is announced: proved by the hooks that run at a real commit."""
    told = []
    monkeypatch.setattr(
        outbox, "wake", lambda task: transaction.on_commit(lambda: told.append(task))
    )
    ann = make_contact(project)
    campaign = make_lifecycle(project, "0m", "1d")
    told.clear()
    before = rows()

    answer = api.post(f"/v1/campaigns/{campaign.id}/simulate", {"contact_id": ann.id})

    assert answer.json()["totals"]["sent"] == 2
    assert (rows(), told) == (before, [])


def test_a_year_of_weekly_mails_takes_a_bounded_number_of_statements(
    api, project, simulate, django_assert_max_num_queries
):
    for _ in range(20):
        make_contact(project)
    campaign = write_campaign(api, *(f"{week * 7}d" for week in range(20)))

    with django_assert_max_num_queries(600):
        told = simulate(campaign, sample=20, days=366)

    assert told["totals"]["sent"] == 400
