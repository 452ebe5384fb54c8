"""The births of campaigns, and what is done to them before they send."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction

from campaigns.models import Campaign, Enrollment
from campaigns.operations.advice import mailing_faults
from campaigns.operations.previews import event_of, step_at
from campaigns.operations.steps import reconsider, replace_steps
from contacts.mail.queueing import withdraw_stream
from contacts.mail.samples import send_test_mail
from contacts.mail.templates import known_codes
from contacts.models import MailStream, Topic
from growth import outbox
from growth.errors import Conflict, Invalid, Violation
from growth.models import Project
from growth.transactions import atomic_with_retries

END_AT_ONCE = 5_000
END_TASK = "campaigns.tasks.end_removed_campaigns"


@transaction.atomic
def create_campaign(
    project: Project,
    *,
    steps: Sequence[dict[str, Any]],
    topic: Topic | None = None,
    **fields: Any,
) -> Campaign:
    """Make a campaign in draft, with its steps and the mail stream that it sends on."""
    name = fields["name"]
    stream = MailStream.objects.create(project=project, kind="campaign", name=name, topic=topic)
    campaign = Campaign.objects.create(project=project, stream=stream, **fields)
    _name_stream(campaign)
    replace_steps(campaign, steps, at=campaign.created_at)
    return campaign


def _name_stream(campaign: Campaign) -> None:
    """Let the campaign's mails speak of it."""
    campaign.stream.name = campaign.name
    campaign.stream.context = {"campaign": {"id": campaign.id, "name": campaign.name}}
    campaign.stream.save(update_fields=["name", "context", "topic"])


@atomic_with_retries
def revise_campaign(
    campaign: Campaign,
    *,
    steps: Sequence[dict[str, Any]] | None = None,
    at: datetime,
    **fields: Any,
) -> None:
    """Change the campaign's fields, and its steps if steps are given; who waits keeps its place.

    :raises Conflict: if its mails are queued already, and would not follow the change.
    :raises Invalid: if it is on, and could not have been activated like this.
    """
    campaign.lock()
    frozen = [n for n in ("segment", "scheduled_at", "topic") if _changes(campaign, n, fields)]
    if campaign.started_at and (steps is not None or frozen):
        raise Conflict("This broadcast has started; its audience and its mail stay as they are.")
    if "topic" in fields:
        campaign.stream.topic = fields.pop("topic")
    is_retimed = _changes(campaign, "delay_from", fields)
    for name, value in fields.items():
        setattr(campaign, name, value)
    campaign.save()
    _name_stream(campaign)
    if is_retimed:
        reconsider(campaign)
    if steps is not None:
        replace_steps(campaign, steps, at=at)
    is_touched = steps is not None or "segment" in fields
    if campaign.is_on and is_touched and campaign.steps.exists():  # Without steps it may rest.
        _require_all(campaign)


def _changes(campaign: Campaign, name: str, fields: dict[str, Any]) -> bool:
    owner = campaign.stream if name == "topic" else campaign
    return name in fields and fields[name] != getattr(owner, name)


@atomic_with_retries
def remove_campaign(campaign: Campaign, *, at: datetime) -> None:
    """Hide the campaign and let nothing more of it be sent; what many journeys and mails wait in
    it, ``end_removed`` ends.

    Its rows stay: the links in the mails that it has sent still work.
    """
    campaign.lock()
    if campaign.deleted_at:
        return
    campaign.deleted_at = campaign.completed_at = at
    campaign.status, campaign.segment = Campaign.Status.COMPLETED, None
    campaign.save()
    campaign.stream.pause(at=at)
    if _end_some(campaign, at=at) >= END_AT_ONCE:
        transaction.on_commit(partial(outbox.wake, END_TASK))


def end_removed(*, at: datetime) -> int:
    """End a batch of what waits in each removed campaign; return how many journeys and mails.

    For a day, mails that were being sent may come back to the queue, and journeys may begin that
    somebody began at that very moment.
    """
    keys = Campaign.objects.ending().order_by("id").values_list("pk", flat=True)
    return sum(_end_batch(key, at=at) for key in list(keys))


@atomic_with_retries
def _end_batch(key: str, *, at: datetime) -> int:
    """End some of the campaign's journeys and mails, unless somebody else is at it."""
    held = Campaign.objects.ending().filter(pk=key).select_related("stream", "project")
    campaign = held.select_for_update(skip_locked=True, of=("self",)).first()
    if campaign is None:
        return 0
    ended = _end_some(campaign, at=at)
    if not ended and campaign.deleted_at < at - timedelta(days=1):
        campaign.emptied_at = at
        campaign.save(update_fields=["emptied_at"])
    return ended


def _end_some(campaign: Campaign, *, at: datetime) -> int:
    """End so many journeys of the campaign and mails that wait; return how many there were."""
    reason = Enrollment.Exit.CAMPAIGN_DELETED
    active = Enrollment.objects.filter(
        project=campaign.project_id, campaign=campaign, state=Enrollment.State.ACTIVE
    )
    some = active.order_by("id").values_list("pk", flat=True)[:END_AT_ONCE]
    held = list(some.select_for_update())
    Enrollment.objects.filter(pk__in=held).update(
        state=Enrollment.State.EXITED, reason=reason, ended_at=at, due_at=None
    )
    return len(held) + withdraw_stream(campaign.stream, reason, at=at, limit=END_AT_ONCE)


def unknown_templates(campaign: Campaign) -> list[str]:
    """Return the codes in the campaign's steps of which there is no template."""
    codes = {step.template_code for step in campaign.steps.all()}
    return sorted(codes - known_codes(campaign.project, codes))


def activate(campaign: Campaign, *, at: datetime) -> None:
    """Start the campaign if all that it needs is there.

    :raises Invalid: naming all that is missing.
    :raises Conflict: if it has been completed.
    """
    _require_all(campaign)
    campaign.activate(at=at)


def _require_all(campaign: Campaign) -> None:
    """Refuse a campaign that cannot be on.

    :raises Invalid: naming all that is missing.
    """
    steps = list(campaign.steps.order_by("position"))
    codes = {step.template_code for step in steps}
    unknown = codes - known_codes(campaign.project, codes)
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
