"""Journeys of contacts that are merged."""

from campaigns.models import Enrollment
from contacts.models import Email, Event
from contacts.models.event import Fact
from contacts.operations.merging import merge_contacts, undo_merge
from tests.campaigns.factories import make_lifecycle
from tests.factories import AT, make_contact


def enroll(campaign, contact, position, **fields):
    return Enrollment.objects.create(
        project=campaign.project,
        campaign=campaign,
        contact=contact,
        position=position,
        enrolled_at=AT,
        **fields,
    )


def test_the_survivor_goes_on_where_the_further_one_stood(project):
    target, source = make_contact(project), make_contact(project)
    both, only = make_lifecycle(project, "0m", "2d"), make_lifecycle(project, "0m")
    behind, ahead = enroll(both, target, 1), enroll(both, source, 2)
    alone = enroll(only, source, 1)

    def owners():
        return dict(Enrollment.objects.values_list("pk", "contact"))

    before = owners()
    merge_contacts(source=source, target=target, at=AT)
    assert owners() == {behind.pk: source.id, ahead.pk: target.id, alone.pk: target.id}

    undo_merge(source=source, target=target, at=AT)
    assert owners() == before
    assert set(Enrollment.objects.values_list("entry", flat=True)) == {0}


def test_no_campaign_begins_because_of_a_merge(project, relay):
    target, source = make_contact(project), make_contact(project)
    make_lifecycle(project, "0m")
    Event.objects.record(project, [Fact(source.key, "signup_completed")], at=AT)
    relay()
    assert Email.objects.count() == 1

    merge_contacts(source=source, target=target, at=AT)
    relay()
    Event.objects.record(project, [Fact(target.key, "signup_completed")], at=AT)
    relay()

    assert Email.objects.get().contact_id == target.id
    assert Enrollment.objects.get().contact_id == target.id
