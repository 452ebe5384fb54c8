"""Segments and campaigns for tests."""

from datetime import timedelta
from typing import Any

from campaigns.models import Campaign
from campaigns.operations.campaigns import activate, create_campaign
from contacts.models import Contact, Membership, Segment
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
