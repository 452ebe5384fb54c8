"""Segments and campaigns for tests."""

from datetime import datetime, timedelta
from typing import Any

from rest_framework.test import APIClient

from campaigns.models import Campaign
from campaigns.operations.campaigns import activate, create_campaign
from campaigns.operations.journeys import take_steps
from contacts.models import Contact, Email, Event, Fact, Membership, Segment
from growth.models import Project
from tests.factories import AT

ONBOARDING = {
    "name": "Onboarding Sequence",
    "type": "lifecycle",
    "trigger": {"event": "signup_completed"},
    "steps": [
        {"delay": "0m", "subject": "Welcome to Acme!", "template_id": "tmpl_welcome_01"},
        {"delay": "2d", "subject": "Getting started", "template_id": "tmpl_onboard_02"},
        {"delay": "5d", "subject": "Tried referrals?", "template_id": "tmpl_onboard_03"},
    ],
}


def make_segment(project: Project, *members: Contact) -> Segment:
    """Return a static segment of these contacts."""
    segment = Segment.objects.create(
        project=project, name="Segment", type=Segment.Type.STATIC, status=Segment.Status.READY
    )
    Membership.objects.bulk_create(
        Membership(project=project, segment=segment, contact=contact, entered_at=AT)
        for contact in members
    )
    return segment


def make_lifecycle(
    project: Project,
    *delays: str,
    event: str = "signup_completed",
    segment: Segment | None = None,
    template: str = "tmpl_welcome_01",
) -> Campaign:
    """Return an active lifecycle campaign with a step for each delay."""
    trigger: dict[str, Any] = {"event": event} if event else {}
    if segment:
        trigger["segment_id"] = segment.id
    campaign = create_campaign(
        project,
        name="Sequence",
        type=Campaign.Type.LIFECYCLE,
        trigger=trigger,
        segment=segment,
        steps=[{"delay": delay, "subject": delay, "template_code": template} for delay in delays],
    )
    activate(campaign, at=AT - timedelta(days=1))
    return campaign


def make_broadcast(project: Project, segment: Segment, **fields: Any) -> Campaign:
    """Return an active broadcast to the segment."""
    campaign = create_campaign(
        project,
        name="News",
        type=Campaign.Type.BROADCAST,
        segment=segment,
        steps=[{"subject": "News", "template_code": "tmpl_reengage"}],
        **fields,
    )
    activate(campaign, at=AT - timedelta(days=1))
    return campaign


def write_campaign(api: APIClient, *steps: Any, **fields: Any) -> dict:
    """Return an active lifecycle campaign that was made through the API; a step may be its delay
    alone.
    """
    written = [
        {"delay": step, "subject": step, "template_id": "tmpl_welcome_01"}
        if isinstance(step, str)
        else step
        for step in steps
    ]
    body = {**ONBOARDING, "steps": written, **fields}
    campaign = api.post("/v1/campaigns", body)
    assert campaign.status_code == 201, campaign.json()
    active = api.post(f"/v1/campaigns/{campaign.json()['id']}/activate")
    assert active.status_code == 200, active.json()
    return active.json()


def happen(
    contact: Contact, name: str = "signup_completed", at: datetime = AT, **properties: Any
) -> None:
    """Let the contact do something; the relay has to tell it."""
    Event.objects.record(contact.project, [Fact(contact.key, name, properties)], at=at)


def take(at: datetime) -> None:
    """Take all steps that are due."""
    while take_steps(at=at):
        pass


def decide_all(at: datetime) -> None:
    """Let all mail that waits be sent."""
    Email.objects.filter(decided_at=None).update(state="sent", decided_at=at)


def queued() -> list[str]:
    """Return the mails that were decided on, as ``address: subject``."""
    mails = Email.objects.order_by("id").values_list("contact__email", "subject")
    return [f"{email}: {subject}" for email, subject in mails]


def play(first: datetime, days: int, *, step: timedelta = timedelta(hours=6)) -> dict[float, list]:
    """Let time pass, and the mail server take everything; return the subjects by their day."""
    found: dict[float, list] = {}
    at = first
    while at <= first + timedelta(days=days):
        known = set(Email.objects.values_list("pk", flat=True))
        take(at)
        decide_all(at)
        new = Email.objects.exclude(pk__in=known).order_by("id").values_list("subject", flat=True)
        if new:
            found[(at - first) / timedelta(days=1)] = list(new)
        at += step
    return found
