"""Contacts on their way through sequences: enrolled by events, and written to step by step."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import connection

from campaigns.models import Campaign, Enrollment, Step
from contacts.mail.queueing import Recipient, queue_recipients
from contacts.models import Email
from growth.models import Project
from growth.transactions import atomic_with_retries

SEGMENT_ENTERED = "$segment_entered"

_BATCH = 500


def enroll(project: Project, events: Sequence[Sequence[Any]], *, at: datetime, hops: int) -> None:
    """Enroll the contacts of these events in the campaigns that wait for them, and take first
    steps.

    ``events`` are the ``[key, timestamp]`` pairs of news. Safe to repeat: a contact has one
    journey.
    """
    campaigns = Campaign.objects.in_project(project).active().lifecycle()
    enrolled = [_enroll(campaign, events, at, hops) for campaign in campaigns]
    if any(enrolled):
        take_steps(at=at, project=project)


def _enroll(campaign: Campaign, events: Sequence[Sequence[Any]], at: datetime, hops: int) -> int:
    times = [datetime.fromisoformat(time) for _, time in events]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO campaigns_enrollment (project_id, campaign_id, contact_id, entry, event,
                   hops, state, position, enrolled_at, due_at)
            SELECT DISTINCT ON (contact.id) %(project)s, %(campaign)s, contact.id, 0,
                   jsonb_build_object('name', event.name, 'properties', event.properties,
                                      'timestamp', event.timestamp),
                   %(hops)s, 'active', 0, %(at)s, %(at)s
              FROM contacts_event event
              JOIN contacts_contact contact ON contact.id = event.contact_id
                   AND contact.project_id = %(project)s AND contact.deleted_at IS NULL
             WHERE event.id = ANY(%(keys)s) AND event.timestamp BETWEEN %(first)s AND %(last)s
               AND event.project_id = %(project)s AND event.name = %(name)s
               AND (NOT %(by_segment)s OR event.properties @> %(entered)s)
               AND (%(by_segment)s OR %(segment)s::bigint IS NULL OR EXISTS (
                    SELECT FROM contacts_membership member
                     WHERE member.project_id = %(project)s AND member.segment_id = %(segment)s
                       AND member.contact_id = contact.id))
             ORDER BY contact.id, event.timestamp DESC
            ON CONFLICT DO NOTHING
            """,
            {
                "project": campaign.project_key,
                "campaign": campaign.key,
                "keys": [key for key, _ in events],
                "first": min(times),
                "last": max(times),
                "name": campaign.trigger_event or SEGMENT_ENTERED,
                "by_segment": not campaign.trigger_event,
                "entered": orjson.dumps({"segment_id": campaign.segment_id}).decode(),
                "segment": campaign.segment.key if campaign.segment else None,
                "at": at,
                "hops": hops,
            },
        )
        return cursor.rowcount


@atomic_with_retries
def take_steps(*, at: datetime, project: Project | None = None) -> int:
    """Queue the next mail of the journeys that are due, and set when the following is; return how
    many there were.

    Safe at the same time as itself: each journey's row is taken by one, and a mail is queued once.
    """
    due = (
        Enrollment.objects.due(at)
        if project is None
        else Enrollment.objects.in_project(project).due(at)
    )
    rows = due.select_for_update(skip_locked=True, of=("self",)).order_by("due_at")
    enrollments = list(rows.select_related("campaign__stream", "campaign__project")[:_BATCH])
    for campaign, group in _by_campaign(enrollments).items():
        _take_steps_of(campaign, group, at)
    Enrollment.objects.bulk_update(enrollments, ["position", "state", "due_at"])
    return len(enrollments)


def _by_campaign(enrollments: Sequence[Enrollment]) -> dict[Campaign, list[Enrollment]]:
    groups: dict[Campaign, list[Enrollment]] = defaultdict(list)
    for enrollment in enrollments:
        groups[enrollment.campaign].append(enrollment)
    return groups


def _take_steps_of(campaign: Campaign, enrollments: Sequence[Enrollment], at: datetime) -> None:
    steps = list(campaign.steps.order_by("position"))
    decided = _last_decisions(campaign, enrollments)
    by_step: dict[int, list[Enrollment]] = defaultdict(list)
    for enrollment in enrollments:
        ready_at = _ready_at(enrollment, steps, decided, at)
        if ready_at <= at:
            by_step[enrollment.position].append(enrollment)
        else:
            enrollment.due_at = ready_at
    for position, group in by_step.items():
        if position < len(steps):
            _queue(campaign, steps[position], group, at)
        for enrollment in group:
            _advance(enrollment, steps, at)


def _last_decisions(
    campaign: Campaign, enrollments: Sequence[Enrollment]
) -> dict[tuple[str, int], datetime | None]:
    """Return when the latest mail of each journey was decided; None where it still waits."""
    mails = Email.objects.filter(
        stream=campaign.stream, contact__in={each.contact_id for each in enrollments}
    )
    latest = mails.order_by("created_at", "id").values_list("contact_id", "entry", "decided_at")
    return {(contact, entry): decided_at for contact, entry, decided_at in latest}


def _ready_at(
    enrollment: Enrollment,
    steps: Sequence[Step],
    decided: dict[tuple[str, int], datetime | None],
    at: datetime,
) -> datetime:
    """Return when the next step may be taken: a step waits its delay's difference after the last
    mail was decided, so that a pause or an outage pushes what follows.
    """
    position = enrollment.position
    if position == 0 or position >= len(steps):
        return at
    decided_at = decided.get((enrollment.contact_id, enrollment.entry), at)
    if decided_at is None:
        return at + timedelta(minutes=1)
    return decided_at + max(steps[position].wait - steps[position - 1].wait, timedelta())


def _queue(campaign: Campaign, step: Step, group: Sequence[Enrollment], at: datetime) -> None:
    contact_key = Enrollment._meta.get_field("contact").get_prep_value
    recipients = [
        Recipient(
            contact=contact_key(each.contact_id),
            entry=each.entry,
            context={"event": each.event},
            hops=each.hops,
        )
        for each in group
    ]
    queue_recipients(campaign.stream, step.mailing(), recipients, at=at)


def _advance(enrollment: Enrollment, steps: Sequence[Step], at: datetime) -> None:
    enrollment.position += 1
    if enrollment.position < len(steps):
        here, before = steps[enrollment.position].wait, steps[enrollment.position - 1].wait
        enrollment.due_at = max(enrollment.enrolled_at + here, at + max(here - before, timedelta()))
    else:
        enrollment.due_at, enrollment.state = None, Enrollment.State.COMPLETED
