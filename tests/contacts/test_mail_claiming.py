"""Who may send a mail, and who gets it: claims, pauses, deaths and objections."""

from datetime import timedelta

import pytest

from contacts.mail import beginning, claiming, recording, sending
from contacts.mail.sending import send_due
from contacts.mail.transport import Relay
from contacts.models import Email, Suppression
from tests import smtp_sink
from tests.contacts.mail_factories import make_stream, make_template, people, queue, states
from tests.factories import AT, make_contact

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("reason", "spoil"),
    [
        ("deleted", lambda email: email.contact.__class__.objects.update(deleted_at=AT)),
        ("no_address", lambda email: Email.objects.update(address="")),
        ("invalid_address", lambda email: Email.objects.update(address="a@x.com,b@x.com")),
        (
            "unsubscribed",
            lambda email: Suppression.objects.create(
                project=email.project, email_key=email.email_key, reason="unsubscribed"
            ),
        ),
    ],
)
def test_what_must_not_be_sent_says_why(project, stream, smtp, sink, reason, spoil):
    [email] = queue(stream, people(project, "alice@example.com"))
    spoil(email)

    assert send_due(at=AT, relay=smtp) == 1

    email.refresh_from_db()
    assert (email.state, email.reason, email.decided_at) == ("suppressed", reason, AT)
    assert not sink.received


def test_a_suppression_of_another_project_does_not_count(project, other_project, stream, smtp):
    queue(stream, people(project, "alice@example.com"))
    Suppression.objects.create(
        project=other_project, email_key="alice@example.com", reason="unsubscribed"
    )

    send_due(at=AT, relay=smtp)

    assert states(stream) == ["sent"]


@pytest.mark.parametrize(("offered", "state"), [((), "suppressed"), (("SMTPUTF8",), "sent")])
def test_an_address_in_unicode_needs_a_server_that_takes_it(project, stream, offered, state):
    queue(stream, people(project, "jürgen@example.com", "jane@bücher.example"))

    with smtp_sink.running(extensions=("8BITMIME", *offered)) as sink:
        send_due(at=AT, relay=Relay(sink.url, timeout=2))

    assert states(stream) == [state, "sent"]
    assert sink.recipients[-1] == "jane@xn--bcher-kva.example"


def test_mail_of_a_paused_stream_waits(project, stream, smtp):
    queue(stream, people(project, "a@example.com"))
    stream.pause(at=AT)

    assert send_due(at=AT, relay=smtp) == 0
    assert states(stream) == ["queued"]

    stream.resume()
    send_due(at=AT, relay=smtp)
    assert states(stream) == ["sent"]


def test_a_pause_between_claim_and_sending_gives_the_mails_back(project, stream, smtp, monkeypatch):
    queue(stream, people(project, "a@example.com", "b@example.com"))
    begin = beginning.begin

    def pause_and_begin(*args, **kwargs):
        stream.pause(at=AT)
        return begin(*args, **kwargs)

    monkeypatch.setattr(beginning, "begin", pause_and_begin)
    send_due(at=AT, relay=smtp)

    assert states(stream) == ["queued", "queued"]
    assert set(Email.objects.values_list("due_at", "leased_until", "attempts")) == {(AT, None, 0)}


def test_someone_who_leaves_between_claim_and_sending_gets_nothing(project, stream, smtp, sink):
    [email] = queue(stream, people(project, "a@example.com"))
    claim = claiming.claim(at=AT, limit=10)
    Suppression.objects.create(project=project, email_key="a@example.com", reason="manual")

    assert beginning.begin(claim.mails, until=claim.until, at=AT) == set()
    claiming.release(claim.mails, until=claim.until)
    send_due(at=AT, relay=smtp)

    email.refresh_from_db()
    assert (email.state, email.reason) == ("suppressed", "manual")


def test_a_worker_that_dies_before_sending_gives_its_mails_back(project, stream, smtp):
    queue(stream, people(project, "a@example.com"))
    claiming.claim(at=AT, limit=10)

    assert send_due(at=AT + MINUTE / 2, relay=smtp) == 0
    assert send_due(at=AT + MINUTE, relay=smtp) == 1
    assert states(stream) == ["sent"]


def test_a_worker_that_dies_while_sending_leaves_a_doubt_that_nobody_sends(
    project, stream, smtp, sink, monkeypatch
):
    [email] = queue(stream, people(project, "a@example.com"))

    def die(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(recording, "record", die)
        with pytest.raises(KeyboardInterrupt):
            send_due(at=AT, relay=smtp)
    assert states(stream) == ["sending"]
    for minutes in range(1, 10):
        send_due(at=AT + minutes * MINUTE, relay=smtp)

    email.refresh_from_db()
    assert (email.state, email.reason) == ("in_doubt", "The worker died while sending.")
    assert len(sink.received) == 1


def test_a_worker_that_was_only_slow_resolves_the_doubt(project, stream, smtp, monkeypatch):
    queue(stream, people(project, "a@example.com"))
    record = recording.record

    def record_late(*args, **kwargs):
        assert claiming.settle_lost(at=AT + 6 * MINUTE) == 1
        record(*args, **kwargs)

    monkeypatch.setattr(recording, "record", record_late)
    send_due(at=AT, relay=smtp)

    assert states(stream) == ["sent"]


def test_a_worker_that_lost_its_claim_sends_nothing(project, stream, smtp, sink):
    queue(stream, people(project, "a@example.com"))
    stale = claiming.claim(at=AT, limit=10)
    fresh = claiming.claim(at=AT + MINUTE, limit=10)

    assert beginning.begin(stale.mails, until=stale.until, at=AT) == set()
    assert len(beginning.begin(fresh.mails, until=fresh.until, at=AT + MINUTE)) == 1


def test_what_time_does_not_suffice_for_is_given_back(project, stream, smtp, monkeypatch):
    queue(stream, [make_contact(project) for _ in range(45)])
    monkeypatch.setattr(sending, "BATCH_SECONDS", -1)

    assert send_due(at=AT, relay=smtp) == 45

    assert states(stream) == ["sent"] * 20 + ["queued"] * 25


def test_what_a_slow_server_does_not_take_in_time_is_due_again(project, stream, smtp, monkeypatch):
    queue(stream, people(project, "slow+a@example.com", "b@example.com"))
    monkeypatch.setattr(sending, "CHUNK_SECONDS", 0.1)

    send_due(at=AT, relay=smtp)
    assert states(stream) == ["sent", "queued"]

    send_due(at=AT, relay=smtp)
    assert states(stream) == ["sent", "sent"]


def test_each_project_gets_its_share(project, other_project, smtp):
    for each, count in ((project, 30), (other_project, 3)):
        make_template(each)
        queue(make_stream(each), [make_contact(each) for _ in range(count)])

    claim = claiming.claim(at=AT, limit=10)

    taken = [mail.project for mail in claim.mails]
    assert (taken.count(project.key), taken.count(other_project.key)) == (5, 3)
