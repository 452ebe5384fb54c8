"""Mails from the queue to a real SMTP server."""

from datetime import timedelta

import pytest

from contacts.mail.sending import send_due
from contacts.mail.transport import Relay
from contacts.models import Email, EmailActivity, Event, Suppression
from contacts.tasks import send_due_emails
from growth.models import DomainEvent
from tests.contacts.mail_factories import (
    CAMPAIGN,
    make_stream,
    people,
    queue,
    states,
)
from tests.factories import AT, make_contact

MINUTE = timedelta(minutes=1)


def test_a_queued_mail_is_sent_once(project, stream, smtp, sink):
    contact = make_contact(project, email="alice@example.com", traits={"first_name": "Alice"})
    [email] = queue(stream, [contact])

    assert send_due(at=AT, relay=smtp) == 1
    assert send_due(at=AT + MINUTE, relay=smtp) == 0

    [received] = sink.received
    assert received.recipient == "alice@example.com"
    assert received.parsed["Subject"] == "Hi Alice"
    email.refresh_from_db()
    assert (email.state, email.decided_at, email.attempts) == ("sent", AT, 1)


def test_the_task_sends_what_is_due_over_the_configured_server(project, stream, sink, settings):
    settings.EMAIL_URL = sink.url
    queue(stream, people(project, "a@example.com", "b@example.com"))

    send_due_emails()

    assert states(stream) == ["sent", "sent"]
    assert sink.connections == 1


def test_what_is_sent_is_an_event_of_the_contact_and_news(project, stream, smtp):
    [contact] = people(project, "alice@example.com")
    queue(stream, [contact], hops=2)

    send_due(at=AT, relay=smtp)

    event = Event.objects.get(name="$email_sent")
    about = {"campaign_id": CAMPAIGN["id"], "step_id": "step_1", "template_id": "tmpl_plain"}
    assert (event.contact_id, event.properties, event.hops) == (contact.id, about, 3)
    news = DomainEvent.objects.get(type="campaign.email.sent")
    assert news.data == about | {"contact_id": contact.id, "email": "alice@example.com"}
    assert (news.subject, news.hops) == (contact.key, 3)


def test_mail_of_other_streams_is_no_news_of_campaigns(project, stream, smtp):
    queue(make_stream(project, kind="survey", context={}), people(project, "a@example.com"))

    send_due(at=AT, relay=smtp)

    assert Event.objects.get(name="$email_sent").properties == {"template_id": "tmpl_plain"}
    assert not DomainEvent.objects.filter(type="campaign.email.sent").exists()


@pytest.mark.parametrize(
    ("mode", "state"),
    [
        ("ok", "sent"),
        ("slow", "sent"),
        ("421", "deferred"),
        ("450", "deferred"),
        ("451-dot", "deferred"),
        ("drop-before-dot", "deferred"),
        ("550", "failed"),
        ("554-data", "failed"),
        ("554-dot", "failed"),
        ("policy", "failed"),
        ("drop-after-dot", "in_doubt"),
    ],
)
def test_each_failure_has_its_state_and_touches_no_other_mail(project, stream, smtp, mode, state):
    queue(stream, people(project, "a@example.com", f"{mode}+b@example.com", "c@example.com"))

    send_due(at=AT, relay=smtp)

    assert states(stream) == ["sent", state, "sent"]


def test_a_deferred_mail_is_tried_again_later_and_later_for_a_day(project, stream, smtp, sink):
    [email] = queue(stream, people(project, "450+a@example.com"))

    waits, at = [], AT
    while email.state not in ("failed", "sent"):
        send_due(at=at, relay=smtp)
        email.refresh_from_db()
        waits.append((email.due_at - at) / MINUTE)
        at = email.due_at

    assert waits[:5] == [1, 5, 30, 120, 360]
    assert email.decided_at == AT + timedelta(hours=24)
    assert email.reason.startswith("Given up after a day: 450")
    assert not sink.received


def test_a_recipient_that_does_not_exist_gets_no_more_mail(project, stream, smtp):
    [contact] = people(project, "550+a@example.com")
    [email] = queue(stream, [contact])

    send_due(at=AT, relay=smtp)

    suppression = Suppression.objects.get()
    assert (suppression.email_key, suppression.reason) == ("550+a@example.com", "bounced")
    activity = EmailActivity.objects.get(email=email)
    assert (activity.kind, activity.detail) == ("bounced", "550 5.1.1 No such mailbox")
    assert Event.objects.get(name="$email_bounced").contact_id == contact.id
    news = DomainEvent.objects.get(type="campaign.email.bounced")
    assert news.data["reason"] == "550 5.1.1 No such mailbox"


@pytest.mark.parametrize("mode", ["policy", "554-data", "554-dot"])
def test_a_refusal_that_is_not_about_the_mailbox_ends_no_address(project, stream, smtp, mode):
    queue(stream, people(project, f"{mode}+a@example.com"))

    send_due(at=AT, relay=smtp)

    assert not Suppression.objects.exists()
    assert not EmailActivity.objects.exists()


def test_a_server_that_is_down_leaves_nothing_in_doubt(project, stream):
    down = Relay("smtp://127.0.0.1:1", timeout=1)
    queue(stream, [make_contact(project) for _ in range(25)])

    assert send_due(at=AT, relay=down) == 0

    assert states(stream) == ["queued"] * 25
    assert set(Email.objects.values_list("due_at", "attempts")) == {(AT, 0)}


def test_a_server_that_goes_away_leaves_the_rest_its_place(project, stream, smtp, monkeypatch):
    queue(stream, people(project, "a@example.com", "421+b@example.com", "c@example.com"))
    smtp.open()
    monkeypatch.setattr(smtp, "_server", Relay("smtp://127.0.0.1:1")._server)

    assert send_due(at=AT, relay=smtp) == 0

    assert states(stream) == ["sent", "deferred", "queued"]
    assert list(Email.objects.order_by("id").values_list("attempts", flat=True)) == [1, 1, 0]


def test_an_address_that_bounced_gets_nothing_of_the_next_chunk(project, stream, smtp, sink):
    [contact] = people(project, "550+a@example.com")
    queue(stream, [contact, *(make_contact(project) for _ in range(19))])
    other = make_stream(project)
    queue(other, [contact])

    send_due(at=AT, relay=smtp)

    assert states(stream)[0] == "failed"
    assert states(other) == ["queued"]  # Its last look saw the bounce; the next claim says so.
    send_due(at=AT, relay=smtp)
    assert states(other) == ["suppressed"]


def test_a_batch_reuses_one_connection_and_few_statements(
    project, stream, smtp, sink, django_assert_max_num_queries
):
    queue(stream, [make_contact(project) for _ in range(100)])

    with django_assert_max_num_queries(40):  # 5 chunks, and the first month of events
        assert send_due(at=AT, relay=smtp) == 100

    assert sink.connections == 1
    assert len(sink.received) == 100
