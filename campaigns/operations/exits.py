"""How journeys end before their last step: goals, refusals, segments that were left, deletions.

Whatever waits in the queue for such a journey is suppressed with the same reason.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from campaigns.models import Campaign, Enrollment
from contacts.mail.queueing import Withdrawal, withdraw
from contacts.models import Event
from contacts.models.suppression import SEALED_KEY
from growth.models import Project

REFUSALS = frozenset({"$email_unsubscribed", "$email_bounced", "$email_complained"})
SEGMENT_EXITED = "$segment_exited"

_GOALS = """
    WITH reached AS (
        SELECT journey.id, min(event.timestamp) AS at
          FROM contacts_event event
          JOIN campaigns_campaign campaign ON campaign.project_id = event.project_id
               AND campaign.goal_event = event.name AND campaign.deleted_at IS NULL
          JOIN campaigns_enrollment journey ON journey.project_id = event.project_id
               AND journey.contact_id = event.contact_id AND journey.campaign_id = campaign.id
         CROSS JOIN LATERAL (SELECT coalesce((journey.event ->> 'timestamp')::timestamptz,
                                             journey.enrolled_at) AS at) began
         WHERE event.id = ANY(%(keys)s) AND event.timestamp BETWEEN %(first)s AND %(last)s
           AND event.project_id = %(project)s AND journey.converted_at IS NULL
           AND event.id IS DISTINCT FROM journey.event_key AND event.timestamp >= began.at
           AND (campaign.goal_window IS NULL OR event.timestamp <= began.at + campaign.goal_window)
         GROUP BY journey.id
    ), held AS MATERIALIZED (
        SELECT id FROM campaigns_enrollment WHERE id IN (SELECT id FROM reached)
         ORDER BY id FOR UPDATE
    )
    UPDATE campaigns_enrollment journey SET converted_at = reached.at
      FROM reached JOIN held USING (id) WHERE journey.id = reached.id
    RETURNING journey.id
"""
_REFUSED = f"""
    SELECT journey.id, refusal.reason
      FROM campaigns_enrollment journey
      JOIN campaigns_campaign campaign ON campaign.id = journey.campaign_id
      JOIN contacts_mailstream stream ON stream.id = campaign.stream_id
      JOIN contacts_contact contact ON contact.id = journey.contact_id
     CROSS JOIN LATERAL (SELECT coalesce(
           (SELECT min(suppression.reason) FROM contacts_suppression suppression
              JOIN growth_project project ON project.id = suppression.project_id
             WHERE suppression.project_id = journey.project_id
               AND suppression.email_key IN (contact.email_key,
                   {SEALED_KEY.format(key="contact.email_key")})),
           (SELECT 'consent' FROM contacts_consent consent
             WHERE consent.project_id = journey.project_id AND consent.contact_id = contact.id
               AND consent.topic_id = stream.topic_id AND consent.state = 'withdrawn')
           ) AS reason) refusal
     WHERE journey.project_id = %s AND journey.contact_id = ANY(%s)
       AND journey.state = 'active' AND refusal.reason IS NOT NULL
"""
_EXIT = """
    WITH ended AS (
        SELECT * FROM unnest(%(keys)s::bigint[], %(reasons)s::text[]) AS row (id, reason)
    ), held AS MATERIALIZED (
        SELECT id FROM campaigns_enrollment WHERE id = ANY(%(keys)s) ORDER BY id FOR UPDATE
    ), exited AS (
        UPDATE campaigns_enrollment journey
           SET state = 'exited', reason = ended.reason, ended_at = %(at)s, due_at = NULL
          FROM ended JOIN held USING (id)
         WHERE journey.id = ended.id AND journey.state = 'active'
    )
    SELECT campaign.stream_id, journey.contact_id, journey.entry, ended.reason
      FROM ended
      JOIN campaigns_enrollment journey ON journey.id = ended.id
      JOIN campaigns_campaign campaign ON campaign.id = journey.campaign_id
"""


def leave_segments(project: Project, events: Sequence[Sequence[Any]], *, at: datetime) -> None:
    """End the journeys of contacts who left the segment of a campaign that asks for it."""
    left = Event.objects.in_project(project).told(events).filter(name=SEGMENT_EXITED)
    asking = Campaign.objects.in_project(project).alive().filter(exit_on_segment_leave=True)
    for campaign in asking.exclude(segment=None):
        gone = left.filter(properties__segment_id=campaign.segment_id).values("contact")
        _exit_all(project, Enrollment.Exit.SEGMENT, at, campaign=campaign, contact__in=gone)


def reach_goals(project: Project, events: Sequence[Sequence[Any]], *, at: datetime) -> None:
    """Count the journeys whose goal these events are, and end them.

    An event is the goal of every journey that began before it, and not longer ago than the window.
    """
    times = [datetime.fromisoformat(time) for _, time in events]
    params = {
        "project": project.key,
        "keys": [key for key, _ in events],
        "first": min(times),
        "last": max(times),
    }
    with connection.cursor() as cursor:
        cursor.execute(_GOALS, params)
        keys = [key for (key,) in cursor.fetchall()]
    exit_journeys(project, [(key, Enrollment.Exit.GOAL) for key in keys], at=at)


def refuse(project: Project, contacts: Collection[int], *, at: datetime) -> None:
    """End the journeys of those of the contacts who get no mail any more: at all, or on the topic
    of the campaign.
    """
    with connection.cursor() as cursor:
        cursor.execute(_REFUSED, [project.key, list(contacts)])
        refused = cursor.fetchall()
    exit_journeys(project, refused, at=at)


def forget(project: Project, contacts: Collection[int], *, at: datetime) -> None:
    """End the journeys of contacts who were deleted."""
    _exit_all(project, Enrollment.Exit.DELETED, at, contact__in=contacts)


def exit_journeys(project: Project, journeys: Iterable[tuple[int, str]], *, at: datetime) -> None:
    """End these journeys, by their keys and with these reasons, and suppress their waiting mail.

    Safe to repeat: a journey that is over keeps its reason.
    """
    reasons = dict(journeys)
    if not reasons:
        return
    with connection.cursor() as cursor:
        params = {"keys": list(reasons), "reasons": list(reasons.values()), "at": at}
        cursor.execute(_EXIT, params)
        ended = cursor.fetchall()
    withdraw(project, [Withdrawal(*row) for row in ended], at=at)


def _exit_all(project: Project, reason: str, at: datetime, **chosen: Any) -> None:
    journeys = Enrollment.objects.in_project(project).filter(**chosen)
    begun = journeys.exclude(state=Enrollment.State.EXITED)
    exit_journeys(project, [(key, reason) for key in begun.values_list("pk", flat=True)], at=at)
