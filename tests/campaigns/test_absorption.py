"""Journeys and mails of visitors who turn out to be known people."""

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from campaigns.models import Enrollment
from contacts.models import Absorption, Contact, ContactActivity, Email, Event, Membership, Merge
from contacts.models.event import Fact
from contacts.models.merge import SETTLE_AFTER
from contacts.operations.merging import merge_contacts, settle_merges
from contacts.operations.segments import create_segment
from growth.api.authentication import forget_keys
from growth.models import DomainEvent
from tests.campaigns.factories import make_lifecycle, make_segment
from tests.campaigns.test_merging import enroll
from tests.contacts.written_rules import one
from tests.factories import AT, make_contact


def visit(ingest, *devices) -> list[Contact]:
    """Return visitors that have seen a page."""
    for device in devices:
        ingest.post("/v1/track", {"anonymousId": device, "event": "page_seen"})
    visitors = Contact.objects.filter(external_id="")
    return [visitors.get(identities__value=device) for device in devices]


def reveal(ingest, user, *devices):
    calls = [{"type": "identify", "userId": user, "anonymousId": device} for device in devices]
    answer = ingest.post("/v1/batch", {"batch": calls})
    assert all(item["success"] for item in answer.json()["items"])


@pytest.fixture
def person(project):
    return make_contact(project, external_id="u1")


def test_the_person_goes_on_where_the_one_furthest_stood(ingest, project, person):
    first, second, _ = visit(ingest, "d1", "d2", "d3")
    known, new = make_lifecycle(project, "0m", "2d"), make_lifecycle(project, "0m")
    behind, ahead, farthest = (
        enroll(known, person, 0),
        enroll(known, first, 1),
        enroll(known, second, 2),
    )
    equal = [enroll(new, first, 1), enroll(new, second, 1)]
    again = enroll(known, first, 0, entry=1)

    reveal(ingest, "u1", "d1", "d2", "d3")

    owners = dict(Enrollment.objects.values_list("pk", "contact"))
    assert owners == {
        behind.pk: second.id,
        ahead.pk: first.id,
        farthest.pk: person.id,
        equal[0].pk: person.id,
        equal[1].pk: second.id,
        again.pk: person.id,
    }
    assert set(Enrollment.objects.values_list("pk", "entry")) == {
        *((each.pk, 0) for each in (behind, ahead, farthest, *equal)),
        (again.pk, 1),
    }


def test_where_both_stand_equally_the_persons_own_journey_stays(ingest, project, person):
    [visitor] = visit(ingest, "d1")
    campaign = make_lifecycle(project, "0m")
    own, other = enroll(campaign, person, 1), enroll(campaign, visitor, 1)

    reveal(ingest, "u1", "d1")

    owners = dict(Enrollment.objects.values_list("pk", "contact"))
    assert owners == {own.pk: person.id, other.pk: visitor.id}


def test_the_mails_and_no_second_journey_come_with_the_visitor(ingest, project, person, relay):
    [visitor] = visit(ingest, "d1")
    make_lifecycle(project, "0m")
    Event.objects.record(project, [Fact(visitor.key, "signup_completed")], at=AT)
    relay()

    reveal(ingest, "u1", "d1")
    relay()
    Event.objects.record(project, [Fact(person.key, "signup_completed")], at=AT)
    relay()

    assert Email.objects.get().contact_id == person.id
    assert Enrollment.objects.get().contact_id == person.id


def test_the_visitors_segments_and_last_activity_are_the_persons(ingest, project, person, relay):
    [visitor] = visit(ingest, "d1")
    static = make_segment(project, visitor)
    rules = one(field="events.page_seen", op="exists")
    dynamic = create_segment(project, name="Saw", rules=rules, at=AT)
    relay()
    told = DomainEvent.objects.filter(type="segment.entered").count()

    reveal(ingest, "u1", "d1")
    relay()

    memberships = Membership.objects.values_list("segment", "contact")
    assert set(memberships) == {(static.id, person.id), (dynamic.id, person.id)}
    assert DomainEvent.objects.filter(type="segment.entered").count() == told
    activity = ContactActivity.objects.get(contact=person)
    assert activity.last_activity_at == Event.objects.get(name="page_seen").timestamp


def test_what_is_written_for_the_visitor_at_that_moment_follows(ingest, api, project, person):
    [visitor] = visit(ingest, "d1")
    reveal(ingest, "u1", "d1")
    late = enroll(make_lifecycle(project, "0m"), visitor, 0)
    parted = api.post(f"/v1/contacts/{person.id}/unmerge", {"source_contact_id": visitor.id})

    assert parted.status_code == 422
    assert settle_merges(at=now()) == 0
    assert settle_merges(at=now() + SETTLE_AFTER) == 1
    late.refresh_from_db()
    assert late.contact_id == person.id
    assert not Merge.objects.exists()


def test_a_visitor_absorbed_in_its_first_batch_leaves_nothing(ingest, project, person):
    calls = [
        {"type": "track", "anonymousId": "d1", "event": "page_seen"},
        {"type": "identify", "userId": "u1", "anonymousId": "d1"},
    ]

    items = ingest.post("/v1/batch", {"batch": calls}).json()["items"]

    assert all(item["success"] for item in items)
    assert Contact.objects.get() == person
    assert Event.objects.get().contact_id == person.id
    assert not Merge.objects.exists()


def test_tombstones_of_a_visitor_follow_it(ingest, project, person):
    source, target = visit(ingest, "d1", "d2")
    merge_contacts(source=source, target=target, at=AT)

    reveal(ingest, "u1", "d1")

    source.refresh_from_db()
    target.refresh_from_db()
    assert source.merged_into_id == target.merged_into_id == person.id
    assert set(Event.objects.values_list("contact", flat=True)) == {person.id}


def test_many_visitors_take_the_statements_of_one(ingest, project):
    def statements(prefix, number):
        devices = [f"{prefix}{n}" for n in range(number)]
        people = [make_contact(project, external_id=f"{prefix}{n}") for n in range(number)]
        campaign = make_lifecycle(project, "0m")
        for visitor, known in zip(visit(ingest, *devices), people, strict=True):
            enroll(campaign, visitor, 1)
            enroll(campaign, known, 0)
        calls = [{"type": "identify", "userId": each, "anonymousId": each} for each in devices]
        forget_keys()  # Else it is asked for whenever a second has passed.
        with CaptureQueriesContext(connection) as queries:
            ingest.post("/v1/batch", {"batch": calls})
        owners = Enrollment.objects.filter(campaign=campaign, position=1)
        assert set(owners.values_list("contact", flat=True)) == {each.id for each in people}
        return len(queries)

    statements("a", 1)
    assert statements("b", 30) <= statements("c", 1)


def test_nothing_of_another_project_moves(project, other_project):
    stranger, person = make_contact(other_project), make_contact(project)
    journey = enroll(make_lifecycle(other_project, "0m"), stranger, 1)
    absorption = Absorption(project, {stranger.key: person.key}, created_at=AT)

    absorption.move(Enrollment.objects.all())
    absorption.move_entries(Enrollment.objects.all(), ("campaign",), F("position"))

    journey.refresh_from_db()
    assert journey.contact_id == stranger.id
