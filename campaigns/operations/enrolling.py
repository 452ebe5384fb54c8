"""Who begins a journey: contacts who do what a campaign waits for."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from campaigns.models import Campaign
from contacts.rule_sql import Sql, sql, triggering
from growth.models import Project

SEGMENT_ENTERED = "$segment_entered"

_HELD = 0x656E726C  # "enrl"

_ENROLL = """
WITH told AS (
    SELECT event.id, contact.id AS contact_id, event.name, event.properties, event.timestamp
      FROM ({}) event
      JOIN contacts_contact contact ON contact.id = event.contact_id
           AND contact.project_id = {} AND contact.deleted_at IS NULL
     WHERE event.name = {} AND ({})
),
fit AS (
    SELECT told.*, coalesce(last.entry + 1, 0) AS entry,
           row_number() OVER (PARTITION BY told.contact_id ORDER BY told.timestamp, told.id) AS turn
      FROM told
      LEFT JOIN LATERAL (
           SELECT journey.entry, journey.state, journey.enrolled_at,
                  coalesce((journey.event ->> 'timestamp')::timestamptz, journey.enrolled_at)
                  AS began_at
             FROM campaigns_enrollment journey
            WHERE journey.project_id = {} AND journey.campaign_id = {}
              AND journey.contact_id = told.contact_id
            ORDER BY journey.entry DESC LIMIT 1) last ON true
     WHERE last.entry IS NULL OR ({})
)
INSERT INTO campaigns_enrollment (project_id, campaign_id, contact_id, entry, event, event_key,
       hops, state, reason, position, done, step_key, step_wait, enrolled_at, due_at)
SELECT {}, {}, contact_id, entry + turn - 1,
       jsonb_build_object('name', name, 'properties', properties, 'timestamp', timestamp), id,
       {}, 'active', '', 0, ARRAY[]::bigint[], '', interval '0', {}, {}
  FROM fit WHERE turn = 1 OR {}
 ORDER BY contact_id, turn
ON CONFLICT DO NOTHING
"""


def enroll(
    project: Project,
    events: Sequence[Sequence[Any]],
    names: Collection[str],
    *,
    at: datetime,
    hops: int,
) -> int:
    """Let the contacts of these events begin journeys through the campaigns that wait for them;
    return how many began.

    ``events`` are the ``[key, timestamp]`` pairs of news, ``names`` what they are called. Safe to
    repeat: an event begins one journey at most.
    """
    awaited = Q(trigger_event__in=names)
    if SEGMENT_ENTERED in names:
        awaited |= Q(trigger_event="")
    waiting = Campaign.objects.in_project(project).active().lifecycle().filter(awaited)
    campaigns = list(waiting.select_related("project", "segment"))
    if not campaigns:
        return 0
    _hold(project)
    source = _told(project, events)
    return sum(begin_journeys(campaign, source, at=at, hops=hops) for campaign in campaigns)


def begin_journeys(campaign: Campaign, source: Sql, *, at: datetime, hops: int = 0) -> int:
    """Enroll whom the campaign's trigger and its ``reentry`` let in; return how many.

    :param source: a SELECT of ``id``, ``contact_id``, ``name``, ``properties``, ``timestamp``.
    """
    place = (campaign.project_key, campaign.key)
    statement = sql(
        _ENROLL,
        *(source, campaign.project_key, campaign.trigger_event or SEGMENT_ENTERED),
        _passes(campaign, at),
        *(*place, _may_again(campaign)),
        *(*place, hops, at, at, campaign.reentry == Campaign.Reentry.EVERY_EVENT),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        return cursor.rowcount


def _told(project: Project, events: Sequence[Sequence[Any]]) -> Sql:
    times = [datetime.fromisoformat(time) for _, time in events]
    return sql(
        """SELECT id, contact_id, name, properties, timestamp FROM contacts_event
            WHERE id = ANY({}::bigint[]) AND timestamp BETWEEN {} AND {} AND project_id = {}""",
        *([key for key, _ in events], min(times), max(times), project.key),
    )


def _passes(campaign: Campaign, at: datetime) -> Sql:
    """Return what is true of events that the trigger means, and of contacts whom it lets in."""
    return triggering(
        campaign.trigger, campaign.trigger_event, campaign.segment, project=campaign.project, at=at
    )


def _may_again(campaign: Campaign) -> Sql:
    """Return what is true of contacts who had a journey and get another."""
    match campaign.reentry:
        case Campaign.Reentry.EVERY_EVENT:
            return Sql("true")
        case Campaign.Reentry.AFTER_EXIT:
            over = Sql("last.state <> 'active' AND told.timestamp > last.began_at")
            if not (campaign.trigger_event and campaign.segment):
                return over  # Whoever enters a segment again has left it before.
            again = Sql("member.entered_at > last.enrolled_at")
            return sql("{} AND {}", over, _member(campaign, Sql("told.contact_id"), again))
    return Sql("false")


def _member(campaign: Campaign, contact: Sql, condition: Sql) -> Sql:
    return sql(
        """EXISTS (SELECT FROM contacts_membership member WHERE member.project_id = {}
           AND member.segment_id = {} AND member.contact_id = {} AND {})""",
        *(campaign.project_key, campaign.segment.key, contact, condition),
    )


def _hold(project: Project) -> None:
    """Let those who enroll in the project follow each other: each numbers journeys from the last.

    The relay and the retries of its failures may come at the same time.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_HELD, project.key % 2**31])
