"""Events of people who are known take a way of their own: one statement, and nothing else."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from contacts.models import Contact, ContactActivity, Event, EventReceipt
from contacts.operations import events
from contacts.operations.calls import Call
from contacts.operations.events import record_calls
from contacts.operations.traits import make_sighting
from growth.models import DomainEvent


def call(user="", number=0, anonymous="", **said):
    sighting = make_sighting(external_id=user, anonymous_id=anonymous)
    said = {"name": "login", "message_id": f"m{number}", "timestamp": now()} | said
    return Call(sighting, **said)


@pytest.fixture
def known(project, django_capture_on_commit_callbacks):
    """Two people, of whom the first is known by a device too."""
    calls = [call("ada", anonymous="phone", number=1), call("bob", number=2)]
    with django_capture_on_commit_callbacks(execute=True):  # The month is there from now on.
        record_calls(project, calls, at=now())
    return {contact.external_id: contact for contact in Contact.objects.all()}


def told():
    return list(Event.objects.order_by("id").values_list("contact__external_id", "message_id"))


def test_events_of_known_people_take_one_statement(project, known, django_assert_num_queries):
    calls = [call("ada", number) for number in range(10, 60)]
    with django_assert_num_queries(1):
        record_calls(project, [*calls, call("bob", 60)], at=now())

    assert told()[2:] == [*(("ada", f"m{number}") for number in range(10, 60)), ("bob", "m60")]
    changes = DomainEvent.objects.latest("id").data["changes"]
    assert changes == {"events.login": sorted(person.key for person in known.values())}


@pytest.mark.parametrize("ids", [{"user": "ada", "anonymous": "phone"}, {"anonymous": "phone"}])
def test_a_known_device_means_its_person(project, known, ids, django_assert_num_queries):
    with django_assert_num_queries(1):
        record_calls(project, [call(number=10, **ids)], at=now())

    assert told()[2:] == [("ada", "m10")]


def test_a_late_event_is_no_last_activity(project, known):
    at = now()
    for minutes in ((30, 40), (10, 20), (15, 12)):  # The first two make the person.
        calls = [call("eve", ago, timestamp=at - timedelta(minutes=ago)) for ago in minutes]
        record_calls(project, calls, at=at)

    last = ContactActivity.objects.get(contact__external_id="eve").last_activity_at
    assert last == at - timedelta(minutes=10)


def test_ids_of_two_people_are_settled_with_care(project, known):
    [outcome] = record_calls(project, [call("bob", 10, anonymous="phone")], at=now())

    assert [conflict.kind for conflict in outcome.conflicts] == ["anonymous_id"]
    assert told()[2:] == [("bob", "m10")]


def test_of_one_message_told_twice_the_first_counts(project, known):
    record_calls(project, [call("ada", 10), call("bob", 10), call("new", 10)], at=now())
    record_calls(project, [call("bob", 10)], at=now())

    assert told()[2:] == [("ada", "m10")]


def test_without_a_message_id_a_batch_is_stored_as_one(project, known, monkeypatch):
    monkeypatch.setattr(events, "identify", _die)
    with pytest.raises(KeyboardInterrupt):
        record_calls(project, [call("ada", message_id=None), call("new", 11)], at=now())

    assert len(told()) == 2


def test_a_batch_that_died_midway_is_told_again_and_stored_once(project, known, monkeypatch):
    calls = [call("ada", 10), call("new", 11)]
    monkeypatch.setattr(events, "identify", _die)
    with pytest.raises(KeyboardInterrupt):
        record_calls(project, calls, at=now())
    assert told()[2:] == [("ada", "m10")]

    monkeypatch.undo()
    record_calls(project, calls, at=now())
    record_calls(project, calls, at=now())
    assert told()[2:] == [("ada", "m10"), ("new", "m11")]
    assert EventReceipt.objects.count() == 4


def _die(*args, **kwargs):
    raise KeyboardInterrupt
