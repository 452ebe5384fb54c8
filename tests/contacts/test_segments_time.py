"""What only time makes happen: memberships that begin and end by themselves."""

from datetime import timedelta

from contacts.models import Membership, SegmentClock
from contacts.operations.memberships import follow_time
from growth.models import DomainEvent
from tests.contacts.segment_stories import is_member, make, names_of, record
from tests.contacts.written_rules import ACTIVE, TRIAL, one
from tests.factories import AT, make_contact

DAY = timedelta(days=1)


def test_a_window_ends_a_membership_at_its_moment(project, relay):
    segment = make(project, ACTIVE, at=AT)
    contact = make_contact(project)
    for hours in (3, 2, 1):
        record(contact, "login", at=AT - timedelta(hours=hours))
    relay(AT)
    ends = AT - timedelta(hours=2) + 7 * DAY
    assert SegmentClock.objects.get().recheck_at == ends

    assert follow_time(at=ends - timedelta(microseconds=1)) == 0
    assert is_member(segment, contact)
    assert follow_time(at=ends) == 1
    assert not is_member(segment, contact)
    assert follow_time(at=ends + 100 * DAY) == 0
    assert names_of(contact)[-1] == ("$segment_exited", segment.id)
    assert len(DomainEvent.objects.filter(type="segment.exited")) == 1


def test_a_window_begins_a_membership_at_its_moment(project, relay):
    segment = make(project, one(field="events.login", op="not_exists", window="7d"))
    contact = make_contact(project)
    record(contact, "login", at=AT)
    relay(AT)

    assert not is_member(segment, contact)
    assert follow_time(at=AT + 7 * DAY) == 1
    assert is_member(segment, contact)


def test_a_new_event_moves_the_clock(project, relay):
    make(project, one(field="events.login", op="exists", window="7d"))
    contact = make_contact(project)
    record(contact, "login", at=AT)
    relay(AT)
    record(contact, "login", at=AT + DAY)
    relay(AT + DAY)

    assert SegmentClock.objects.get().recheck_at == AT + 8 * DAY


def test_who_cannot_match_whatever_time_does_has_no_clock(project, relay):
    rules = {"operator": "AND", "conditions": [*TRIAL["conditions"], *ACTIVE["conditions"]]}
    make(project, rules)
    trial, other = make_contact(project, traits={"plan": "trial"}), make_contact(project)
    for contact in (trial, other):
        record(contact, "login", "login")
    relay()

    assert [clock.contact_id for clock in SegmentClock.objects.all()] == [trial.id]
    other.revise(traits={"plan": "trial"}, at=AT)
    relay()
    assert SegmentClock.objects.count() == 2


def test_a_segment_is_built_with_its_clocks(project):
    contact = make_contact(project)
    for at in (AT - DAY, AT):
        record(contact, "login", at=at)

    make(project, ACTIVE)

    assert SegmentClock.objects.get().recheck_at == AT + 6 * DAY


def test_due_clocks_are_followed_in_batches_until_none_is_left(project, monkeypatch):
    monkeypatch.setattr("contacts.operations.memberships._DUE", 2)
    for _ in range(5):
        record(make_contact(project), "login", at=AT)
    make(project, one(field="events.login", op="exists", window="1h"))

    counts = [follow_time(at=AT + DAY) for _ in range(4)]

    assert counts == [2, 2, 1, 0]
    assert not Membership.objects.exists()


def test_an_evaluation_never_goes_back_in_time(project, relay):
    segment = make(project, one(field="events.login", op="exists", window="7d"), at=AT + 8 * DAY)
    record(make_contact(project), "login", at=AT)

    relay(AT + DAY)

    assert not Membership.objects.filter(segment=segment).exists()
