from datetime import timedelta

import pytest

from growth import outbox
from growth.models import DomainEvent, DomainEventType, ListenerFailure
from tests.factories import AT

UPDATED = DomainEventType.CONTACT_UPDATED


@pytest.fixture
def heard(monkeypatch):
    """Return what a listener of this test hears; the real listeners are silent."""
    calls: list[list[int]] = []

    def listener(news, *, at):
        numbers = [event.data["n"] for event in news]
        calls.append(numbers)
        if 13 in numbers:
            raise ValueError("thirteen")

    monkeypatch.setattr(outbox, "_listeners", {UPDATED: [listener]})
    return calls


def emit(project, *numbers, hops=0):
    outbox.emit(project, *(outbox.News(UPDATED, {"n": n}) for n in numbers), at=AT, hops=hops)


def test_news_are_told_once_in_their_order(project, heard, relay):
    emit(project, 1, 2)
    emit(project, 3)

    relay()
    relay()

    assert heard == [[1, 2, 3]]
    positions = DomainEvent.objects.order_by("id").values_list("position", flat=True)
    assert sorted(positions) == list(positions)
    assert None not in positions


def test_projects_are_told_apart(project, other_project, heard, relay):
    emit(project, 1)
    emit(other_project, 2)

    relay()

    assert heard == [[1], [2]]


def test_one_poisonous_event_holds_up_nobody_and_is_tried_again(project, heard):
    emit(project, 12, 13, 14)

    outbox.relay(at=AT)

    assert heard == [[12, 13, 14], [12], [13], [14]]
    failure = ListenerFailure.objects.get()
    assert failure.domain_event.data == {"n": 13}
    assert "thirteen" in failure.error
    assert outbox.retry_failures(at=AT) == 0
    assert outbox.retry_failures(at=AT + timedelta(seconds=1)) == 1
    failure.refresh_from_db()
    assert failure.attempts == 2


def test_after_ten_attempts_a_failure_waits_for_staff(project, heard):
    emit(project, 13)
    outbox.relay(at=AT)

    for days in range(1, 30):
        outbox.retry_failures(at=AT + timedelta(days=days))

    failure = ListenerFailure.objects.get()
    assert failure.attempts == outbox.MAX_ATTEMPTS
    assert failure.parked_at is not None


def test_what_a_listener_refuses_waits_for_staff_at_once(project, monkeypatch):
    def listener(news, *, at):
        if any(event.data["n"] == 13 for event in news):
            raise outbox.Unfit("Thirteen is no number.")
        kept.extend(event.data["n"] for event in news)

    kept: list[int] = []
    monkeypatch.setattr(outbox, "_listeners", {UPDATED: [listener]})
    emit(project, 12, 13, 14)
    outbox.relay(at=AT)

    assert kept == [12, 14]
    failure = ListenerFailure.objects.get()
    assert (failure.error, failure.parked_at) == ("Thirteen is no number.", AT)
    assert outbox.retry_failures(at=AT + timedelta(days=1)) == 0


def test_a_loop_ends(project, heard, relay):
    emit(project, 1, hops=outbox.MAX_HOPS)
    emit(project, 2, hops=outbox.MAX_HOPS - 1)

    relay()

    assert heard == [[2]]
    assert DomainEvent.objects.waiting().count() == 0
