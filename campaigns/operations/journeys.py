"""Contacts on their way through sequences, written to step by step.

Step k is due at the later of two moments: its delay after the enrollment, and, after the mail of
the step before was decided, by how much its delay is longer than that one's. So what a pause or an
outage held up pushes what follows. With ``delay_from: previous_step`` it is due its delay after the
mail before was decided. A day is 24 hours in every zone.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import connection

from campaigns.models import Campaign, Enrollment, EnrollmentQuerySet, Step
from campaigns.operations.enrolling import enroll
from campaigns.operations.exits import (
    REFUSALS,
    SEGMENT_EXITED,
    exit_journeys,
    leave_segments,
    reach_goals,
    refuse,
)
from contacts.mail.queueing import Recipient, queue_recipients
from contacts.models import Contact, Email, Event, Membership
from growth import ids
from growth.models import Project
from growth.transactions import atomic_with_retries

_BATCH = 500
_LOOK_AGAIN = timedelta(minutes=1)

Decisions = dict[tuple[str, int, str], datetime | None]

_SAVE = """
    UPDATE campaigns_enrollment journey
       SET state = row.state, position = row.position, done = row.done, step_key = row.step_key,
           step_wait = row.step_wait * interval '1 second', stepped_at = row.stepped_at,
           due_at = row.due_at, ended_at = row.ended_at
      FROM jsonb_to_recordset(%s) AS row (id bigint, state text, position smallint, done bigint[],
           step_key text, step_wait bigint, stepped_at timestamptz, due_at timestamptz,
           ended_at timestamptz)
     WHERE journey.id = row.id
"""


def follow_events(
    project: Project, events: Sequence[Sequence[Any]], *, at: datetime, hops: int
) -> None:
    """End and begin the journeys that these events end and begin, and take first steps.

    ``events`` are the ``[key, timestamp]`` pairs of news. Ends come first, so that an event may end
    one journey and begin the next.
    """
    told = Event.objects.in_project(project).told(events)
    names = set(told.values_list("name", flat=True).distinct())
    if SEGMENT_EXITED in names:
        leave_segments(project, events, at=at)
    has_goals = _has_goals(project, names)
    if has_goals:
        reach_goals(project, events, at=at)
    begun = enroll(project, events, names, at=at, hops=hops)
    if begun and has_goals:
        reach_goals(project, events, at=at)
    if refused := names & REFUSALS:
        who = told.filter(name__in=refused).values_list("contact", flat=True).distinct()
        refuse(project, [ids.decode(_PREFIX, contact) for contact in who], at=at)
    if begun:
        take_steps(at=at, project=project)


def _has_goals(project: Project, names: Collection[str]) -> bool:
    return Campaign.objects.in_project(project).alive().filter(goal_event__in=names).exists()


@atomic_with_retries
def take_steps(*, at: datetime, project: Project | None = None) -> int:
    """Queue the next mail of the journeys that are due, and set when the following is; return how
    many there were.

    Safe at the same time as itself: each journey's row is taken by one, and a mail is queued once.
    """
    due = Enrollment.objects.due(at)
    return take_steps_of(due if project is None else due.in_project(project), at=at)


def take_steps_of(due: EnrollmentQuerySet, *, at: datetime) -> int:
    """Take the next step of these journeys; return how many there were."""
    rows = due.select_for_update(skip_locked=True, of=("self",)).order_by("due_at")
    journeys = list(rows.select_related("campaign__stream", "campaign__project")[:_BATCH])
    for campaign, group in _by_campaign(journeys).items():
        _take_steps(campaign, _staying(campaign, group, at), at)
    return len(journeys)


def _by_campaign(journeys: Sequence[Enrollment]) -> dict[Campaign, list[Enrollment]]:
    groups: dict[Campaign, list[Enrollment]] = defaultdict(list)
    for journey in journeys:
        groups[journey.campaign].append(journey)
    return groups


def _staying(
    campaign: Campaign, journeys: Sequence[Enrollment], at: datetime
) -> Sequence[Enrollment]:
    """Return those who may go on; the others left the segment, which a change of its rule does
    without an event.
    """
    if not (campaign.exit_on_segment_leave and campaign.segment_id):
        return journeys
    members = set(
        Membership.objects.filter(
            project=campaign.project_id,
            segment=campaign.segment_id,
            contact__in={journey.contact_id for journey in journeys},
        ).values_list("contact", flat=True)
    )
    gone = [
        (each.pk, Enrollment.Exit.SEGMENT) for each in journeys if each.contact_id not in members
    ]
    exit_journeys(campaign.project, gone, at=at)
    return [each for each in journeys if each.contact_id in members]


def _take_steps(campaign: Campaign, journeys: Sequence[Enrollment], at: datetime) -> None:
    steps = list(campaign.steps.order_by("position"))
    decided = decisions(campaign, journeys)
    ready: dict[Step, list[Enrollment]] = defaultdict(list)
    for journey in journeys:
        step = journey.next_step(steps)
        if step is None:
            journey.complete(at)
            continue
        journey.due_at = _ready_at(campaign, journey, step, decided, at)
        if journey.due_at <= at:
            ready[step].append(journey)
    for step, group in ready.items():
        _queue(campaign, step, group, at)
        for journey in group:
            _advance(campaign, journey, step, steps, at)
    _save(journeys)


def decisions(campaign: Campaign, journeys: Sequence[Enrollment]) -> Decisions:
    """Return when the mails of the steps taken last were decided; None where one still waits."""
    mails = Email.objects.filter(
        project=campaign.project_id,
        stream=campaign.stream_id,
        step_key__in={journey.step_key for journey in journeys},
        contact__in={journey.contact_id for journey in journeys},
    )
    rows = mails.values_list("contact_id", "entry", "step_key", "decided_at")
    return {(contact, entry, step): decided_at for contact, entry, step, decided_at in rows}


def _ready_at(
    campaign: Campaign, journey: Enrollment, step: Step, decided: Decisions, at: datetime
) -> datetime:
    """Return when the step may be taken; while the mail before it waits, when to look again."""
    place = (journey.contact_id, journey.entry, journey.step_key)
    decided_at = decided.get(place, journey.stepped_at)
    if place in decided and decided_at is None:
        return at + _LOOK_AGAIN
    return _due_at(campaign, journey, step, decided_at)


def _due_at(
    campaign: Campaign, journey: Enrollment, step: Step, decided_at: datetime | None
) -> datetime:
    due_at = journey.enrolled_at + step.wait
    if decided_at is None:
        return due_at
    if campaign.delay_from == Campaign.DelayFrom.PREVIOUS_STEP:
        return decided_at + step.wait
    return max(due_at, decided_at + max(step.wait - journey.step_wait, timedelta()))


def _queue(campaign: Campaign, step: Step, group: Sequence[Enrollment], at: datetime) -> None:
    recipients = [
        Recipient(
            contact=ids.decode(_PREFIX, each.contact_id),
            entry=each.entry,
            context={"event": each.event},
            hops=each.hops,
        )
        for each in group
    ]
    queue_recipients(campaign.stream, step.mailing(), recipients, at=at)


def _advance(
    campaign: Campaign, journey: Enrollment, step: Step, steps: Sequence[Step], at: datetime
) -> None:
    journey.take(step, at)
    following = journey.next_step(steps)
    if following is None:
        journey.complete(at)
    else:
        journey.due_at = _due_at(campaign, journey, following, at)


def _save(journeys: Sequence[Enrollment]) -> None:
    rows = [
        {
            "id": each.pk,
            "state": each.state,
            "position": each.position,
            "done": each.done,
            "step_key": each.step_key,
            "step_wait": int(each.step_wait.total_seconds()),
            "stepped_at": each.stepped_at,
            "due_at": each.due_at,
            "ended_at": each.ended_at,
        }
        for each in journeys
    ]
    with connection.cursor() as cursor:
        cursor.execute(_SAVE, [orjson.dumps(rows).decode()])


_PREFIX = Contact._meta.pk.prefix
