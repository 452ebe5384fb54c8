"""Who is to be asked: contacts who do what a survey waits for. And who was: mail that went out."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from contacts.models import Event, Fact
from contacts.rule_sql import Sql, sql, triggering
from growth import ids, outbox
from growth.models import DomainEventType, Project
from surveys.models import Invitation, Survey
from surveys.models.invitation import STEP

SEGMENT_ENTERED = "$segment_entered"
EMAIL_SENT = "$email_sent"
SURVEY_SENT = "$survey_sent"

_HELD = 0x73757276  # "surv"

# Whoever waits already is not asked twice, nor who can be seen to be asked too often by then.
_INVITE = """
WITH told AS (
    SELECT DISTINCT ON (contact.id) contact.id AS contact_id, event.id, event.name,
           event.properties, event.timestamp
      FROM contacts_event event
      JOIN contacts_contact contact ON contact.id = event.contact_id
           AND contact.project_id = event.project_id AND contact.deleted_at IS NULL
     WHERE event.id = ANY({}::bigint[]) AND event.timestamp BETWEEN {} AND {}
       AND event.project_id = {} AND event.name = {} AND ({})
     ORDER BY contact.id, event.timestamp, event.id
)
INSERT INTO surveys_invitation (project_id, survey_id, contact_id, entry, event, event_key, hops,
       state, reason, created_at, due_at)
SELECT {}, {}, contact_id, coalesce(past.last + 1, 0),
       jsonb_build_object('name', name, 'properties', properties, 'timestamp', timestamp), id,
       {}, 'waiting', '', {}, {}
  FROM told CROSS JOIN LATERAL (
       SELECT max(entry) AS last, bool_or(state = 'waiting') AS is_waiting,
              count(*) FILTER (WHERE state = 'sent') AS sent, max(sent_at) AS sent_at
         FROM surveys_invitation past
        WHERE past.project_id = {} AND past.survey_id = {}
          AND past.contact_id = told.contact_id) past
 WHERE past.is_waiting IS NOT TRUE AND coalesce(past.sent < {}, true)
   AND coalesce(past.sent_at <= {}, true)
 ORDER BY contact_id
ON CONFLICT DO NOTHING
"""

# By the contact and the mail itself, so that it is right whatever the events of mail say.
_MARK = """
UPDATE surveys_invitation invitation
   SET state = 'sent', sent_at = mail.decided_at
  FROM surveys_survey survey, contacts_email mail
 WHERE invitation.project_id = %(project)s AND invitation.contact_id = ANY(%(contacts)s)
   AND invitation.state = 'queued' AND survey.id = invitation.survey_id
   AND mail.project_id = invitation.project_id AND mail.stream_id = survey.stream_id
   AND mail.step_key = %(step)s AND mail.contact_id = invitation.contact_id
   AND mail.entry = invitation.entry AND mail.state = 'sent'
RETURNING invitation.contact_id, invitation.sent_at, survey.id, survey.name, survey.type
"""


def follow_events(
    project: Project, events: Sequence[Sequence[Any]], *, at: datetime, hops: int
) -> None:
    """Invite whom these events mean, and note which invitations went out.

    ``events`` are the ``[key, timestamp]`` pairs of news. Safe to repeat: an event invites once to
    each survey, and an invitation goes out once.
    """
    told = Event.objects.in_project(project).told(events)
    names = set(told.values_list("name", flat=True).distinct())
    if EMAIL_SENT in names:
        who = told.filter(name=EMAIL_SENT).values_list("contact", flat=True).distinct()
        mark_sent(project, [ids.decode("cntct", contact) for contact in who], at=at, hops=hops)
    invite(project, events, names, at=at, hops=hops)


def invite(
    project: Project,
    events: Sequence[Sequence[Any]],
    names: Collection[str],
    *,
    at: datetime,
    hops: int,
) -> int:
    """Plan an invitation to each survey that waits for these events; return how many are new."""
    awaited = Q(trigger_event__in=names)
    if SEGMENT_ENTERED in names:
        awaited |= Q(trigger_event="", segment__isnull=False)
    waiting = Survey.objects.in_project(project).active().filter(awaited)
    surveys = list(waiting.exclude(trigger_event="", segment=None).select_related("project"))
    if not surveys:
        return 0
    _hold(project)
    return sum(_invite(survey, events, at, hops) for survey in surveys)


def mark_sent(project: Project, contacts: Sequence[int], *, at: datetime, hops: int) -> None:
    """Note whose invitations were taken by a mail server, and tell the system."""
    with connection.cursor() as cursor:
        params = {"project": project.key, "contacts": list(contacts), "step": STEP}
        cursor.execute(_MARK, params)
        rows = cursor.fetchall()
    if not rows:
        return
    facts, news = [], []
    for contact, sent_at, survey, name, type in rows:
        about = {"survey_id": ids.encode("srvy", survey), "survey_type": type}
        facts.append(Fact(contact, SURVEY_SENT, about))
        data = about | {
            "survey_name": name,
            "contact_id": ids.encode("cntct", contact),
            "sent_at": sent_at,
        }
        news.append(outbox.News(DomainEventType.SURVEY_SENT, data, subject=contact))
    Event.objects.record(project, facts, at=at, hops=hops + 1)
    outbox.emit(project, *news, at=at, hops=hops + 1)


def forget(project: Project, contacts: Sequence[int]) -> None:
    """Ask contacts who were deleted nothing any more."""
    waiting = Invitation.objects.filter(
        project=project, contact__in=contacts, state=Invitation.State.WAITING
    )
    reason = Invitation.Skip.DELETED
    waiting.update(state=Invitation.State.SKIPPED, reason=reason, due_at=None)


def _invite(survey: Survey, events: Sequence[Sequence[Any]], at: datetime, hops: int) -> int:
    times = [datetime.fromisoformat(time) for _, time in events]
    place = (survey.project_key, survey.key)
    due_at = at + survey.wait
    statement = sql(
        _INVITE,
        *([key for key, _ in events], min(times), max(times), survey.project_key),
        *(survey.trigger_event or SEGMENT_ENTERED, _passes(survey, at)),
        *(*place, hops, at, due_at),
        *(*place, survey.most, due_at - survey.cooldown),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        return cursor.rowcount


def _passes(survey: Survey, at: datetime) -> Sql:
    """Return what is true of events that the trigger means, and of contacts whom it asks."""
    return triggering(
        survey.trigger, survey.trigger_event, survey.segment, project=survey.project, at=at
    )


def _hold(project: Project) -> None:
    """Let those who invite in the project follow each other: each counts on from the last entry."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_HELD, project.key % 2**31])
