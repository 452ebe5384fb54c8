"""Editing the steps of a campaign, also while people are on their way through them.

A step that stays keeps its id, and whoever had it does not get it again, wherever it stands now.
Whoever waits goes on with the first step that they have not had, in the new order and at the new
delays. So nobody misses a step that they waited for, also if it moved before their place. A step
that was put in behind somebody's back, before one that they had already, is not made up for. Mail
of a step that was removed is suppressed if it still waits. Journeys that were completed stay so.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from campaigns.models import Campaign, Step
from contacts.mail.queueing import withdraw_stream
from growth.errors import Invalid, Violation

MAX_STEPS = 100

_PASS = """
    UPDATE campaigns_enrollment journey SET done = journey.done || %s::bigint
      FROM (SELECT id FROM campaigns_enrollment
             WHERE project_id = %s AND campaign_id = %s AND state = 'active'
               AND done && %s::bigint[]
             ORDER BY id FOR UPDATE) held
     WHERE journey.id = held.id AND journey.state = 'active'
"""
_RECONSIDER = """
    UPDATE campaigns_enrollment journey SET due_at = enrolled_at  -- at once
      FROM (SELECT id FROM campaigns_enrollment
             WHERE project_id = %s AND campaign_id = %s AND state = 'active'
             ORDER BY id FOR UPDATE) held
     WHERE journey.id = held.id AND journey.state = 'active'
"""


@transaction.atomic
def replace_steps(campaign: Campaign, steps: Sequence[dict[str, Any]], *, at: datetime) -> None:
    """Make these the campaign's steps.

    A step is the one whose id it names, and new without one. Where none names an id, it is the one
    that sends the same template, else the one at its place.

    :raises Invalid: if an id is none of the campaign's, or is named twice.
    """
    campaign.lock()
    old = list(campaign.steps.order_by("position"))
    timing = [(step.id, step.delay) for step in old]
    new = _recognized(old, steps)
    for position, (step, fields) in enumerate(zip(new, steps, strict=True)):
        _write(campaign, step, position, fields)
    removed = [step.id for step in old if step not in new]
    campaign.steps.filter(id__in=removed).delete()
    if removed:
        withdraw_stream(campaign.stream, "step_removed", at=at, steps=removed)
    _pass_by(campaign, {step.key for step in old}, new)
    if [(step.id, step.delay) for step in new] != timing:
        reconsider(campaign)


def reconsider(campaign: Campaign) -> None:
    """Let the clock look again at when the next steps of those who wait are due."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")  # A million journeys take their time.
        cursor.execute(_RECONSIDER, [campaign.project_key, campaign.key])


def _recognized(old: Sequence[Step], steps: Sequence[dict[str, Any]]) -> list[Step]:
    """Return the step that each description means, new ones where it means none."""
    found: dict[int, Step] = {}
    left = {step.id: step for step in old}
    for place, fields in enumerate(steps):
        if id := fields.get("id"):
            if id not in left:
                message = "This campaign has no such step, or it is named twice; leave the id out."
                raise Invalid(Violation(f"steps[{place}].id", "unknown", message))
            found[place] = left.pop(id)
    for is_meant in () if found else (_is_same, _sends_same, _stands_there):
        for place, fields in enumerate(steps):
            if place in found:
                continue
            if match := next((s for s in left.values() if is_meant(s, fields, place)), None):
                found[place] = left.pop(match.id)
    return [found.get(place) or Step() for place in range(len(steps))]


def _is_same(step: Step, fields: dict[str, Any], place: int) -> bool:
    same_delay = step.delay == fields.get("delay", "")
    return _sends_same(step, fields, place) and same_delay and step.subject == fields.get("subject")


def _sends_same(step: Step, fields: dict[str, Any], place: int) -> bool:
    return step.template_code == fields["template_code"]


def _stands_there(step: Step, fields: dict[str, Any], place: int) -> bool:
    return step.position == place


def _write(campaign: Campaign, step: Step, position: int, fields: dict[str, Any]) -> None:
    step.project, step.campaign, step.position = campaign.project, campaign, position
    for name, value in fields.items():
        if name != "id":
            setattr(step, name, value)
    step.save()


def _pass_by(campaign: Campaign, old: set[int], new: Sequence[Step]) -> None:
    """Spare those who are further on the new steps behind them."""
    for place, step in enumerate(new):
        behind = [each.key for each in new[place + 1 :] if each.key in old]
        if step.key not in old and behind:
            with connection.cursor() as cursor:
                params = [step.key, campaign.project_key, campaign.key, behind]
                cursor.execute(_PASS, params)
