"""Memberships follow what happens, and the system hears of it."""

from datetime import timedelta

import pytest

from contacts.models import Event, Membership, Segment, SegmentClock
from contacts.models.event import announce
from contacts.operations.memberships import follow_time
from contacts.operations.segments import add_members, remove_members, revise_segment
from growth.models import DomainEvent, DomainEventType, ListenerFailure
from growth.outbox import MAX_HOPS
from tests.contacts.segment_stories import is_member, make, names_of, record
from tests.contacts.written_rules import ACTIVE, TRIAL, one
from tests.factories import AT, make_contact

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _no_listener_fails(db):
    yield
    assert not ListenerFailure.objects.exists()


def public(type):
    return [event.data for event in DomainEvent.objects.filter(type=type).order_by("id")]


def test_whoever_matches_enters_and_whoever_stops_matching_leaves(project, relay):
    segment = make(project, TRIAL, "Trials")
    contact = make_contact(project, email="ann@example.com")

    contact.revise(traits={"plan": "trial"}, at=AT)
    relay(AT)
    assert is_member(segment, contact)
    contact.revise(traits={"plan": "scale"}, at=AT + DAY)
    relay(AT + DAY)
    assert not is_member(segment, contact)

    about = {
        "segment_id": segment.id,
        "segment_name": "Trials",
        "contact_id": contact.id,
        "email": "ann@example.com",
    }
    assert names_of(contact) == [
        ("$segment_entered", segment.id),
        ("$segment_exited", segment.id),
    ]
    assert public("segment.entered") == [{**about, "entered_at": "2026-03-02T12:00:00Z"}]
    assert public("segment.exited") == [{**about, "exited_at": "2026-03-03T12:00:00Z"}]


def test_events_are_told_after_the_memberships_they_make(project, relay):
    segment = make(project, one(field="events.login", op="exists"))
    contact = make_contact(project)

    record(contact, "login")
    relay()

    first, second = public("events.evaluated")
    assert is_member(segment, contact)
    assert [event.name for event in Event.objects.told(first["events"])] == ["login"]
    assert [event.name for event in Event.objects.told(second["events"])] == ["$segment_entered"]
    hops = DomainEvent.objects.filter(type="events.evaluated").order_by("id")
    assert list(hops.values_list("hops", flat=True)) == [0, 1]


def test_only_segments_that_look_at_the_change_are_evaluated(project, relay):
    make(project, TRIAL)
    make(project, ACTIVE)
    Segment.objects.update(evaluated_at=None)

    make_contact(project).revise(traits={"plan": "trial"}, at=AT)
    relay()

    assert [s.evaluated_at for s in Segment.objects.order_by("id")] == [AT, None]


def test_a_new_contact_is_asked_by_every_segment(project, relay):
    segment = make(project, one(field="events.login", op="count_lte", value=0))
    contact = make_contact(project)

    announce(project, changes={"created": [contact.key]}, at=AT)
    relay()

    assert is_member(segment, contact)


def test_quiet_news_keep_memberships_right_and_tell_nobody(project, relay):
    segment = make(project, TRIAL)
    contact = make_contact(project, traits={"plan": "trial"})

    announce(project, changes={"created": [contact.key]}, is_quiet=True, at=AT)
    relay()

    assert is_member(segment, contact)
    assert names_of(contact) == []
    assert not DomainEvent.objects.exclude(type="events.recorded").exists()


def test_a_build_and_an_edit_tell_nobody(project, relay):
    contact = make_contact(project, traits={"plan": "trial"})
    segment = make(project, TRIAL)

    assert is_member(segment, contact)
    revise_segment(segment, rules=one(field="traits.plan", op="neq", value="trial"), at=AT)
    relay()

    assert not is_member(segment, contact)
    assert not Event.objects.exists()
    assert not DomainEvent.objects.exists()


def test_news_told_twice_change_nothing(project, relay):
    make(project, TRIAL)
    contact = make_contact(project)
    contact.revise(traits={"plan": "trial"}, at=AT)
    relay()
    news = DomainEvent.objects.filter(type="events.recorded").order_by("id").first()
    news.pk, news.position, news._state.adding = None, None, True
    news.save()

    relay()

    assert names_of(contact) == [("$segment_entered", Segment.objects.get().id)]


def test_segments_that_look_at_segments_follow_in_the_same_step(project, relay):
    first = make(project, one(field="events.login", op="exists", window="7d"))
    second = make(project, one(field="segments", op="contains", value=first.id))
    third = make(project, one(field="segments", op="not_contains", value=second.id))
    contact = make_contact(project)
    announce(project, changes={"created": [contact.key]}, at=AT)
    relay(AT)
    assert [is_member(each, contact) for each in (first, second, third)] == [False, False, True]

    record(contact, "login", at=AT)
    relay(AT)
    assert [is_member(each, contact) for each in (first, second, third)] == [True, True, False]

    assert follow_time(at=AT + 7 * DAY) == 1
    assert [is_member(each, contact) for each in (first, second, third)] == [False, False, True]


def test_a_static_segment_announces_and_is_followed(project, relay):
    static = make(project, None)
    looking = make(project, one(field="segments", op="contains", value=static.id))
    contact = make_contact(project)

    add_members(static, [contact], at=AT)
    relay()
    assert is_member(looking, contact)
    remove_members(static, [contact], at=AT)
    relay()
    assert not is_member(looking, contact)
    assert {name for name, _ in names_of(contact)} == {"$segment_entered", "$segment_exited"}
    assert len(names_of(contact)) == 4


def test_entering_one_segment_can_be_counted_by_another(project, relay):
    first = make(project, TRIAL)
    rules = one(
        field="events.$segment_entered",
        op="count_gte",
        value=2,
        where={"field": "properties.segment_id", "op": "eq", "value": first.id},
    )
    second = make(project, rules)
    contact = make_contact(project)

    for plan in ("trial", "scale", "trial"):
        assert not is_member(second, contact)
        contact.revise(traits={"plan": plan}, at=AT)
        relay()

    assert is_member(second, contact)


def test_the_systems_own_events_count_like_any_other(project, relay):
    clicked = one(field="events.$email_clicked", op="count_gte", value=2, window="7d")
    segment, contact = make(project, clicked), make_contact(project)

    record(contact, "$email_clicked")
    relay()
    assert not is_member(segment, contact)
    record(contact, "$email_clicked")
    relay()

    assert is_member(segment, contact)
    follow_time(at=AT + 7 * DAY)
    assert not is_member(segment, contact)


def test_moves_carry_one_hop_more_than_their_cause(project, relay):
    make(project, one(field="events.login", op="exists"))
    contact = make_contact(project)
    record(contact, "login", hops=MAX_HOPS - 1)

    relay()

    assert Event.objects.get(name="$segment_entered").hops == MAX_HOPS
    assert DomainEvent.objects.get(type=DomainEventType.SEGMENT_ENTERED).hops == MAX_HOPS
    assert len(public("events.evaluated")) == 1


def test_where_a_loop_ends_memberships_are_right_and_nobody_is_told(project, relay):
    segment = make(project, one(field="events.login", op="exists"))
    contact = make_contact(project)
    record(contact, "login", hops=MAX_HOPS)

    relay()

    assert is_member(segment, contact)
    assert names_of(contact) == [("login", None)]
    assert not public("events.evaluated")
    assert not public("segment.entered")


def test_a_removed_contact_leaves_without_a_word(project, relay):
    segment, static = make(project, ACTIVE), make(project, None)
    contact = make_contact(project)
    record(contact, "login", "login")
    relay()
    add_members(static, [contact], at=AT)
    told = DomainEvent.objects.filter(type="segment.exited").count()

    contact.remove(at=AT)
    relay()

    assert not Membership.objects.exists()
    assert not SegmentClock.objects.exists()
    assert DomainEvent.objects.filter(type="segment.exited").count() == told
    assert not is_member(segment, contact)


def test_other_projects_are_left_alone(project, other_project, relay):
    mine, other = make(project, TRIAL), make(other_project, TRIAL)
    contact = make_contact(other_project)

    contact.revise(traits={"plan": "trial"}, at=AT)
    relay()

    assert is_member(other, contact)
    assert not is_member(mine, contact)


@pytest.mark.parametrize(
    ("value", "segments"),
    [("10", 0), (True, 0), (None, 0), ([10], 0), ({"a": 10}, 0), (10, 2), (9.99, 2)],
)
def test_no_trait_of_any_type_breaks_a_comparison(project, value, segments):
    make_contact(project, traits={"mrr": value})

    for op in ("gt", "gte", "lt", "lte"):
        for asked in (10, "2026-01-01"):
            make(project, one(field="traits.mrr", op=op, value=asked))

    assert Membership.objects.count() == segments
