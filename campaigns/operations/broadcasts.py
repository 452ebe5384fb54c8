"""One mail to a whole segment: its audience is frozen at the start."""

from datetime import datetime

from django.db import connection

from campaigns.models import Campaign
from contacts.mail.hours import first_moment
from contacts.mail.queueing import queue_segment
from contacts.models import Segment
from growth import durations
from growth.models import DomainEventType
from growth.transactions import atomic_with_retries


@atomic_with_retries
def start_broadcasts(*, at: datetime) -> int:
    """Freeze the audiences of broadcasts whose time has come; return how many there were.

    One that comes too late, as after a long outage or out of an old backup, is paused instead and
    says why; whoever activates it then starts it.
    """
    waiting = Campaign.objects.to_be_started(at).select_related("stream", "project", "segment")
    due = [campaign.pk for campaign in waiting if campaign.is_time(at)]
    held = waiting.filter(pk__in=due).select_for_update(skip_locked=True, of=("self",))
    campaigns = list(held.order_by("id")[:10])
    for campaign in campaigns:
        if _is_late(campaign, at):
            campaign.pause(at=at, reason=_too_late(campaign))
        else:
            _start(campaign, at)
    return len(campaigns)


def _is_late(campaign: Campaign, at: datetime) -> bool:
    return at - _start_due_at(campaign) > durations.parse(campaign.start_within)


def _start_due_at(campaign: Campaign) -> datetime:
    """Return when it should have started: when it was scheduled, where that comes first, or
    activated after that.
    """
    first = first_moment(campaign.wall) if campaign.wall else campaign.scheduled_at
    moments = (first, campaign.resumed_at)
    return max(moment for moment in moments if moment)


def _too_late(campaign: Campaign) -> str:
    due_at = f"{_start_due_at(campaign):%Y-%m-%dT%H:%M:%SZ}"
    return (
        f"It was to start at {due_at} and could not within {campaign.start_within}; "
        "nothing was sent. Activate it to start it now."
    )


def _start(campaign: Campaign, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")  # A million rows take their time.
    step = campaign.steps.order_by("position").first()
    segment = Segment.objects.get(pk=campaign.segment_id)
    queue_segment(campaign.stream, step.mailing(), segment, at=at, wall=campaign.wall)
    campaign.status = Campaign.Status.ACTIVE
    campaign.started_at = at
    campaign.save(update_fields=["status", "started_at", "updated_at"])


@atomic_with_retries
def complete_broadcasts(*, at: datetime) -> int:
    """Complete the broadcasts of which every mail is decided; return how many."""
    begun = Campaign.objects.active().filter(type=Campaign.Type.BROADCAST, started_at__isnull=False)
    held = begun.select_related("stream", "project").order_by("id")
    campaigns = held.select_for_update(skip_locked=True, of=("self",))
    done = [campaign for campaign in campaigns if not campaign.stream.has_open_mail()]
    for campaign in done:
        campaign.status, campaign.completed_at = Campaign.Status.COMPLETED, at
        campaign.save(update_fields=["status", "completed_at", "updated_at"])
        campaign.tell(DomainEventType.CAMPAIGN_COMPLETED, at)
    return len(done)
