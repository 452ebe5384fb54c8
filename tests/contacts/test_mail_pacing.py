"""When mail may go: rates, quiet hours, caps, and servers that are away."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from contacts.mail import breaker, claiming
from contacts.mail.sending import send_due
from contacts.mail.transport import Relay
from contacts.models import Email, MailGate
from tests import smtp_sink
from tests.contacts.mail_factories import make_stream, make_template, queue, states
from tests.factories import AT, make_contact
from tests.smtp_sink import Sink

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)


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
def stream(project):
    make_template(project)
    return make_stream(project)


@pytest.fixture
def down() -> Relay:
    return Relay("smtp://127.0.0.1:1", timeout=1)


def people(project, *addresses: str):
    return [make_contact(project, email=address) for address in addresses]


def crowd(project, count: int, domain: str = "example.com"):
    return people(project, *(f"person-{n}@{domain}" for n in range(count)))


def play(smtp: Relay, sink: Sink, seconds: int) -> list[int]:
    """Return how many mails came in each second."""
    counts = []
    for second in range(seconds):
        before = len(sink.received)
        while send_due(at=AT + second * SECOND, relay=smtp):
            pass
        counts.append(len(sink.received) - before)
    return counts


# Rates


def test_a_project_sends_no_faster_than_its_rate(project, stream, smtp, sink):
    project.mail_rate = 120
    project.save()
    queue(stream, crowd(project, 12))

    # What a second holds may come at once; then it is two a second.
    assert play(smtp, sink, 6) == [3, 2, 2, 2, 2, 1]


def test_a_domain_gets_no_more_than_its_rate_from_all_projects(
    project, other_project, stream, smtp, sink, settings
):
    settings.MAIL_DOMAIN_RATES = {"gmail.com": 60}
    make_template(other_project)
    queue(stream, crowd(project, 5, "gmail.com") + crowd(project, 5))
    queue(make_stream(other_project), crowd(other_project, 5, "gmail.com"))

    play(smtp, sink, 6)

    domains = Counter(address.rpartition("@")[2] for address in sink.recipients)
    assert domains == {"example.com": 5, "gmail.com": 7}


def test_other_domains_each_have_a_rate_of_their_own(project, stream, smtp, sink, settings):
    settings.MAIL_DOMAIN_RATES = {"*": 60}
    queue(stream, [*crowd(project, 3, "a.example"), *crowd(project, 3, "b.example")])

    assert play(smtp, sink, 2) == [4, 2]


def test_mail_that_waits_for_its_place_is_looked_at_once(project, stream, smtp, sink, settings):
    settings.MAIL_RATE = 60
    queue(stream, crowd(project, 50))

    assert send_due(at=AT, relay=smtp) == 50
    assert send_due(at=AT, relay=smtp) == 0

    due = sorted(stream.emails.waiting().values_list("due_at", flat=True))
    assert due == [AT + n * SECOND for n in range(1, 49)]


def test_after_an_outage_mail_takes_its_places_anew(project, stream, smtp, sink, settings):
    settings.MAIL_RATE = 60
    queue(stream, crowd(project, 50))
    send_due(at=AT, relay=smtp)

    later = AT + 10 * MINUTE
    before = len(sink.received)
    while send_due(at=later, relay=smtp):
        pass

    assert len(sink.received) - before == 2


def test_mail_that_somebody_waits_for_does_not_wait_for_a_broadcast(
    project, stream, smtp, sink, settings
):
    settings.MAIL_RATE = 60
    queue(stream, crowd(project, 50))
    send_due(at=AT, relay=smtp)
    queue(make_stream(project, kind="waitlist"), people(project, "new@example.com"))

    send_due(at=AT, relay=smtp)

    assert sink.recipients[-1] == "new@example.com"


# Quiet hours


def test_mail_due_at_night_waits_for_the_morning_of_its_contact(project, stream, smtp, sink):
    project.timezone, project.quiet_from, project.quiet_to = "Asia/Tokyo", time(22), time(8)
    project.save()
    zones = {"a": "Europe/Berlin", "b": "America/New_York", "c": "Mars/Olympus", "d": "Asia/Tokyo"}
    contacts = [
        make_contact(project, email=f"{name}@example.com", traits={"timezone": zone})
        for name, zone in zones.items()
    ]
    night = datetime(2026, 3, 28, 23, 0, tzinfo=UTC)  # midnight in Berlin, the clock's last hours
    queue(stream, contacts, at=night)

    send_due(at=night, relay=smtp)

    due = dict(stream.emails.values_list("address", "due_at"))
    assert sink.recipients == ["b@example.com", "c@example.com", "d@example.com"]
    assert due["a@example.com"] == datetime(2026, 3, 29, 6, 0, tzinfo=UTC)  # 08:00, summer now
    assert send_due(at=due["a@example.com"] - SECOND, relay=smtp) == 0
    assert send_due(at=due["a@example.com"], relay=smtp) == 1
    assert states(stream) == ["sent"] * 4


def test_mail_that_somebody_waits_for_comes_at_night(project, stream, smtp):
    project.quiet_from, project.quiet_to = time(0), time(23)
    project.save()
    confirmation = make_stream(project, kind="waitlist")
    queue(confirmation, people(project, "a@example.com"))
    queue(stream, people(project, "b@example.com"))

    send_due(at=AT, relay=smtp)

    assert (states(confirmation), states(stream)) == (["sent"], ["queued"])


# The cap


def cap(project, count: int, window: timedelta = 7 * DAY) -> None:
    project.mail_cap_count, project.mail_cap_window = count, window
    project.save()


def test_a_contact_gets_no_more_mail_than_the_cap_from_campaigns_surveys_and_referrals(
    project, stream, smtp, sink
):
    cap(project, 2)
    [contact] = people(project, "a@example.com")
    streams = [stream, make_stream(project, kind="survey"), make_stream(project, kind="referral")]
    for number, each in enumerate(streams):
        queue(each, [contact], at=AT + number * MINUTE)
        while send_due(at=AT + number * MINUTE, relay=smtp):
            pass

    assert [states(each) for each in streams] == [["sent"], ["sent"], ["suppressed"]]
    assert streams[2].emails.get().reason == "cap"


def test_the_window_of_the_cap_moves(project, stream, smtp):
    cap(project, 1, 7 * DAY)
    [contact] = people(project, "a@example.com")
    for entry, at in enumerate([AT, AT + 6 * DAY, AT + 7 * DAY]):
        queue(stream, [contact], at=at, entry=entry)
        send_due(at=at, relay=smtp)

    assert states(stream) == ["sent", "suppressed", "sent"]


def test_two_mails_of_one_batch_heed_the_cap(project, stream, smtp, sink):
    cap(project, 1)
    contacts = crowd(project, 3)
    other = make_stream(project)
    queue(stream, contacts)
    queue(other, contacts)

    while send_due(at=AT, relay=smtp):
        pass

    assert Counter(sink.recipients) == Counter({f"person-{n}@example.com": 1 for n in range(3)})
    assert Counter(states(stream) + states(other)) == {"sent": 3, "suppressed": 3}


def test_mail_that_failed_uses_up_nothing(project, stream, smtp):
    cap(project, 1)
    contacts = people(project, "554-data+a@example.com")
    queue(stream, contacts)
    send_due(at=AT, relay=smtp)
    second = make_stream(project)
    queue(second, contacts)
    send_due(at=AT, relay=smtp)

    assert (states(stream), states(second)) == (["failed"], ["failed"])


def test_confirmations_are_sent_over_the_cap_and_do_not_count(project, stream, smtp):
    cap(project, 1)
    contacts = people(project, "a@example.com")
    waitlists = [make_stream(project, kind="waitlist") for _ in range(2)]
    for each in [*waitlists, stream]:
        queue(each, contacts)
        while send_due(at=AT, relay=smtp):
            pass

    assert [states(each) for each in [*waitlists, stream]] == [["sent"]] * 3


# Settings


@pytest.mark.parametrize(
    "fields",
    [
        {"mail_cap_count": 3},
        {"mail_cap_window": DAY},
        {"mail_cap_count": 0, "mail_cap_window": DAY},
        {"mail_cap_count": 1, "mail_cap_window": timedelta()},
        {"quiet_from": time(22)},
        {"quiet_from": time(22), "quiet_to": time(22)},
        {"mail_rate": 0},
    ],
)
def test_settings_that_say_half_of_it_are_refused(project, fields):
    for name, value in fields.items():
        setattr(project, name, value)

    with pytest.raises(ValidationError):
        project.validate_constraints()
    with pytest.raises(IntegrityError):
        project.save()


# The breaker


def test_a_server_that_is_away_is_left_alone_longer_and_longer(project, stream, down):
    queue(stream, crowd(project, 3))

    tries, at = [], AT
    for _ in range(300):
        if _failures() != (send_due(at=at, relay=down), _failures())[1]:
            tries.append((at - AT) / SECOND)
        at += SECOND

    assert tries == [0, 1, 2, 7, 17, 37, 77, 157]
    assert set(Email.objects.values_list("state", "attempts", "due_at")) == {("queued", 0, AT)}


def _failures() -> int:
    return sum(MailGate.objects.values_list("failures", flat=True))


def test_one_mail_tries_a_server_that_was_away_and_then_all_go(
    project, stream, down, smtp, sink, monkeypatch
):
    queue(stream, crowd(project, 5))
    for second in range(breaker.FAILURES):
        send_due(at=AT + second * SECOND, relay=down)
    monkeypatch.setattr(smtp, "name", down.name)

    assert send_due(at=AT + 3 * SECOND, relay=smtp) == 0
    assert send_due(at=AT + 8 * SECOND, relay=smtp) == 1
    assert send_due(at=AT + 8 * SECOND, relay=smtp) == 4
    assert states(stream) == ["sent"] * 5


def test_only_one_worker_tries(project, down):
    for second in range(breaker.FAILURES):
        breaker.Breaker("smtp:25").failed(at=AT + second * SECOND)
    at = AT + MINUTE

    assert [breaker.Breaker("smtp:25").allows(200, at=at) for _ in range(3)] == [1, 0, 0]
    assert breaker.Breaker("other:25").allows(200, at=at) == 200


def test_without_mail_the_next_may_try(project, stream, down):
    for second in range(breaker.FAILURES):
        breaker.Breaker(down.name).failed(at=AT + second * SECOND)
    at = AT + MINUTE

    assert send_due(at=at, relay=down) == 0
    assert breaker.Breaker(down.name).allows(200, at=at) == 1


def test_what_was_not_tried_is_not_given_up_after_a_day(project, stream, down, smtp):
    queue(stream, crowd(project, 1))
    for day in range(3):
        send_due(at=AT + day * DAY, relay=down)

    claiming.settle_lost(at=AT + 3 * DAY)
    send_due(at=AT + 3 * DAY, relay=smtp)

    assert states(stream) == ["sent"]
