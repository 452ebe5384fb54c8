"""Broadcasts that wait, are held up, paused, deleted, or written in contradiction."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections

from campaigns.operations.broadcasts import complete_broadcasts, start_broadcasts
from campaigns.operations.campaigns import end_removed, remove_campaign
from contacts.mail import beginning, claiming
from contacts.mail.sending import send_due
from contacts.mail.transport import Relay
from contacts.models import Email
from growth.models import DomainEvent, Project
from tests import smtp_sink
from tests.campaigns.factories import (
    happen,
    make_broadcast,
    make_lifecycle,
    make_segment,
    take,
)
from tests.factories import AT, make_contact, make_topic

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def body(segment, **changes):
    return {
        "type": "broadcast",
        "name": "News",
        "segment_id": segment.id,
        "subject": "Hello",
        "template_id": "tmpl_reengage",
        **changes,
    }


def show(api, campaign):
    return api.get(f"/v1/campaigns/{campaign.id}").json()


def test_a_start_that_comes_too_late_sends_nothing_and_says_why(api, project):
    segment = make_segment(project, make_contact(project))
    campaign = make_broadcast(project, segment, scheduled_at=AT, start_within="2h")

    start_broadcasts(at=AT + 2 * HOUR + timedelta(seconds=1))

    held = show(api, campaign)
    assert held["status"] == "paused"
    assert held["status_reason"].startswith(f"It was to start at {AT:%Y-%m-%dT%H:%M:%SZ}")
    assert not Email.objects.exists()
    assert DomainEvent.objects.filter(type="campaign.paused").count() == 1
    assert start_broadcasts(at=AT + 3 * HOUR) == 0


def test_staff_may_start_it_all_the_same(api, project):
    segment = make_segment(project, make_contact(project))
    campaign = make_broadcast(project, segment, scheduled_at=AT)
    start_broadcasts(at=AT + 2 * DAY)
    campaign.refresh_from_db()

    campaign.activate(at=AT + 3 * DAY)
    start_broadcasts(at=AT + 3 * DAY + HOUR)

    assert Email.objects.count() == 1
    shown = show(api, campaign)
    assert (shown["status"], shown["status_reason"]) == ("active", None)


def test_a_start_within_the_limit_sends(project):
    campaign = make_broadcast(
        project, make_segment(project, make_contact(project)), scheduled_at=AT
    )

    assert start_broadcasts(at=AT + DAY) == 1
    campaign.refresh_from_db()
    assert campaign.started_at == AT + DAY


def test_a_broadcast_that_was_activated_long_ago_is_late_too(project):
    """As when a backup is restored a week after it was made."""
    campaign = make_broadcast(project, make_segment(project, make_contact(project)))

    start_broadcasts(at=AT + 7 * DAY)

    campaign.refresh_from_db()
    assert campaign.status == "paused"
    assert not Email.objects.exists()


def test_a_pause_and_a_resume_send_to_everybody_once(api, project):
    members = [make_contact(project, email=f"p{n}@example.com") for n in range(30)]
    campaign = make_broadcast(project, make_segment(project, *members))
    start_broadcasts(at=AT)

    with smtp_sink.running() as sink:
        send_due(at=AT, relay=Relay(sink.url), limit=10)
        held = claiming.claim(at=AT, limit=5)
        api.post(f"/v1/campaigns/{campaign.id}/pause")
        assert beginning.begin(held.mails, until=held.until, at=AT) == set()
        assert send_due(at=AT + HOUR, relay=Relay(sink.url)) == 0
        assert complete_broadcasts(at=AT + HOUR) == 0
        api.post(f"/v1/campaigns/{campaign.id}/activate")
        while send_due(at=AT + 2 * HOUR, relay=Relay(sink.url)):
            pass

    assert sorted(each.recipient for each in sink.received) == sorted(m.email for m in members)
    assert complete_broadcasts(at=AT + 3 * HOUR) == 1
    assert show(api, campaign)["status"] == "completed"


@pytest.mark.parametrize("state", ["queued", "claimed", "deferred", "sending"])
def test_a_broadcast_is_not_complete_while_a_mail_is_open(project, state):
    make_broadcast(project, make_segment(project, make_contact(project), make_contact(project)))
    start_broadcasts(at=AT)
    Email.objects.update(state="sent", decided_at=AT)
    mail = Email.objects.order_by("id").first()

    Email.objects.filter(pk=mail.pk).update(state=state, decided_at=None)
    assert complete_broadcasts(at=AT) == 0
    Email.objects.filter(pk=mail.pk).update(state="in_doubt", decided_at=AT)
    assert complete_broadcasts(at=AT) == 1


def test_what_has_started_is_frozen(api, project):
    campaign = make_broadcast(project, make_segment(project, make_contact(project)))
    start_broadcasts(at=AT)
    path = f"/v1/campaigns/{campaign.id}"

    for change in (
        {"subject": "Other"},
        {"segment_id": make_segment(project).id},
        {"scheduled_at": "2030-01-01T00:00:00Z"},
        {"topic": make_topic(project).code},
    ):
        assert api.patch(path, change).status_code == 409, change
    assert api.patch(path, {"name": "Renamed"}).json()["name"] == "Renamed"


def test_a_topic_is_named_by_its_code_and_heeded(api, project):
    make_topic(project, "tips", opt_in="double")
    segment = make_segment(project, make_contact(project))
    made = api.post("/v1/campaigns", body(segment, topic="tips")).json()
    path = f"/v1/campaigns/{made['id']}"
    assert made["topic"] == "tips"
    assert api.patch(path, {"topic": "nonsense"}).status_code == 422
    assert api.patch(path, {"topic": None}).json()["topic"] is None
    assert api.patch(path, {"topic": "tips"}).json()["topic"] == "tips"

    api.post(f"{path}/activate")
    campaign = DomainEvent.objects.get(type="campaign.activated")
    start_broadcasts(at=campaign.created_at)
    claiming.claim(at=campaign.created_at, limit=10)

    assert Email.objects.get().reason == "consent"


def test_a_deleted_campaign_is_gone_and_its_mail_says_why(api, project, relay):
    segment = make_segment(project, make_contact(project), make_contact(project))
    campaign = make_broadcast(project, segment)
    start_broadcasts(at=AT)
    sent = Email.objects.order_by("id").first()
    Email.objects.filter(pk=sent.pk).update(state="sent", decided_at=AT)
    path = f"/v1/campaigns/{campaign.id}"

    assert api.delete(path).status_code == 204
    assert api.delete(path).status_code == api.get(path).status_code == 404
    assert api.get("/v1/campaigns").json()["data"] == []

    decisions = Email.objects.order_by("id").values_list("state", "reason")
    assert list(decisions) == [("sent", ""), ("suppressed", "campaign_deleted")]
    assert complete_broadcasts(at=AT) == 0
    assert api.delete(f"/v1/segments/{segment.id}").status_code == 204


def test_a_deleted_sequence_writes_to_nobody_more(api, project, relay):
    campaign = make_lifecycle(project, "0m", "1d")
    happen(make_contact(project))
    relay(AT)

    api.delete(f"/v1/campaigns/{campaign.id}")
    happen(make_contact(project))
    relay(AT)
    take(AT + 9 * DAY)

    journey = campaign.enrollments.get()
    assert (journey.state, journey.reason) == ("exited", "campaign_deleted")
    assert Email.objects.get().state == "suppressed"


def test_mail_that_was_being_sent_when_its_campaign_was_deleted_does_not_come_back(project):
    campaign = make_broadcast(project, make_segment(project, make_contact(project)))
    start_broadcasts(at=AT)
    Email.objects.update(state="sending")
    remove_campaign(campaign, at=AT)
    Email.objects.update(state="deferred")

    assert end_removed(at=AT + HOUR) == 1
    assert Email.objects.get().reason == "campaign_deleted"
    assert end_removed(at=AT + HOUR) == 0


def test_what_is_said_twice_and_differently_is_refused(api, project):
    segment = make_segment(project)
    step = {"subject": "Other", "template_id": "tmpl_welcome_01"}

    refused = api.post("/v1/campaigns", body(segment, steps=[step]))
    assert refused.status_code == 422
    assert refused.json()["error"]["details"][0]["field"] == "subject"
    assert "steps[0].subject" in refused.json()["error"]["message"]
    same = {"subject": "Hello", "template_id": "tmpl_reengage"}
    assert api.post("/v1/campaigns", body(segment, steps=[same])).status_code == 201


def test_a_broadcast_keeps_its_step_when_one_part_of_it_is_patched(api, project):
    made = api.post("/v1/campaigns", body(make_segment(project))).json()

    changed = api.patch(f"/v1/campaigns/{made['id']}", {"template_id": "tmpl_welcome_01"}).json()

    assert changed["subject"] == "Hello"
    assert changed["steps"][0]["id"] == made["steps"][0]["id"]


@pytest.mark.parametrize("field", ["reentry", "goal", "delay_from", "exit_on_segment_leave"])
def test_a_broadcast_has_no_settings_of_sequences(api, project, field):
    value = {
        "reentry": "never",
        "goal": {"event": "x"},
        "delay_from": "enrollment",
        "exit_on_segment_leave": True,
    }[field]
    refused = api.post("/v1/campaigns", body(make_segment(project), **{field: value}))

    assert refused.status_code == 422
    assert refused.json()["error"]["details"][0]["field"] == field


@pytest.mark.django_db(transaction=True)
def test_starts_at_the_same_time_queue_each_contact_once():
    """At the same time: proved by six threads that start, complete and start again."""
    project = Project.objects.create(name="Acme")
    campaign = make_broadcast(
        project, make_segment(project, *(make_contact(project) for _ in range(20)))
    )

    def work(_):
        try:
            start_broadcasts(at=AT)
            complete_broadcasts(at=AT)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(6)))

    assert Email.objects.count() == 20
    campaign.refresh_from_db()
    assert campaign.status == "active"
