"""A mail was looked at, or one of its links followed: written at once, told after the verdict."""

from datetime import datetime, timedelta

from django.db import connection

from contacts.mail.links import TrackedLink
from contacts.mail.verdicts import judge
from contacts.models import EmailActivity

VERDICT_AFTER = timedelta(seconds=10)
"""As long as a machine may take to follow all links of a mail, and some more."""

MOST_HITS = 100
"""So many of a mail and kind are kept: further ones tell nothing, and anybody could make them."""

_Kind = EmailActivity.Kind

_HIT = """
    INSERT INTO contacts_emailactivity
           (project_id, email_id, kind, at, is_machine, detail, links, due_at)
    SELECT project_id, id, %(kind)s, %(at)s, %(is_machine)s, %(detail)s, %(links)s, %(due_at)s
      FROM contacts_email email
     WHERE id = %(email)s AND project_id = %(project)s
       AND (SELECT count(*) FROM contacts_emailactivity activity
             WHERE activity.project_id = email.project_id AND activity.email_id = email.id
               AND activity.kind = %(kind)s) < %(most)s
"""


def record_open(mail: TrackedLink, *, is_machine: bool, at: datetime) -> None:
    """Write that the mail was looked at."""
    _record(mail, _Kind.OPENED, is_machine, at)


def record_click(link: TrackedLink, *, is_machine: bool, at: datetime) -> None:
    """Write that the link was followed. Whoever follows the trap is a machine, and whoever follows
    all links at once.
    """
    if link.url:
        _record(link, _Kind.CLICKED, is_machine, at)
    else:
        _record(link, _Kind.TRAPPED, True, at)
    # On its own, after the commit: of two that come at once, the later one sees both.
    judge([link.email], at=at)


def _record(link: TrackedLink, kind: str, is_machine: bool, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _HIT,
            {
                "project": link.project,
                "email": link.email,
                "kind": kind,
                "at": at,
                "is_machine": is_machine,
                "detail": link.url,
                "links": min(link.links, 32767) or None,
                "due_at": None if is_machine else at + VERDICT_AFTER,
                "most": MOST_HITS,
            },
        )
