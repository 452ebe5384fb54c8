"""Who is let in, and who is not."""

from datetime import datetime

from django.db import connection

from growth.errors import Conflict
from growth.models import DomainEventType
from growth.transactions import atomic_with_retries
from waitlists.models import Entry, Waitlist
from waitlists.operations.places import Move, Told, book, credit, tell
from waitlists.queries import Row, row_of, rows_of

MOST = 10_000
"""How many entries one call approves."""

_APPROVE = """
    WITH chosen AS (
        SELECT id, sort_key FROM waitlists_entry
         WHERE project_id = %(project)s AND waitlist_id = %(waitlist)s AND status = 'waiting'
         ORDER BY sort_key, joined_at, id LIMIT %(count)s
    )
    UPDATE waitlists_entry entry
       SET status = 'approved', approved_at = %(at)s, changed_at = %(at)s
      FROM chosen WHERE entry.id = chosen.id
    RETURNING entry.id, entry.sort_key, entry.joined_at
"""
_Status = Entry.Status
_UNSURE = (
    "This entry has not confirmed its address yet; add the address with your secret key to vouch"
    " for it."
)


@atomic_with_retries
def approve_first(waitlist: Waitlist, count: int, *, at: datetime) -> list[Row]:
    """Let so many of the first in the queue in, or all if there are fewer; return them in order.

    Safe at the same time as itself: each call lets others in.
    """
    waitlist.lock()
    with connection.cursor() as cursor:
        cursor.execute(
            _APPROVE,
            {
                "project": waitlist.project_key,
                "waitlist": waitlist.key,
                "count": count,
                "at": at,
            },
        )
        approved = cursor.fetchall()
    approved.sort(key=lambda row: (row[1], row[2], row[0]))
    book(waitlist, [Move(_Status.WAITING, _Status.APPROVED, key, key) for _, key, _ in approved])
    found = rows_of(waitlist.project_key, [key for key, _, _ in approved])
    rows = [found[key] for key, _, _ in approved]
    _tell(waitlist, rows, at)
    return rows


@atomic_with_retries
def approve(waitlist: Waitlist, entry: Entry, *, at: datetime) -> Row:
    """Let this one in, wherever it stands. Told twice, it is done once.

    :raises Conflict: if it has not confirmed its address, or its contact is gone.
    """
    waitlist.lock()
    entry.refresh_from_db()
    if entry.status == _Status.APPROVED:
        return row_of(entry)
    if entry.status == _Status.PENDING:
        raise Conflict(_UNSURE)
    if entry.reason in (Entry.Reason.DELETED, Entry.Reason.MERGED):
        raise Conflict("The contact of this entry is not there any more.")
    friends = _friends(entry) if entry.status == _Status.REJECTED and entry.confirmed_at else []
    if not entry.confirmed_at:
        entry.confirmed_at = at
    moves = [_change(entry, _Status.APPROVED, at)]
    entry.reason, entry.approved_at = "", at
    entry.is_credited = entry.is_credited or bool(friends)
    entry.save()
    book(waitlist, moves + credit(waitlist, friends, 1))
    row = row_of(entry)
    _tell(waitlist, [row], at)
    return row


@atomic_with_retries
def reject(waitlist: Waitlist, entry: Entry, *, at: datetime) -> Row:
    """Take this one out of the queue; the friend who brought it loses the credit. Told twice, it is
    done once.

    :raises Conflict: if it was approved.
    """
    waitlist.lock()
    entry.refresh_from_db()
    if entry.status == _Status.APPROVED:
        raise Conflict("This entry was approved already, and has its invitation.")
    if entry.status == _Status.REJECTED:
        return row_of(entry)
    friends = _friends(entry) if entry.is_credited else []
    moves = [_change(entry, _Status.REJECTED, at)]
    entry.reason, entry.is_credited = Entry.Reason.STAFF, False
    entry.save()
    book(waitlist, moves + credit(waitlist, friends, -1))
    return row_of(entry)


def _change(entry: Entry, status: str, at: datetime) -> Move:
    move = Move(entry.status, status, entry.sort_key, entry.sort_key)
    entry.status, entry.changed_at = status, at
    return move


def _friends(entry: Entry) -> list[int]:
    friend = Entry._meta.pk.get_prep_value(entry.referred_by_id)
    return [] if friend is None else [friend]


def _tell(waitlist: Waitlist, rows: list[Row], at: datetime) -> None:
    type = DomainEventType.WAITLIST_ENTRY_APPROVED
    tell(waitlist, [Told(row, "$waitlist_approved", type) for row in rows], at=at)
