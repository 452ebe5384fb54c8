"""Where one contact stands in a campaign, in words: why it got a mail, and why it did not."""

from datetime import timedelta
from typing import Any

from django.db import connection

from campaigns.models import Campaign, Enrollment
from contacts import rules
from contacts.models import Contact, Email, Event, Membership
from contacts.rule_sql import event_filter, sql

HISTORICAL_AGE = timedelta(hours=24)


WORDS = {
    "no_address": "The contact has no mail address.",
    "same_address": "Another contact with the same address got this mail.",
    "invalid_address": "The address is not one that mail can be sent to.",
    "smtputf8": "The mail server does not take addresses of this spelling.",
    "unsubscribed": "The address has unsubscribed.",
    "bounced": "Mail to the address came back for good.",
    "complained": "The recipient reported mail as spam.",
    "manual": "Staff has blocked the address.",
    "dnd": "A client said not to disturb the contact.",
    "consent": "The contact has not agreed to mail on this topic.",
    "deleted": "The contact was deleted.",
    "cap": "The contact had as much mail already as the project allows.",
    "goal_reached": "The contact reached the goal of the campaign first.",
    "left_segment": "The contact left the segment of the campaign.",
    "campaign_deleted": "The campaign was deleted.",
    "step_removed": "The step was removed from the campaign before the mail was sent.",
    "queued": "It waits for its turn.",
    "deferred": "It could not be delivered yet and will be tried again.",
    "claimed": "A worker has taken it and will send it now.",
    "sending": "It is being sent at this moment.",
    "sent": "The mail server has accepted it.",
    "in_doubt": "The server may have it or not; nobody sends it again.",
    "paused": "The campaign is paused.",
    "draft": "The campaign has not been activated.",
    "scheduled": "The campaign waits for the time at which it is scheduled.",
    "starting": "The campaign is about to start.",
    "in_audience": "The contact was in the segment when the broadcast started.",
    "not_in_audience": "The contact was not in the segment when the broadcast started.",
    "entered_after_start": "The contact entered the segment after the broadcast had started.",
    "waiting": "The contact is on its way and waits for its next step.",
    "completed": "The contact has been through all steps.",
    "no_event": "The event that starts the sequence has not come.",
    "before_activation": "The event came before the campaign was activated.",
    "historical": "The event was told as history; history starts nothing.",
    "filtered": "The event came, but its properties do not pass trigger.where.",
    "not_in_segment": "The contact is not in the segment of the campaign.",
    "member_at_activation": "The contact was in the segment before the campaign was activated.",
    "entered_quietly": "The contact came into the segment by a new rule or an import.",
    "already_enrolled": "The contact has had its journey, and reentry does not give it another.",
    "not_told_yet": "The event came while the campaign was paused, or is looked at right now.",
}


def explain_mail(mail: Email, campaign: Campaign) -> str:
    """Return what became of the mail, in a sentence."""
    if mail.state == Email.State.SUPPRESSED:
        return WORDS.get(mail.reason, mail.reason)
    if mail.state in Email.WAITING and campaign.status == Campaign.Status.PAUSED:
        return WORDS["paused"]
    said = WORDS.get(mail.state, "It could not be sent.")
    return f"{said} {mail.reason}".strip()


def standing(campaign: Campaign, contact: Contact) -> dict[str, Any]:
    """Return where the contact stands: ``state``, and a ``reason`` with its ``explanation``."""
    if campaign.type == Campaign.Type.BROADCAST:
        return explained(contact, *_in_broadcast(campaign, contact))
    journeys = Enrollment.objects.filter(
        project=campaign.project_id, campaign=campaign, contact=contact
    )
    journey = journeys.order_by("entry").last()
    if journey is None:
        return explained(contact, "not_enrolled", why_not_enrolled(campaign, contact))
    return _on_journey(campaign, contact, journey)


def why_not_enrolled(campaign: Campaign, contact: Contact) -> str:
    """Return the word for why the contact has no journey through the sequence."""
    if contact.deleted_at:
        return "deleted"
    if campaign.activated_at is None:
        return "draft"
    if not campaign.trigger_event:
        return _why_not_entered(campaign, contact)
    return _why_not_begun(campaign, contact)


def explained(contact: Contact, state: str, reason: str, **more: Any) -> dict[str, Any]:
    """Return that the contact stands so, for the reason of this word."""
    said = {"contact_id": contact.id, "state": state, "reason": reason}
    return said | {"explanation": WORDS.get(reason, reason)} | more


def _on_journey(campaign: Campaign, contact: Contact, journey: Enrollment) -> dict[str, Any]:
    is_active = journey.state == Enrollment.State.ACTIVE
    following = journey.next_step(list(campaign.steps.order_by("position")))
    is_held = is_active and campaign.status == Campaign.Status.PAUSED
    reason = journey.reason or ("paused" if is_held else "waiting" if is_active else "completed")
    return explained(
        contact,
        journey.state,
        reason,
        entry=journey.entry,
        enrolled_at=journey.enrolled_at,
        next_step_id=following.id if is_active and following else None,
        due_at=journey.due_at,
        ended_at=journey.ended_at,
        converted_at=journey.converted_at,
    )


def _in_broadcast(campaign: Campaign, contact: Contact) -> tuple[str, str]:
    mails = Email.objects.filter(project=campaign.project_id, stream=campaign.stream_id)
    if mails.filter(contact=contact).exists():
        return "in_audience", "in_audience"
    member = _membership(campaign, contact)
    if campaign.started_at is None:
        status = "starting" if campaign.status == Campaign.Status.ACTIVE else campaign.status
        return "not_started", status if member else "not_in_segment"
    if member and member.entered_at > campaign.started_at:
        return "not_in_audience", "entered_after_start"
    return "not_in_audience", "not_in_audience"


def _membership(campaign: Campaign, contact: Contact) -> Membership | None:
    if campaign.segment_id is None:
        return None
    return Membership.objects.filter(
        project=campaign.project_id, segment=campaign.segment_id, contact=contact
    ).first()


def _why_not_entered(campaign: Campaign, contact: Contact) -> str:
    member = _membership(campaign, contact)
    if member is None:
        return "not_in_segment"
    if member.entered_at <= campaign.activated_at:
        return "member_at_activation"
    entries = Event.objects.filter(
        project=campaign.project_id,
        contact=contact,
        name="$segment_entered",
        timestamp__gte=campaign.activated_at,
        properties__segment_id=campaign.segment_id,
    )
    return _untold(campaign) if entries.exists() else "entered_quietly"


def _why_not_begun(campaign: Campaign, contact: Contact) -> str:
    events = Event.objects.filter(
        project=campaign.project_id, contact=contact, name=campaign.trigger_event
    )
    since = events.filter(received_at__gte=campaign.activated_at)
    if not since.exists():
        return "before_activation" if events.exists() else "no_event"
    times = since.order_by("-timestamp").values_list("received_at", "timestamp")[:1000]
    if all(received_at - timestamp > HISTORICAL_AGE for received_at, timestamp in times):
        return "historical"
    if not _has_passed(campaign, contact):
        return "filtered"
    if campaign.segment_id and _membership(campaign, contact) is None:
        return "not_in_segment"
    return _untold(campaign)


def _untold(campaign: Campaign) -> str:
    return "paused" if campaign.status == Campaign.Status.PAUSED else "not_told_yet"


def _has_passed(campaign: Campaign, contact: Contact) -> bool:
    where = (campaign.trigger or {}).get("where")
    if not where:
        return True
    project = campaign.project
    node = rules.parse_where(where, zone=project.zone, path="trigger.where")
    found = sql(
        """SELECT EXISTS (SELECT FROM contacts_event event WHERE event.project_id = {}
           AND event.contact_id = {} AND event.name = {} AND event.received_at >= {} AND ({}))""",
        *(project.key, contact.key, campaign.trigger_event, campaign.activated_at),
        event_filter(node, project=project, at=campaign.activated_at),
    )
    with connection.cursor() as cursor:
        cursor.execute(found.text, found.params)
        return cursor.fetchone()[0]
