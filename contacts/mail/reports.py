"""What mail providers report of mails that went out through them, however often they report it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from django.db import connection

from contacts.mail import soft_bounces
from contacts.mail.hits import VERDICT_AFTER
from contacts.models import EmailActivity, Suppression
from growth.transactions import atomic_with_retries

_Kind = EmailActivity.Kind
_HITS = (_Kind.OPENED, _Kind.CLICKED)
_LARGEST = 2**63 - 1

# As we name our mails: in Message-ID, and to providers that keep a name of ours.
_NAME = re.compile(r"<?([0-9a-f]{1,16})\.([0-9a-f]{1,16})(?:\.mail@[^<>\s]*>?)?")

_STORE = """
    WITH report AS (
        SELECT * FROM jsonb_to_recordset(%s) AS row (
               project bigint, email bigint, provider_id text, kind text, at timestamptz,
               is_machine boolean, detail text, due_at timestamptz, report_id text,
               suppression text)
    ), found AS (
        SELECT email.id, email.project_id, email.email_key, report.* FROM report
          JOIN contacts_email email
            ON email.id = report.email AND email.project_id = report.project
         UNION ALL
        SELECT email.id, email.project_id, email.email_key, report.* FROM report
          JOIN contacts_email email
            ON email.provider_id = report.provider_id AND email.provider_id <> ''
         WHERE report.email IS NULL
    ), stored AS (
        INSERT INTO contacts_emailactivity
               (project_id, email_id, kind, at, is_machine, detail, due_at, report_id)
        SELECT project_id, id, kind, at, is_machine, detail, due_at, report_id
          FROM found ORDER BY id, report_id
            ON CONFLICT DO NOTHING
        RETURNING email_id, report_id
    )
    SELECT found.id, found.project_id, found.email_key, found.suppression, found.kind
      FROM stored JOIN found ON found.id = stored.email_id AND found.report_id = stored.report_id
"""


@dataclass(frozen=True)
class Report:
    """One thing that a provider says of a mail, which it knows by our name or by its own.

    ``report_id`` is the same when the provider says it again. ``suppression`` is why the address
    gets no more mail, if that follows.
    """

    mail: tuple[int, int] | None
    provider_id: str
    kind: str
    at: datetime
    report_id: str
    detail: str = ""
    is_machine: bool = False
    suppression: str = ""


def mail_named(name: str) -> tuple[int, int] | None:
    """Return the keys of the project and the mail that we gave this name, if we gave it."""
    match = _NAME.fullmatch(name.strip())
    keys = (int(match[1], 16), int(match[2], 16)) if match else (0, 0)
    return keys if min(keys) > 0 and max(keys) <= _LARGEST else None


def name_of(project: int, email: int) -> str:
    """Return the name by which a provider may know the mail."""
    return f"{project:x}.{email:x}"


@atomic_with_retries
def record_reports(reports: Sequence[Report], *, at: datetime) -> int:
    """Write what is new in the reports; return how much that is. Unknown mails are passed over."""
    if not reports:
        return 0
    rows = [_row(report, at) for report in reports]
    with connection.cursor() as cursor:
        cursor.execute(_STORE, [orjson.dumps(rows).decode()])
        stored = cursor.fetchall()
        # Whatever is said of a mail proves that it went out.
        cursor.execute(
            """
            UPDATE contacts_email SET state = 'sent', reason = '' WHERE id IN (
                   SELECT id FROM contacts_email WHERE id = ANY(%s) AND state = 'in_doubt'
                    ORDER BY id FOR UPDATE)
            """,
            [[email for email, *_ in stored]],
        )
    for reason in Suppression.Reason.values:
        addresses = [(project, key) for _, project, key, why, _ in stored if why == reason]
        if addresses:
            Suppression.objects.suppress(addresses, reason)
    soft_bounces.end_worn_out(email for email, *_, kind in stored if kind == _Kind.SOFT_BOUNCED)
    return len(stored)


def _row(report: Report, at: datetime) -> dict[str, object]:
    project, email = report.mail or (None, None)
    due_at = at + VERDICT_AFTER if report.kind in _HITS else at
    is_silent = report.is_machine or report.kind == _Kind.SOFT_BOUNCED
    return {
        "project": project,
        "email": email,
        "provider_id": report.provider_id[:200],
        "kind": report.kind,
        "at": report.at,
        "is_machine": report.is_machine,
        "detail": report.detail[:2000],
        "due_at": None if is_silent else due_at,
        "report_id": report.report_id,
        "suppression": report.suppression,
    }
