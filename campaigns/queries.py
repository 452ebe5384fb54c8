"""What is told of a campaign: counts of rows, never kept apart from them."""

from typing import Any

from django.db.models import Count, Exists, OuterRef, Q

from campaigns.models import Campaign, Enrollment
from contacts.models import Email, EmailActivity

_KINDS = EmailActivity.Kind


def stats(campaign: Campaign) -> dict[str, Any]:
    """Return the counts and rates of the campaign's mails.

    Sent are those that were accepted or refused for good; bounced those refused, or returned later.
    Failed ones met no refusal: their text could not be made, or no server took them in time. An
    opened mail counts once however often it was opened, and apart if a machine did.
    Conversions are contacts who reached the goal, per contact that was enrolled.
    """
    mails = Email.objects.filter(project=campaign.project_id, stream=campaign.stream_id)
    counts = mails.annotate(
        was_opened=_has(_KINDS.OPENED, is_machine=False),
        was_clicked=_has(_KINDS.CLICKED, is_machine=False),
        was_opened_by_machine=_has(_KINDS.OPENED, is_machine=True),
        was_clicked_by_machine=_has(_KINDS.CLICKED, is_machine=True),
        was_returned=_has(_KINDS.BOUNCED),
        was_left=_has(_KINDS.UNSUBSCRIBED),
    ).aggregate(
        accepted=Count("pk", Q(state="sent")),
        refused=Count("pk", Q(state="failed", was_returned=True)),
        returned=Count("pk", Q(state="sent", was_returned=True)),
        opened=Count("pk", Q(was_opened=True)),
        clicked=Count("pk", Q(was_clicked=True)),
        opened_machine=Count("pk", Q(was_opened_by_machine=True)),
        clicked_machine=Count("pk", Q(was_clicked_by_machine=True)),
        unsubscribed=Count("pk", Q(was_left=True)),
        suppressed=Count("pk", Q(state="suppressed")),
        failed=Count("pk", Q(state="failed", was_returned=False)),
        in_doubt=Count("pk", Q(state="in_doubt")),
        waiting=Count("pk", Q(state__in=[*Email.WAITING, "sending"])),
    )
    sent = counts["accepted"] + counts["refused"]
    bounced = counts["refused"] + counts["returned"]
    delivered = sent - bounced
    return {
        "sent": sent,
        "delivered": delivered,
        "opened": counts["opened"],
        "clicked": counts["clicked"],
        "bounced": bounced,
        "unsubscribed": counts["unsubscribed"],
        "open_rate": _rate(counts["opened"], delivered, 2),
        "click_rate": _rate(counts["clicked"], delivered, 2),
        "bounce_rate": _rate(bounced, sent, 3),
        "unsubscribe_rate": _rate(counts["unsubscribed"], delivered, 3),
        "opened_machine": counts["opened_machine"],
        "clicked_machine": counts["clicked_machine"],
        "suppressed": counts["suppressed"],
        "failed": counts["failed"],
        "in_doubt": counts["in_doubt"],
        "waiting": counts["waiting"],
        **_journeys(campaign),
    }


def _journeys(campaign: Campaign) -> dict[str, Any]:
    """Return how many contacts are how far in a sequence; a broadcast has no journeys."""
    if campaign.type == Campaign.Type.BROADCAST:
        return {}
    journeys = Enrollment.objects.filter(project=campaign.project_id, campaign=campaign)
    counts = journeys.aggregate(
        enrolled=Count("contact", distinct=True),
        active=Count("pk", Q(state=Enrollment.State.ACTIVE)),
        completed=Count("pk", Q(state=Enrollment.State.COMPLETED)),
        exited=Count("pk", Q(state=Enrollment.State.EXITED)),
        conversions=Count("contact", Q(converted_at__isnull=False), distinct=True),
    )
    return counts | {"conversion_rate": _rate(counts["conversions"], counts["enrolled"], 3)}


def _has(kind: str, **conditions: Any) -> Exists:
    activities = EmailActivity.objects.filter(
        project=OuterRef("project"), email=OuterRef("pk"), kind=kind, **conditions
    )
    return Exists(activities)


def _rate(part: int, whole: int, digits: int) -> float:
    return round(part / whole, digits) if whole else 0
