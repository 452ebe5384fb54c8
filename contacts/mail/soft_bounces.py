"""Mail that came back for now: one such mail says little, five in a row end the address.

What counts is a mail, however often it was tried, and only what is about the mailbox: a mail too
large, its words, or the server's policy say nothing of it (RFC 3463). Whatever reaches the address
ends the row.
"""

import re
from collections.abc import Iterable

from django.db import connection

from contacts.models import Suppression

IN_A_ROW = 5

_LOCK = 0x736F6674  # "soft": the fourth and the fifth, noted at the same time, see each other.

_ENHANCED = re.compile(r"\b[45]\.(\d{1,3})\.(\d{1,3})\b")
_ADDRESS, _MAILBOX = 1, 2  # RFC 3463: the subjects that tell of the recipient
_TOO_LARGE = (_MAILBOX, 3)

_WORN_OUT = """
    WITH address AS (
        SELECT DISTINCT project_id, email_key FROM contacts_email
         WHERE id = ANY(%(emails)s) AND email_key <> ''
    ), person AS (
        SELECT email.project_id, email.contact_id, email.email_key FROM contacts_email email
         WHERE email.id = ANY(%(emails)s)
         UNION
        SELECT contact.project_id, contact.id, contact.email_key FROM address
          JOIN contacts_contact contact USING (project_id, email_key)
    ), mail AS (
        SELECT email.project_id, email.email_key, email.decided_at, email.state,
               array(SELECT kind FROM contacts_emailactivity activity
                      WHERE activity.project_id = email.project_id
                        AND activity.email_id = email.id)::text[] AS kinds
          FROM person
          JOIN contacts_email email ON email.project_id = person.project_id
               AND email.contact_id = person.contact_id AND email.email_key = person.email_key
         WHERE email.state IN ('sent', 'failed')
    ), told AS (
        SELECT project_id, email_key, decided_at,
               CASE WHEN kinds && '{delivered,opened,clicked}' THEN 'arrived'
                    WHEN 'soft_bounced' = ANY(kinds) THEN 'soft'
                    WHEN state = 'sent' AND NOT 'bounced' = ANY(kinds) THEN 'arrived'
               END AS fate
          FROM mail
    )
    SELECT project_id, email_key FROM (
           SELECT told.*, max(decided_at) FILTER (WHERE fate = 'arrived')
                  OVER (PARTITION BY project_id, email_key) AS arrived_at FROM told) row
     WHERE fate = 'soft' AND decided_at > coalesce(arrived_at, '-infinity')
     GROUP BY project_id, email_key HAVING count(*) >= %(in_a_row)s
"""


def is_about_mailbox(reply: str) -> bool:
    """Tell whether a refusal for now is about the mailbox, as far as its enhanced code says; one
    without a code is.
    """
    code = _ENHANCED.search(reply)
    if code is None:
        return True
    subject, detail = int(code[1]), int(code[2])
    return subject in (_ADDRESS, _MAILBOX) and (subject, detail) != _TOO_LARGE


def end_worn_out(emails: Iterable[int]) -> None:
    """Let the addresses of these mails, which have come back for now, get no more mail if it was
    the fifth in a row.
    """
    keys = sorted(set(emails))
    if not keys:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        cursor.execute(_WORN_OUT, {"emails": keys, "in_a_row": IN_A_ROW})
        worn_out = cursor.fetchall()
    if worn_out:
        Suppression.objects.suppress(worn_out, Suppression.Reason.BOUNCED)
