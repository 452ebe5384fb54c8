"""Workers, pauses and a database that goes away, with real transactions."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction

from contacts.mail import beginning, claiming, recording
from contacts.mail.sending import send_due
from contacts.mail.transport import Relay
from contacts.models import Email, Event, MailStream
from growth.models import Project
from tests import smtp_sink
from tests.contacts.mail_factories import make_stream, make_template, queue, states
from tests.factories import AT, make_contact
from tests.smtp_sink import Sink

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sink() -> Iterator[Sink]:
    with smtp_sink.running() as sink:
        yield sink


@pytest.fixture
def stream() -> MailStream:
    project = Project.objects.create(name="Acme")
    make_template(project)
    return make_stream(project)


def queue_mails(stream: MailStream, count: int) -> list[Email]:
    return queue(stream, [make_contact(stream.project) for _ in range(count)])


def in_threads(count: int, work: Callable[[], None]) -> list[threading.Thread]:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_workers_at_the_same_time_claim_each_mail_once(stream):
    queue_mails(stream, 60)
    claimed: list[int] = []

    def claim_all() -> None:
        while mails := claiming.claim(at=AT, limit=7).mails:
            claimed.extend(mail.key for mail in mails)

    for thread in in_threads(3, claim_all):
        thread.join()

    assert Counter(Counter(claimed).values()) == {1: 60}


def test_workers_at_the_same_time_send_each_mail_once(stream, sink):
    queue_mails(stream, 100)

    def send_all() -> None:
        relay = Relay(sink.url, timeout=5)
        while send_due(at=AT, limit=30, relay=relay):
            pass
        relay.close()

    for thread in in_threads(3, send_all):
        thread.join()

    assert states(stream) == ["sent"] * 100
    assert Counter(Counter(sink.recipients).values()) == {1: 100}


def test_a_pause_that_is_not_committed_holds_up_those_who_would_send(stream):
    queue_mails(stream, 3)
    claim = claiming.claim(at=AT, limit=3)
    begun: list[set[int]] = []

    with transaction.atomic():
        stream.pause(at=AT)
        [thread] = in_threads(
            1, lambda: begun.append(beginning.begin(claim.mails, until=claim.until, at=AT))
        )
        thread.join(0.2)
        assert thread.is_alive()
    thread.join()

    assert begun == [set()]


def test_a_pause_waits_for_those_who_begin(stream):
    queue_mails(stream, 3)
    claim = claiming.claim(at=AT, limit=3)

    with transaction.atomic():
        begun = beginning.begin(claim.mails, until=claim.until, at=AT)
        [thread] = in_threads(1, lambda: MailStream.objects.get(pk=stream.pk).pause(at=AT))
        thread.join(0.2)
        assert thread.is_alive()
    thread.join()

    assert len(begun) == 3
    assert MailStream.objects.get().paused_at == AT


def test_a_commit_that_nobody_confirms_sends_nothing_and_leaves_no_doubt(stream, sink, monkeypatch):
    queue_mails(stream, 3)
    relay, begin = Relay(sink.url, timeout=2), beginning.begin

    def begin_and_lose_the_answer(*args, **kwargs):
        begin(*args, **kwargs)
        raise OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as patch:
        patch.setattr(beginning, "begin", begin_and_lose_the_answer)
        send_due(at=AT, relay=relay)
    assert (states(stream), sink.received) == (["queued"] * 3, [])

    send_due(at=AT, relay=relay)
    assert states(stream) == ["sent"] * 3


@pytest.mark.parametrize("is_committed", [True, False], ids=["committed", "not-committed"])
def test_a_lost_answer_between_two_chunks_sends_nothing_twice(
    stream, sink, monkeypatch, is_committed
):
    queue_mails(stream, 45)
    relay, record_and_begin = Relay(sink.url, timeout=2), recording.record_and_begin

    def lose_the_answer(*args, **kwargs):
        if is_committed:
            record_and_begin(*args, **kwargs)
        raise OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as patch:
        patch.setattr(recording, "record_and_begin", lose_the_answer)
        send_due(at=AT, relay=relay)
    assert states(stream) == ["sent"] * 20 + ["queued"] * 25

    send_due(at=AT, relay=relay)
    assert states(stream) == ["sent"] * 45
    assert Counter(Counter(sink.recipients).values()) == {1: 45}
    assert Event.objects.filter(name="$email_sent").count() == 45


def test_outcomes_wait_for_a_database_that_is_away(stream, sink, monkeypatch):
    queue_mails(stream, 3)
    record, failures = recording.record, iter([OperationalError("away"), OperationalError("away")])

    def record_when_it_is_back(*args, **kwargs):
        for failure in failures:
            raise failure
        record(*args, **kwargs)

    monkeypatch.setattr(recording, "record", record_when_it_is_back)
    monkeypatch.setattr("contacts.mail.sending.RETRY_SECONDS", 0.01)
    send_due(at=AT, relay=Relay(sink.url, timeout=2))

    assert states(stream) == ["sent"] * 3
    assert len(sink.received) == 3


def test_workers_at_the_same_time_do_not_break_the_cap(stream, sink):
    project = stream.project
    project.mail_cap_count, project.mail_cap_window = 2, timedelta(days=1)
    project.save()
    contacts = [make_contact(project) for _ in range(20)]
    streams = [stream, *(make_stream(project) for _ in range(4))]
    for each in streams:
        queue(each, contacts)

    def send_all() -> None:
        relay = Relay(sink.url, timeout=5)
        while send_due(at=AT, limit=15, relay=relay):
            pass
        relay.close()

    for thread in in_threads(3, send_all):
        thread.join()

    decided = Counter(state for each in streams for state in states(each))
    assert Counter(Counter(sink.recipients).values()) == {2: 20}
    assert decided == {"sent": 40, "suppressed": 60}


def test_workers_at_the_same_time_share_a_rate(stream, sink, settings):
    settings.MAIL_RATE = 600
    queue_mails(stream, 100)

    def send_all() -> None:
        relay = Relay(sink.url, timeout=5)
        while send_due(at=AT, limit=10, relay=relay):
            pass
        relay.close()

    for thread in in_threads(3, send_all):
        thread.join()

    assert len(sink.received) == 11
    waiting = Email.objects.waiting()
    assert len(set(waiting.values_list("due_at", flat=True))) == waiting.count() == 89
