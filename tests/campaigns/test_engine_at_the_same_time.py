"""What several workers and callers do to the same journeys at once."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections

from campaigns.models import Campaign, Enrollment
from campaigns.operations.campaigns import end_removed, remove_campaign
from campaigns.operations.exits import exit_journeys
from campaigns.operations.journeys import follow_events, take_steps
from campaigns.operations.steps import replace_steps
from contacts.models import Email
from growth.errors import DomainError
from growth.models import Project
from tests.campaigns.factories import decide_all, make_lifecycle, play, take
from tests.factories import AT, make_contact, make_event

DAY = timedelta(days=1)
WORKERS = 6

pytestmark = pytest.mark.django_db(transaction=True)


def together(*works):
    """Run each of the works in a thread of its own."""

    def run(work):
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(run, works))


def begin(campaign, count):
    Enrollment.objects.bulk_create(
        Enrollment(
            project=campaign.project,
            campaign=campaign,
            contact=make_contact(campaign.project),
            enrolled_at=AT,
            due_at=AT,
        )
        for _ in range(count)
    )


def test_the_same_news_told_by_several_at_once_begins_each_journey_once():
    """At the same time, and repeated: as the relay and the retry of its failures may."""
    project = Project.objects.create(name="Acme")
    campaign = make_lifecycle(project, "0m")
    campaign.reentry = "every_event"
    campaign.save()
    ann = make_contact(project)
    events = [make_event(ann, "signup_completed", at=AT + timedelta(minutes=n)) for n in range(5)]
    pairs = [[event.key, event.timestamp.isoformat()] for event in events]

    def tell():
        follow_events(project, pairs, at=AT, hops=0)

    together(*[tell] * WORKERS)

    assert sorted(Enrollment.objects.values_list("entry", flat=True)) == [0, 1, 2, 3, 4]
    assert set(Enrollment.objects.values_list("event_key", flat=True)) == {e.key for e in events}
    assert Email.objects.count() == 5


def test_steps_edited_while_workers_take_them_are_neither_missed_nor_repeated():
    """At the same time: an editor moves and adds steps while workers send."""
    project = Project.objects.create(name="Acme")
    campaign = make_lifecycle(project, "0m", "1d", "2d")
    begin(campaign, 60)

    def written():
        return [
            {"id": step.id, "delay": step.delay, "subject": step.subject}
            | {"template_code": step.template_code}
            for step in campaign.steps.order_by("position")
        ]

    def work():
        for day in range(3):
            take(AT + day * DAY)
            decide_all(AT + day * DAY)

    def edit():
        first, second, third = written()
        extra = {"delay": "36h", "subject": "new", "template_code": "tmpl_welcome_01"}
        replace_steps(campaign, [first, third, second], at=AT)
        replace_steps(campaign, [first, second, extra, third], at=AT)

    together(work, work, edit, work)
    play(AT + 3 * DAY, 6)

    assert set(Enrollment.objects.values_list("state", flat=True)) == {"completed"}
    for contact in Enrollment.objects.values_list("contact", flat=True):
        subjects = list(Email.objects.filter(contact=contact).values_list("subject", flat=True))
        assert len(subjects) == len(set(subjects))
        assert {"0m", "1d", "2d"} <= set(subjects)


def test_a_journey_that_ends_while_its_step_is_taken_sends_nothing():
    """At the same time: whichever comes first, no mail of an ended journey waits."""
    project = Project.objects.create(name="Acme")
    campaign = make_lifecycle(project, "0m", "1d")
    begin(campaign, 60)
    keys = list(Enrollment.objects.values_list("pk", flat=True))

    def end():
        exit_journeys(project, [(key, "goal_reached") for key in keys], at=AT)

    together(end, *[lambda: take_steps(at=AT)] * 3, end)

    assert set(Enrollment.objects.values_list("state", "reason")) == {("exited", "goal_reached")}
    assert set(Email.objects.values_list("state", flat=True)) <= {"suppressed"}


def test_a_storm_of_pauses_and_activations_loses_nobody():
    """At the same time: proved by six who pause and activate while steps are taken."""
    project = Project.objects.create(name="Acme")
    campaign = make_lifecycle(project, "0m")
    begin(campaign, 40)

    def storm():
        own = Campaign.objects.get(pk=campaign.pk)
        for _ in range(4):
            with contextlib.suppress(DomainError):
                own.pause(at=AT)
                take(AT)
                own.activate(at=AT)

    together(*[storm] * WORKERS)
    Campaign.objects.get(pk=campaign.pk).activate(at=AT)
    take(AT)

    assert Email.objects.count() == 40
    assert set(Enrollment.objects.values_list("position", flat=True)) == {1}


def test_a_campaign_deleted_while_it_begins_and_sends_leaves_nothing_that_waits():
    """At the same time: enrolling, taking steps, and deleting twice."""
    project = Project.objects.create(name="Acme")
    campaign = make_lifecycle(project, "0m", "1d")
    begin(campaign, 30)
    event = make_event(make_contact(project), "signup_completed")
    pairs = [[event.key, event.timestamp.isoformat()]]

    def remove():
        remove_campaign(Campaign.objects.get(pk=campaign.pk), at=AT)

    together(
        lambda: follow_events(project, pairs, at=AT, hops=0),
        *[lambda: take_steps(at=AT)] * 2,
        *[remove] * 2,
    )
    end_removed(at=AT)

    assert set(Enrollment.objects.values_list("state", flat=True)) == {"exited"}
    assert not Email.objects.waiting().exists()
