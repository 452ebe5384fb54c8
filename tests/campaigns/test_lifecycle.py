"""Journeys of contacts through sequences, played over days by the ``at`` that is passed down."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections

from campaigns.models import Enrollment
from campaigns.operations.steps import replace_steps
from contacts.models import Email, Event, Membership
from growth.models import Project
from tests.campaigns.factories import (
    decide_all,
    happen,
    make_lifecycle,
    make_segment,
    queued,
    take,
)
from tests.factories import AT, make_contact


def test_the_first_mail_is_queued_with_the_event_and_the_others_in_their_time(project, relay):
    ann = make_contact(project, email="ann@example.com")
    make_lifecycle(project, "0m", "2d", "5d")

    happen(ann, plan="trial")
    relay(AT)
    assert queued() == ["ann@example.com: 0m"]
    assert Email.objects.get().context["event"]["properties"] == {"plan": "trial"}
    decide_all(AT)

    days = {}
    for hour in range(24 * 8):
        at = AT + timedelta(hours=hour)
        before = Email.objects.count()
        take(at)
        decide_all(at)
        if Email.objects.count() > before:
            days[hour / 24] = queued()[-1]

    assert days == {2: "ann@example.com: 2d", 5: "ann@example.com: 5d"}
    assert Enrollment.objects.get().state == "completed"


def test_an_event_told_twice_or_again_enrolls_once(project, relay):
    ann = make_contact(project)
    make_lifecycle(project, "0m", "1d")

    for day in range(3):
        happen(ann, at=AT + timedelta(days=day))
        relay(AT + timedelta(days=day))

    assert Enrollment.objects.count() == 1


def test_both_event_and_segment_are_needed_where_both_are_named(project, relay):
    member, stranger = make_contact(project), make_contact(project)
    make_lifecycle(project, "0m", segment=make_segment(project, member))

    happen(member)
    happen(stranger)
    relay(AT)

    assert [each.contact_id for each in Enrollment.objects.all()] == [member.id]


def test_entering_a_segment_enrolls_and_who_was_in_it_at_activation_is_not(api, project, relay):
    early = make_contact(project, traits={"plan": "trial"})
    rules = {
        "operator": "AND",
        "conditions": [{"field": "traits.plan", "op": "eq", "value": "trial"}],
    }
    segment = api.post("/v1/segments", {"name": "Trials", "rules": rules}).json()
    campaign = {
        "name": "Trial",
        "type": "lifecycle",
        "trigger": {"segment_id": segment["id"]},
        "steps": [{"delay": "0m", "template_id": "tmpl_welcome_01"}],
    }
    created = api.post("/v1/campaigns", campaign).json()
    api.post(f"/v1/campaigns/{created['id']}/activate")
    relay(AT)

    late = api.post("/v1/contacts", {"email": "late@example.com", "traits": {"plan": "trial"}})
    relay(AT)

    assert Membership.objects.count() == 2
    enrolled = [each.contact_id for each in Enrollment.objects.all()]
    assert enrolled == [late.json()["id"]]
    assert early.id not in enrolled
    entered = Event.objects.get(name="$segment_entered")
    assert entered.properties["segment_id"] == segment["id"]


def test_drafts_and_paused_campaigns_and_other_projects_enroll_nobody(
    project, other_project, relay
):
    paused = make_lifecycle(project, "0m")
    paused.pause(at=AT)
    make_lifecycle(other_project, "0m")

    happen(make_contact(project))
    relay(AT)

    assert not Enrollment.objects.exists()


def test_a_pause_keeps_every_place_and_pushes_what_follows(project, relay):
    ann = make_contact(project)
    campaign = make_lifecycle(project, "0m", "2d", "5d")
    happen(ann)
    relay(AT)
    decide_all(AT)
    campaign.pause(at=AT + timedelta(days=1))

    take(AT + timedelta(days=4))
    assert len(queued()) == 1
    campaign.activate(at=AT + timedelta(days=4))
    take(AT + timedelta(days=4))
    decide_all(AT + timedelta(days=4))
    assert len(queued()) == 2

    take(AT + timedelta(days=6, hours=23))
    assert len(queued()) == 2
    take(AT + timedelta(days=7))
    assert len(queued()) == 3


def test_a_step_waits_until_the_one_before_is_decided(project, relay):
    happen(make_contact(project))
    make_lifecycle(project, "0m", "1h")
    relay(AT)

    take(AT + timedelta(hours=2))
    assert len(queued()) == 1
    decide_all(AT + timedelta(hours=3))
    take(AT + timedelta(hours=3, minutes=30))
    assert len(queued()) == 1
    take(AT + timedelta(hours=4))
    assert len(queued()) == 2


def test_steps_may_be_edited_while_people_wait(project, relay):
    happen(make_contact(project))
    campaign = make_lifecycle(project, "0m", "2d", "5d")
    relay(AT)
    decide_all(AT)
    first = campaign.steps.get(position=0)

    replace_steps(
        campaign,
        [
            {"id": first.id, "delay": "0m", "subject": "0m", "template_code": "tmpl_welcome_01"},
            {"delay": "3d", "subject": "new", "template_code": "tmpl_welcome_01"},
        ],
        at=AT,
    )
    for day in range(10):
        take(AT + timedelta(days=day))
        decide_all(AT + timedelta(days=day))

    assert [subject.split(": ")[1] for subject in queued()] == ["0m", "new"]


def test_two_contacts_of_one_address_get_one_mail(project, relay):
    ann = make_contact(project, email="ann@example.com")
    twin = make_contact(project, email="")
    twin.email, twin.email_key = "Ann@example.com", "ann@example.com"
    twin.save()
    nobody = make_contact(project, email="", external_id="u3")
    make_lifecycle(project, "0m")

    for contact in (ann, twin, nobody):
        happen(contact)
    relay(AT)

    decisions = dict(Email.objects.values_list("contact_id", "reason"))
    assert decisions == {ann.id: "", twin.id: "same_address", nobody.id: "no_address"}


def test_a_deleted_contact_gets_nothing_more(project, relay):
    ann = make_contact(project)
    happen(ann)
    make_lifecycle(project, "0m", "1d")
    relay(AT)
    decide_all(AT)

    ann.remove(at=AT)
    take(AT + timedelta(days=2))

    assert len(queued()) == 1


@pytest.mark.django_db(transaction=True)
def test_steps_taken_at_the_same_time_are_queued_once():
    """At the same time: proved by eight threads over the same journeys."""
    project = Project.objects.create(name="Acme")
    campaign = make_lifecycle(project, "0m", "1h")
    Enrollment.objects.bulk_create(
        Enrollment(
            project=project,
            campaign=campaign,
            contact=make_contact(project),
            enrolled_at=AT,
            due_at=AT,
        )
        for _ in range(40)
    )

    def work(_):
        try:
            take(AT)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))

    assert Email.objects.count() == 40
    assert set(Enrollment.objects.values_list("position", flat=True)) == {1}
