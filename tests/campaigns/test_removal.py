"""A campaign in which many wait is deleted at once; the rest follows in batches."""

from datetime import timedelta

import pytest
from django.db import connection

from campaigns.models import Campaign, Enrollment
from campaigns.operations import campaigns as operations
from campaigns.operations.broadcasts import start_broadcasts
from campaigns.operations.campaigns import end_removed, remove_campaign
from campaigns.operations.journeys import take_steps
from campaigns.tasks import end_removed_campaigns
from contacts.mail import claiming
from contacts.models import Email
from growth.models import Project
from tests.campaigns.factories import make_broadcast, make_lifecycle, make_segment
from tests.factories import AT, make_contact

DAY = timedelta(days=1)


class Killed(BaseException):
    """The process dies here."""


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "END_AT_ONCE", 4)


def waiting_broadcast(project: Project, people: int) -> Campaign:
    campaign = make_broadcast(
        project, make_segment(project, *(make_contact(project) for _ in range(people)))
    )
    start_broadcasts(at=AT)
    return campaign


def waiting_sequence(project: Project, people: int) -> Campaign:
    campaign = make_lifecycle(project, "1d")
    Enrollment.objects.bulk_create(
        Enrollment(
            project=project,
            campaign=campaign,
            contact=make_contact(project),
            enrolled_at=AT,
            due_at=AT + DAY,
        )
        for _ in range(people)
    )
    return campaign


def states(campaign: Campaign) -> list[str]:
    return sorted(campaign.stream.emails.values_list("state", flat=True))


def test_a_deletion_ends_a_batch_at_once_and_leaves_the_rest_to_the_clock(
    api, project, woken, django_capture_on_commit_callbacks
):
    campaign = waiting_broadcast(project, 10)

    with django_capture_on_commit_callbacks(execute=True):
        assert api.delete(f"/v1/campaigns/{campaign.id}").status_code == 204

    assert states(campaign) == ["queued"] * 6 + ["suppressed"] * 4
    assert operations.END_TASK in woken
    end_removed_campaigns()
    assert states(campaign) == ["suppressed"] * 10
    assert set(campaign.stream.emails.values_list("reason", flat=True)) == {"campaign_deleted"}


def test_nothing_of_what_still_waits_is_sent(project):
    waiting_broadcast(project, 10)
    remove_campaign(Campaign.objects.get(), at=AT)

    assert claiming.claim(at=AT + DAY, limit=10).mails == []


def test_no_journey_goes_on_before_it_is_ended(project):
    campaign = waiting_sequence(project, 6)
    remove_campaign(campaign, at=AT)

    take_steps(at=AT + 2 * DAY)

    assert not Email.objects.exists()
    assert [end_removed(at=AT + 2 * DAY) for _ in range(3)] == [2, 0, 0]
    assert set(Enrollment.objects.values_list("state", "reason", "due_at")) == {
        ("exited", "campaign_deleted", None)
    }


def test_a_deletion_takes_the_same_statements_however_many_wait(
    project, django_assert_max_num_queries
):
    campaign = waiting_broadcast(project, 30)

    with django_assert_max_num_queries(12):
        remove_campaign(campaign, at=AT)


def test_a_campaign_in_which_nothing_waited_for_a_day_is_looked_at_no_more(project):
    campaign = waiting_broadcast(project, 2)
    remove_campaign(campaign, at=AT)

    end_removed(at=AT + DAY / 2)
    assert Campaign.objects.ending().exists()

    end_removed(at=AT + 2 * DAY)
    assert not Campaign.objects.ending().exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", ["withdraw_stream", "after"])
def test_whoever_dies_while_it_ends_leaves_whole_batches(monkeypatch, point):
    """Safe to kill anywhere: each batch is there or not, and the next run goes on."""
    project = Project.objects.create(name="Acme")
    campaign = waiting_sequence(project, 10)
    remove_campaign(campaign, at=AT)
    withdraw = operations.withdraw_stream

    def die(*args, **kwargs):
        if point == "after":
            withdraw(*args, **kwargs)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(operations, "withdraw_stream", die)
        with pytest.raises(Killed):
            end_removed(at=AT)
        connection.close()

    active = Enrollment.objects.filter(state="active")
    assert active.count() == 6
    while end_removed(at=AT):
        pass
    assert not active.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", ["withdraw_stream", "_end_some"])
def test_a_deletion_that_dies_has_not_happened(monkeypatch, point):
    project = Project.objects.create(name="Acme")
    campaign = waiting_broadcast(project, 6)

    def die(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(operations, point, die)
        with pytest.raises(Killed):
            remove_campaign(Campaign.objects.get(), at=AT)
        connection.close()

    fresh = Campaign.objects.select_related("stream").get()
    assert (fresh.deleted_at, fresh.status, fresh.stream.paused_at) == (None, "active", None)
    assert states(campaign) == ["queued"] * 6
