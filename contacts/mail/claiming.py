"""The queue of mails: its rows are taken, begun and given back by single statements.

A claim takes a fair share for each project, and costs the same however long the queue is.
It ends by itself: the mails of a worker that died are due again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import connection

from contacts.mail.rendering import Person
from contacts.models import Contact, MailStream
from contacts.models.suppression import SEALED_KEY
from growth import ids

CLAIM_LEASE = timedelta(minutes=1)
SENDING_LEASE = timedelta(minutes=2)
"""Longer than a chunk can take: see the time-outs of ``sending`` and ``transport``."""

_SEALED = SEALED_KEY.format(key="email.email_key")
_PROMOTIONAL = ", ".join(f"'{kind}'" for kind in MailStream.PROMOTIONAL)

OBJECTION = f"""
    CASE WHEN contact.deleted_at IS NOT NULL THEN 'deleted'
         WHEN email.address = '' THEN 'no_address'
         ELSE coalesce(
              (SELECT min(suppression.reason) FROM contacts_suppression suppression
                 JOIN growth_project project ON project.id = suppression.project_id
                WHERE suppression.project_id = email.project_id
                  AND suppression.email_key IN (email.email_key, {_SEALED})),
              (SELECT 'consent' FROM contacts_mailstream about
                 JOIN contacts_topic topic ON topic.id = about.topic_id
                 LEFT JOIN contacts_consent consent ON consent.project_id = email.project_id
                      AND consent.contact_id = contact.id AND consent.topic_id = topic.id
                WHERE about.id = email.stream_id
                  AND (consent.state = 'withdrawn'
                       OR (topic.opt_in = 'double' AND consent.state IS DISTINCT FROM 'granted'))),
              (SELECT 'cap' FROM growth_project project
                 JOIN contacts_mailstream pressing ON pressing.id = email.stream_id
                      AND pressing.kind IN ({_PROMOTIONAL})
                WHERE project.id = email.project_id AND project.mail_cap_count IS NOT NULL
                  AND project.mail_cap_count <= {{earlier}} + (
                      SELECT count(*) FROM contacts_email past
                        JOIN contacts_mailstream its ON its.id = past.stream_id
                             AND its.kind IN ({_PROMOTIONAL})
                       WHERE past.project_id = email.project_id
                         AND past.contact_id = email.contact_id
                         AND past.state IN ('sending', 'sent', 'in_doubt')
                         AND (past.decided_at > %(at)s - project.mail_cap_window
                              OR past.decided_at IS NULL))))
    END
"""
"""SQL of why a mail is not sent, as far as rows tell; ``earlier`` mails to its contact are on their
way.
"""

_CLAIM = f"""
WITH RECURSIVE stream (project_id, id, due_at) AS (  -- one step of the index each
    (SELECT project_id, stream_id, due_at FROM contacts_email
      WHERE state IN ('queued', 'deferred', 'claimed')
      ORDER BY project_id, stream_id, due_at LIMIT 1)
    UNION ALL
    SELECT next.project_id, next.stream_id, next.due_at
      FROM stream, LATERAL (
           SELECT project_id, stream_id, due_at FROM contacts_email
            WHERE state IN ('queued', 'deferred', 'claimed')
              AND (project_id, stream_id) > (stream.project_id, stream.id)
            ORDER BY project_id, stream_id, due_at LIMIT 1) next
), due AS (
    SELECT stream.project_id, stream.id
      FROM stream
      JOIN contacts_mailstream owner ON owner.id = stream.id AND owner.paused_at IS NULL
     WHERE stream.due_at <= %(at)s AND (%(stream)s::bigint IS NULL OR stream.id = %(stream)s)
     ORDER BY stream.due_at LIMIT %(limit)s
), shared AS (
    SELECT due.project_id, due.id, ceil(%(limit)s::numeric
           / count(*) OVER (PARTITION BY due.project_id)
           / (SELECT count(DISTINCT project_id) FROM due)) AS share
      FROM due
), taken AS (
    SELECT mail.id FROM shared CROSS JOIN LATERAL (
           SELECT id FROM contacts_email
            WHERE project_id = shared.project_id AND stream_id = shared.id
              AND state IN ('queued', 'deferred', 'claimed') AND due_at <= %(at)s
            ORDER BY due_at LIMIT shared.share
              FOR UPDATE SKIP LOCKED) mail
     LIMIT 2 * %(limit)s  -- Never reached; without it the planner expects a tenth of the queue.
), judged AS MATERIALIZED (
    SELECT email.id, stream.kind, stream.context, contact.external_id, contact.phone,
           contact.tags, contact.traits, email.due_at AS was_due_at,
           {OBJECTION.format(earlier=0)} AS objection
      FROM taken
      JOIN contacts_email email ON email.id = taken.id
      JOIN contacts_mailstream stream ON stream.id = email.stream_id
     CROSS JOIN LATERAL (  -- OFFSET: one by one, whatever the planner thinks of stale statistics
           SELECT * FROM contacts_contact WHERE id = email.contact_id OFFSET 0) contact
)
UPDATE contacts_email email
   SET state = CASE WHEN objection IS NULL THEN 'claimed' ELSE 'suppressed' END,
       reason = coalesce(objection, ''),
       due_at = CASE WHEN objection IS NULL THEN %(until)s ELSE email.due_at END,
       leased_until = CASE WHEN objection IS NULL THEN %(until)s::timestamptz END,
       decided_at = CASE WHEN objection IS NULL THEN NULL ELSE %(at)s::timestamptz END
  FROM judged
 WHERE email.id = judged.id
RETURNING email.id, email.project_id, email.contact_id, email.address, email.email_key,
          email.template_code, email.subject, email.step_key, email.attempts,
          coalesce(email.first_attempt_at, %(at)s), email.hops, judged.was_due_at,
          email.paced_at, kind,
          judged.context || email.context, external_id, phone, tags, traits, objection IS NULL
"""


@dataclass(frozen=True)
class Mail:
    """A mail in the hands of a worker, and what it takes to write it."""

    key: int
    project: int
    contact: int
    address: str
    email_key: str
    template_code: str
    subject: str
    step_key: str
    attempts: int
    first_attempt_at: datetime
    hops: int
    due_at: datetime
    paced_at: datetime | None
    kind: str
    context: dict[str, Any]
    person: Person


@dataclass(frozen=True)
class Claim:
    """The mails that a worker holds until then; ``taken`` also counts those decided on the way."""

    mails: Sequence[Mail]
    until: datetime
    taken: int


@dataclass(frozen=True)
class Return:
    """A mail that goes back to the queue, when it is due there, and its place under the rates."""

    mail: Mail
    due_at: datetime
    paced_at: datetime | None = None


def claim(*, at: datetime, limit: int, stream: int | None = None) -> Claim:
    """Take due mails for this worker, of all streams or of one; those that must not be sent are
    decided on the way.
    """
    until = at + CLAIM_LEASE
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"at": at, "until": until, "limit": limit, "stream": stream})
        rows = cursor.fetchall()
    mails = [_mail(row) for row in rows if row[-1]]
    mails.sort(key=lambda mail: (mail.project, mail.key))  # Chunks of one project, mostly.
    return Claim(mails, until, len(rows))


def release(mails: Sequence[Mail], *, until: datetime) -> None:
    """Give claimed mails back to the queue, each in its place: they were not begun."""
    put_back([Return(mail, mail.due_at, mail.paced_at) for mail in mails], until=until)


def put_back(returns: Sequence[Return], *, until: datetime) -> None:
    """Give claimed mails back to the queue, each due at its time: they were not begun."""
    if not returns:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE contacts_email email
               SET state = CASE WHEN attempts = 0 THEN 'queued' ELSE 'deferred' END,
                   due_at = back.due_at, paced_at = back.paced_at, leased_until = NULL
              FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[])
                   AS back (id, due_at, paced_at)
             WHERE email.id = back.id AND email.state = 'claimed' AND email.leased_until = %s
            """,
            [
                [back.mail.key for back in returns],
                [back.due_at for back in returns],
                [back.paced_at for back in returns],
                until,
            ],
        )


def settle_lost(*, at: datetime) -> int:
    """Mark as in doubt what a worker was sending when it died; return how many mails that were.

    The server may have them. Nobody sends them again.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE contacts_email
               SET state = 'in_doubt', decided_at = %s, reason = 'The worker died while sending.'
             WHERE state = 'sending' AND leased_until < %s
            """,
            [at, at],
        )
        return cursor.rowcount


def _mail(row: tuple[Any, ...]) -> Mail:
    *own, context, external_id, phone, tags, traits, _ = row
    person = Person(
        id=ids.encode(_PREFIX, own[2]),
        email=own[3],
        external_id=external_id,
        phone=phone,
        tags=tags,
        traits=orjson.loads(traits),
    )
    return Mail(*own, orjson.loads(context), person)


_PREFIX = Contact._meta.pk.prefix
