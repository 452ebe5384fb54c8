"""One mail to a whole segment: its audience is frozen at the start."""

from datetime import datetime

from django.db import connection

from campaigns.models import Campaign
from contacts.mail.queueing import queue_segment
from contacts.models import Segment
from growth.models import DomainEventType
from growth.transactions import atomic_with_retries


@atomic_with_retries
def start_broadcasts(*, at: datetime) -> int:
    """Freeze the audiences of broadcasts whose time has come; return how many there were."""
    waiting = Campaign.objects.to_be_started(at).select_related("stream", "project", "segment")
    due = [campaign.pk for campaign in waiting if campaign.is_time(at)]
    held = waiting.filter(pk__in=due).select_for_update(skip_locked=True, of=("self",))
    campaigns = list(held[:10])
    for campaign in campaigns:
        _start(campaign, at)
    return len(campaigns)


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
    done = [campaign for campaign in begun if not campaign.stream.has_open_mail()]
    for campaign in done:
        campaign.status, campaign.completed_at = Campaign.Status.COMPLETED, at
        campaign.save(update_fields=["status", "completed_at", "updated_at"])
        campaign.tell(DomainEventType.CAMPAIGN_COMPLETED, at)
    return len(done)
