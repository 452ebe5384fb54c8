"""The decision to mail: one row for each contact, step and journey, made once whoever asks how
often.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

import orjson
from django.db import connection

from contacts.mail.hours import local_moment, zone_named
from contacts.models import MailStream, Segment
from growth import outbox
from growth.models import Project

SEND_TASK = "contacts.tasks.send_due_emails"


@dataclass(frozen=True)
class Mailing:
    """One mail of a stream: which step it is, and what it says."""

    step_key: str
    template_code: str
    subject: str = ""


@dataclass(frozen=True)
class Recipient:
    """A contact on its how-many-th journey, and what the mail may speak of beside the contact."""

    contact: int
    entry: int = 0
    context: dict[str, Any] = field(default_factory=dict)
    hops: int = 0


def queue_recipients(
    stream: MailStream, mailing: Mailing, recipients: Sequence[Recipient], *, at: datetime
) -> int:
    """Queue the mail for these contacts; return how many decisions are new."""
    rows = [
        {"contact_id": r.contact, "entry": r.entry, "context": r.context, "hops": r.hops}
        for r in recipients
    ]
    source = """SELECT * FROM jsonb_to_recordset(%s)
                AS row (contact_id bigint, entry integer, context jsonb, hops smallint)"""
    return _queue(stream, mailing, source, [orjson.dumps(rows).decode()], at)


def queue_segment(
    stream: MailStream,
    mailing: Mailing,
    segment: Segment,
    *,
    at: datetime,
    wall: datetime | None = None,
) -> int:
    """Queue the mail for all who are in the segment at this moment; return how many they are.

    With ``wall``, each mail is due when the clocks of its contact show that time.
    """
    source = """SELECT contact_id, 0 AS entry, '{}'::jsonb AS context, 0 AS hops
                  FROM contacts_membership WHERE project_id = %s AND segment_id = %s"""
    params = [segment.project.key, segment.key]
    times = _local_times(segment, wall, at) if wall else {}
    return _queue(stream, mailing, source, params, at, times)


def _local_times(segment: Segment, wall: datetime, at: datetime) -> dict[str, datetime]:
    """Return when it is that time for those who name a zone, whatever they write; '' is who names
    none.
    """
    project = segment.project
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT contact.traits->>'timezone' FROM contacts_membership member
                 JOIN contacts_contact contact ON contact.id = member.contact_id
                WHERE member.project_id = %s AND member.segment_id = %s
                  AND contact.traits ? 'timezone'""",
            [project.key, segment.key],
        )
        names = {name or "" for (name,) in cursor.fetchall()} | {""}
    return {
        name: local_moment(wall, zone_named(name, project.zone), at=at) for name in sorted(names)
    }


@dataclass(frozen=True)
class Withdrawal:
    """A contact whose journey through the stream ended, and why its waiting mail is not sent."""

    stream: int
    contact: int
    entry: int
    reason: str


def withdraw(project: Project, withdrawals: Sequence[Withdrawal], *, at: datetime) -> int:
    """Suppress the waiting mails of these journeys, each with its reason; return how many."""
    if not withdrawals:
        return 0
    columns = zip(*((w.stream, w.contact, w.entry, w.reason) for w in withdrawals), strict=True)
    chosen = """SELECT DISTINCT ON (mail.id) mail.id, ended.reason
                  FROM unnest(%s::bigint[], %s::bigint[], %s::int[], %s::text[])
                       AS ended (stream_id, contact_id, entry, reason)
                  JOIN contacts_email mail ON mail.project_id = %s
                       AND mail.contact_id = ended.contact_id
                       AND mail.stream_id = ended.stream_id AND mail.entry = ended.entry"""
    return _suppress(chosen, [*map(list, columns), project.key], at)


def withdraw_stream(
    stream: MailStream,
    reason: str,
    *,
    at: datetime,
    steps: Sequence[str] | None = None,
    limit: int | None = None,
) -> int:
    """Suppress all waiting mails of the stream, or of these steps of it, or the ``limit`` first;
    return how many.
    """
    chosen = """SELECT mail.id, %s::text AS reason FROM contacts_email mail
                 WHERE mail.project_id = %s AND mail.stream_id = %s
                   AND (%s::text[] IS NULL OR mail.step_key = ANY(%s::text[]))"""
    named = None if steps is None else list(steps)
    return _suppress(chosen, [reason, stream.project_key, stream.pk, named, named], at, limit)


def _suppress(chosen: str, params: list[Any], at: datetime, limit: int | None = None) -> int:
    """Suppress those of the chosen mails that wait; a worker that holds one finds it gone."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH chosen AS ({chosen} AND mail.state IN ('queued', 'deferred', 'claimed')
                           LIMIT %s),
            held AS MATERIALIZED (
                SELECT mail.id FROM contacts_email mail WHERE mail.id IN (SELECT id FROM chosen)
                 ORDER BY mail.id FOR UPDATE)
            UPDATE contacts_email email
               SET state = 'suppressed', reason = chosen.reason, decided_at = %s,
                   leased_until = NULL
              FROM chosen JOIN held USING (id)
             WHERE email.id = chosen.id AND email.state IN ('queued', 'deferred', 'claimed')
            """,
            [*params, limit, at],
        )
        return cursor.rowcount


def _queue(
    stream: MailStream,
    mailing: Mailing,
    source: str,
    params: list[Any],
    at: datetime,
    times: Mapping[str, datetime] = MappingProxyType({}),
) -> int:
    """Insert the decisions: to be sent, or suppressed where there is no address to send to, or
    where another contact of the same address gets this mail. ``times`` tells when, by zone.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH recipient AS ({source}),
            person AS (
                SELECT recipient.*, contact.email, contact.email_key,
                       coalesce(contact.traits->>'timezone', '') AS zone,
                       row_number() OVER (PARTITION BY contact.email_key, recipient.entry
                                          ORDER BY contact.id) AS place
                  FROM recipient
                  JOIN contacts_contact contact ON contact.id = recipient.contact_id
                       AND contact.project_id = %s AND contact.deleted_at IS NULL
            ),
            decision AS (
                SELECT person.*, CASE
                       WHEN email_key = '' THEN 'no_address'
                       WHEN place > 1 OR EXISTS (
                            SELECT FROM contacts_email other
                             WHERE other.project_id = %s AND other.stream_id = %s
                               AND other.step_key = %s AND other.email_key = person.email_key
                               AND other.entry = person.entry AND other.state <> 'suppressed'
                               AND other.contact_id <> person.contact_id) THEN 'same_address'
                       ELSE '' END AS reason
                  FROM person
            )
            INSERT INTO contacts_email (project_id, stream_id, step_key, entry, contact_id, address,
                   email_key, template_code, subject, context, state, reason, attempts,
                   created_at, due_at, decided_at, hops)
            SELECT %s, %s, %s, entry, contact_id, email, email_key, %s, %s, context,
                   CASE WHEN reason = '' THEN 'queued' ELSE 'suppressed' END, reason, 0,
                   %s, coalesce(zones.due_at, %s),
                   CASE WHEN reason = '' THEN NULL ELSE %s::timestamptz END, hops
              FROM decision
              LEFT JOIN unnest(%s::text[], %s::timestamptz[]) AS zones (zone, due_at) USING (zone)
             ORDER BY contact_id
            ON CONFLICT DO NOTHING
            """,
            [
                *params,
                stream.project_key,
                *(stream.project_key, stream.pk, mailing.step_key),
                *(stream.project_key, stream.pk, mailing.step_key),
                *(mailing.template_code, mailing.subject),
                *(at, at, at, list(times), list(times.values())),
            ],
        )
        count = cursor.rowcount
    outbox.wake(SEND_TASK)
    return count
