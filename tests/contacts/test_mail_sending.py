"""Mails from the queue to a real SMTP server."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from contacts.mail import claiming, outcomes, sending
from contacts.mail.sending import send_due, send_test_mail
from contacts.mail.transport import Relay
from contacts.models import Email, EmailActivity, Event, Suppression
from contacts.tasks import send_due_emails
from growth.errors import Conflict, Invalid
from growth.models import DomainEvent, Project
from tests import smtp_sink
from tests.contacts.mail_factories import CAMPAIGN, make_stream, make_template, queue, states
from tests.factories import AT, make_contact
from tests.smtp_sink import Sink

MINUTE = timedelta(minutes=1)


@pytest.fixture
def sink() -> Iterator[Sink]:
    with smtp_sink.running() as sink:
        yield sink


@pytest.fixture
def smtp(sink: Sink) -> Iterator[Relay]:
    relay = Relay(sink.url, timeout=2, dot_timeout=2)
    yield relay
    relay.close()


@pytest.fixture
def stream(project: Project):
    make_template(project)
    return make_stream(project)


def people(project: Project, *addresses: str):
    return [make_contact(project, email=address) for address in addresses]


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
    begin = claiming.begin

    def pause_and_begin(*args, **kwargs):
        stream.pause(at=AT)
        return begin(*args, **kwargs)

    monkeypatch.setattr(claiming, "begin", pause_and_begin)
    send_due(at=AT, relay=smtp)

    assert states(stream) == ["queued", "queued"]
    assert set(Email.objects.values_list("due_at", "leased_until", "attempts")) == {(AT, None, 0)}


def test_someone_who_leaves_between_claim_and_sending_gets_nothing(project, stream, smtp, sink):
    [email] = queue(stream, people(project, "a@example.com"))
    claim = claiming.claim(at=AT, limit=10)
    Suppression.objects.create(project=project, email_key="a@example.com", reason="manual")

    assert claiming.begin(claim.mails, until=claim.until, at=AT) == set()
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
        patch.setattr(outcomes, "record", die)
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
    record = outcomes.record

    def record_late(*args, **kwargs):
        assert claiming.settle_lost(at=AT + 6 * MINUTE) == 1
        record(*args, **kwargs)

    monkeypatch.setattr(outcomes, "record", record_late)
    send_due(at=AT, relay=smtp)

    assert states(stream) == ["sent"]


def test_a_worker_that_lost_its_claim_sends_nothing(project, stream, smtp, sink):
    queue(stream, people(project, "a@example.com"))
    stale = claiming.claim(at=AT, limit=10)
    fresh = claiming.claim(at=AT + MINUTE, limit=10)

    assert claiming.begin(stale.mails, until=stale.until, at=AT) == set()
    assert len(claiming.begin(fresh.mails, until=fresh.until, at=AT + MINUTE)) == 1


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


def test_a_batch_reuses_one_connection_and_few_statements(
    project, stream, smtp, sink, django_assert_max_num_queries
):
    queue(stream, [make_contact(project) for _ in range(100)])

    with django_assert_max_num_queries(80):  # 5 chunks, their savepoints among it
        assert send_due(at=AT, relay=smtp) == 100

    assert sink.connections == 1
    assert len(sink.received) == 100


@pytest.mark.parametrize(
    "template",
    [
        {"html": "{{ (1..1000000000) | join: '' | size }}"},
        {"text": "{% for a in (1..999) %}{% for b in (1..999) %}x{% endfor %}{% endfor %}"},
        {"subject": "{{ 'a' | divided_by: 0 }}"},
        {"html": "{% include '/etc/passwd' %}"},
        {"html": "{{ broken"},
    ],
)
def test_a_hostile_template_fails_its_own_mails_only(project, stream, smtp, sink, template):
    make_template(project, "tmpl_hostile", **template)
    hostile = make_stream(project)
    queue(hostile, people(project, "a@example.com"), template="tmpl_hostile")
    queue(stream, people(project, "b@example.com"))

    send_due(at=AT, relay=smtp)

    assert (states(hostile), states(stream)) == (["failed"], ["sent"])
    assert hostile.emails.get().reason.startswith("Template: ")


def test_a_mail_of_a_template_that_is_gone_fails(project, stream, smtp):
    queue(stream, people(project, "a@example.com"), template="tmpl_gone")

    send_due(at=AT, relay=smtp)

    assert stream.emails.get().reason == "Template: There is no template tmpl_gone."


def test_a_project_sends_its_own_template_before_the_starter(project, stream, smtp, sink):
    make_template(project, "tmpl_welcome_01", subject="Ours")
    queue(stream, people(project, "a@example.com"), template="tmpl_welcome_01")
    queue(stream, people(project, "b@example.com"), template="tmpl_welcome_02", entry=1)

    send_due(at=AT, relay=smtp)

    subjects = [received.parsed["Subject"] for received in sink.received]
    assert subjects == ["Ours", "Three ideas for your first week"]


def test_each_project_gets_its_share(project, other_project, smtp):
    for each, count in ((project, 30), (other_project, 3)):
        make_template(each)
        queue(make_stream(each), [make_contact(each) for _ in range(count)])

    claim = claiming.claim(at=AT, limit=10)

    taken = [mail.project for mail in claim.mails]
    assert (taken.count(project.key), taken.count(other_project.key)) == (5, 3)


def test_a_test_mail_is_sent_at_once_and_counted_nowhere(project, stream, sink, settings):
    settings.EMAIL_URL = sink.url

    send_test_mail(
        stream,
        template_code="tmpl_welcome_01",
        subject="{{ contact.first_name }}: {{ campaign.name }}",
        address="team@example.com",
        at=AT,
    )

    [received] = sink.received
    assert received.recipient == "team@example.com"
    assert received.parsed["Subject"] == "[Test] Alex: Spring"
    assert "/u/sample" in received.parsed.get_body(("plain",)).get_content()
    assert not Email.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("address", "template", "error"),
    [
        ("550+a@example.com", "tmpl_plain", Conflict),
        ("450+a@example.com", "tmpl_plain", sending.MailServerUnavailable),
        ("drop-after-dot+a@example.com", "tmpl_plain", sending.MailServerUnavailable),
        ("not an address", "tmpl_plain", Invalid),
        ("a@example.com", "tmpl_gone", Invalid),
    ],
)
def test_a_test_mail_that_cannot_be_sent_says_so(stream, sink, settings, address, template, error):
    settings.EMAIL_URL = sink.url

    with pytest.raises(error):
        send_test_mail(stream, template_code=template, subject="", address=address, at=AT)


def test_a_test_mail_without_a_server_says_so(stream, settings):
    settings.EMAIL_URL = "smtp://127.0.0.1:1"

    with pytest.raises(sending.MailServerUnavailable, match="cannot be reached"):
        send_test_mail(
            stream, template_code="tmpl_plain", subject="", address="a@example.com", at=AT
        )
