"""The births of campaigns, and what is done to them before they send."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from campaigns.models import Campaign, Step
from campaigns.operations.advice import mailing_faults
from campaigns.operations.previews import event_of, step_at
from contacts.mail.sending import send_test_mail
from contacts.mail.templates import known_codes
from contacts.models import MailStream
from growth.errors import Invalid, Violation
from growth.models import Project


@transaction.atomic
def create_campaign(
    project: Project, *, steps: Sequence[dict[str, Any]], **fields: Any
) -> Campaign:
    """Make a campaign in draft, with its steps and the mail stream that it sends on."""
    stream = MailStream.objects.create(project=project, kind="campaign", name=fields["name"])
    campaign = Campaign.objects.create(project=project, stream=stream, **fields)
    _name_stream(campaign)
    replace_steps(campaign, steps)
    return campaign


def _name_stream(campaign: Campaign) -> None:
    """Let the campaign's mails speak of it."""
    campaign.stream.name = campaign.name
    campaign.stream.context = {"campaign": {"id": campaign.id, "name": campaign.name}}
    campaign.stream.save(update_fields=["name", "context"])


@transaction.atomic
def revise_campaign(
    campaign: Campaign, *, steps: Sequence[dict[str, Any]] | None = None, **fields: Any
) -> None:
    """Change the campaign's fields, and its steps if steps are given; who waits keeps its place."""
    campaign.lock()
    for name, value in fields.items():
        setattr(campaign, name, value)
    campaign.save()
    _name_stream(campaign)
    if steps is not None:
        replace_steps(campaign, steps)


@transaction.atomic
def replace_steps(campaign: Campaign, steps: Sequence[dict[str, Any]]) -> None:
    """Make these the campaign's steps. A step keeps its id where one is named, else by its place.

    Whoever waits for a step that is gone goes on with the one that took its place.
    """
    campaign.lock()
    old = list(campaign.steps.order_by("position"))
    named = {step.id: step for step in old}
    kept: set[str] = set()
    for position, fields in enumerate(steps):
        wanted = fields.pop("id", None)
        by_place = old[position] if position < len(old) else None
        step = named.get(wanted) if wanted else by_place
        if step is None or step.id in kept:
            step = Step(project=campaign.project, campaign=campaign)
        for name, value in fields.items():
            setattr(step, name, value)
        step.position = position
        step.save()
        kept.add(step.id)
    campaign.steps.exclude(id__in=kept).delete()


def unknown_templates(campaign: Campaign) -> list[str]:
    """Return the codes in the campaign's steps of which there is no template."""
    codes = {step.template_code for step in campaign.steps.all()}
    return sorted(codes - known_codes(campaign.project, codes))


def activate(campaign: Campaign, *, at: datetime) -> None:
    """Start the campaign if all that it needs is there.

    :raises Invalid: naming all that is missing.
    :raises Conflict: if it has been completed.
    """
    steps = list(campaign.steps.order_by("position"))
    unknown = unknown_templates(campaign)
    missing = []
    if not steps:
        missing.append(Violation("steps", "required", "Add a step before you activate."))
    for step in steps:
        if step.template_code in unknown:
            message = f"There is no template {step.template_code}; make it before you activate."
            missing.append(Violation(f"steps[{step.position}].template_id", "unknown", message))
    missing += mailing_faults(campaign, steps)
    if campaign.type == Campaign.Type.BROADCAST and not campaign.segment_id:
        missing.append(Violation("segment_id", "required", "Name the segment to send to."))
    if missing:
        raise Invalid(*missing)
    campaign.activate(at=at)


def send_test(campaign: Campaign, *, email: str, step_index: int, at: datetime) -> None:
    """Send one step to an address of the team; no statistic knows of it.

    :raises Invalid: if there is no such step, or its template is not there.
    """
    step = step_at(campaign, step_index)
    send_test_mail(
        campaign.stream,
        template_code=step.template_code,
        subject=step.subject or "",
        address=email,
        event=event_of(campaign),
        at=at,
    )
