"""The mails of a campaign as somebody would get them, for a look before they are sent."""

from datetime import datetime
from typing import Any

from campaigns.models import Campaign, Step
from campaigns.operations.advice import advice_on
from campaigns.operations.enrolling import SEGMENT_ENTERED
from contacts.mail.preview import Look, look_at
from contacts.mail.templates import find_template
from contacts.models import Contact, Event
from growth.errors import Invalid, Violation


def preview_step(
    campaign: Campaign, *, step_index: int, contact: Contact | None = None, at: datetime
) -> tuple[Look, list[str]]:
    """Return the step's mail for the contact or for a made-up one, and what may be wrong with it.

    :raises Invalid: if there is no such step or template, or it cannot be rendered for them.
    """
    step = step_at(campaign, step_index)
    template = find_template(campaign.project, step.template_code)
    if template is None:
        message = f"There is no template {step.template_code}."
        raise Invalid(Violation(f"steps[{step.position}].template_id", "unknown", message))
    event = event_of(campaign, contact)
    look = look_at(
        template,
        campaign.project,
        subject=step.subject or "",
        contact=contact,
        about=campaign.stream.context | ({"event": event} if event else {}),
        at=at,
    )
    return look, [*look.warnings, *advice_on(campaign, at=at, steps=[step])]


def step_at(campaign: Campaign, index: int) -> Step:
    """Return the step of this place, counted from 0.

    :raises Invalid: if there is none.
    """
    step = campaign.steps.filter(position=index).first()
    if step is None:
        raise Invalid(Violation("step_index", "unknown", "The campaign has no such step."))
    return step


def event_of(campaign: Campaign, contact: Contact | None = None) -> dict[str, Any]:
    """Return the event that the campaign's mails speak of: the contact's latest, or an empty one.

    A broadcast has none.
    """
    if campaign.type == Campaign.Type.BROADCAST:
        return {}
    name = campaign.trigger_event or SEGMENT_ENTERED
    latest = None
    if contact is not None:
        events = Event.objects.filter(project=campaign.project_id, contact=contact, name=name)
        latest = events.order_by("-timestamp").first()
    if latest is None:
        return {"name": name, "properties": {}}
    return {
        "name": name,
        "properties": latest.properties,
        "timestamp": latest.timestamp.isoformat(),
    }
