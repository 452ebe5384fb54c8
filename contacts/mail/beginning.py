"""The last look at mails before they are sent, and the mark that they are."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from contacts.mail.claiming import OBJECTION, SENDING_LEASE, Mail
from contacts.models import MailStream
from growth.transactions import atomic_with_retries

# Whoever begins to write to a contact whose mail is capped sees what others have begun.
_HOLD = """
SELECT FROM contacts_contact WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""

BEGUN = f"""
running AS (
    SELECT id FROM contacts_mailstream
     WHERE paused_at IS NULL
       AND id IN (SELECT stream_id FROM contacts_email WHERE id = ANY(%(mails)s::bigint[]))
     ORDER BY id FOR SHARE
), begun AS (
    UPDATE contacts_email email
       SET state = 'sending', leased_until = %(sending_until)s::timestamptz,
           attempts = email.attempts + 1,
           first_attempt_at = coalesce(email.first_attempt_at, %(at)s::timestamptz)
      FROM unnest(%(mails)s::bigint[], %(earlier)s::integer[]) AS chunk (id, earlier)
     WHERE email.id = chunk.id AND email.id = ANY(%(mails)s::bigint[])  -- by its key, always
       AND email.state = 'claimed' AND email.leased_until = %(until)s
       AND email.stream_id IN (SELECT id FROM running)
       AND (SELECT {OBJECTION.format(earlier="chunk.earlier")} FROM contacts_contact contact
             WHERE contact.id = email.contact_id) IS NULL
    RETURNING email.id
)
"""
"""The part of a statement that marks a chunk as being sent; ``begun`` holds the keys."""

_BEGIN = f"WITH {BEGUN} SELECT id FROM begun"


def idly() -> bool:
    """Do nothing while the database works."""
    return False


def begin(
    mails: Sequence[Mail],
    *,
    until: datetime,
    at: datetime,
    capped: Collection[int] = (),
    meanwhile: Callable[[], bool] = idly,
) -> set[int]:
    """Mark the claimed mails as being sent; return the keys of those that still may be.

    This is the last look: at suppressions and consents, at what the contacts of ``capped`` projects
    got, which are locked for it, and at the stream under a lock, so that after a pause has
    committed no mail begins. ``meanwhile`` is done while the database works.
    """
    if pressing := pressing_in(mails, capped):
        return _hold_and_begin(mails, sorted({mail.contact for mail in pressing}), until, at)
    return _begin(mails, until, at, meanwhile)


def pressing_in(mails: Sequence[Mail], capped: Collection[int]) -> list[Mail]:
    """Return those of the mails that count for the caps of these projects."""
    return [
        mail for mail in mails if mail.project in capped and mail.kind in MailStream.PROMOTIONAL
    ]


def parameters(mails: Sequence[Mail], *, until: datetime, at: datetime) -> dict[str, Any]:
    """Return the parameters of ``BEGUN``."""
    return {
        "mails": [mail.key for mail in mails],
        "earlier": _earlier(mails),
        "until": until,
        "sending_until": at + SENDING_LEASE,
        "at": at,
    }


@atomic_with_retries
def _hold_and_begin(
    mails: Sequence[Mail], contacts: Sequence[int], until: datetime, at: datetime
) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, [contacts])
    return _begin(mails, until, at)


def _begin(
    mails: Sequence[Mail],
    until: datetime,
    at: datetime,
    meanwhile: Callable[[], bool] = idly,
) -> set[int]:
    params = parameters(mails, until=until, at=at)
    return {key for (key,) in connection.rows_of(_BEGIN, params, meanwhile=meanwhile)}


def _earlier(mails: Sequence[Mail]) -> list[int]:
    """Return for each mail how many of those before it press on the same contact."""
    seen: Counter[int] = Counter()
    counts = []
    for mail in mails:
        counts.append(seen[mail.contact])
        seen[mail.contact] += mail.kind in MailStream.PROMOTIONAL
    return counts
