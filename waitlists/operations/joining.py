"""People come onto a list: told of by a server, by themselves, or by the customer's own client."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.utils import IntegrityError

from contacts.mail.confirming import ASK_AGAIN_AFTER
from contacts.models import Contact
from contacts.operations.contacts import upsert_contacts
from contacts.operations.traits import make_sighting
from growth.errors import Invalid
from growth.models import DomainEventType, Project
from growth.transactions import RaceLost, atomic_with_retries
from waitlists.mail import send_question, send_welcome
from waitlists.models import Entry, Waitlist
from waitlists.operations.places import Move, Told, book, credit, tell
from waitlists.queries import Row, row_of, rows_of

CODE_LENGTH = 10
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # None that is read as another.

_Status = Entry.Status


@dataclass(frozen=True)
class Joining:
    """Who joins, and how we know of it.

    Who ``is_vouched_for`` by the customer's server waits at once; others confirm their address
    first, if the list asks for that. ``code`` is that of the friend who brought them.
    """

    email: str
    traits: dict[str, Any] = field(default_factory=dict)
    code: str = ""
    is_vouched_for: bool = False


@dataclass(frozen=True)
class Joined:
    """The place that somebody has now, and whether it is a new one."""

    entry: Row
    is_new: bool
    warnings: tuple[str, ...] = ()


@atomic_with_retries
def join(waitlist: Waitlist, joining: Joining, *, at: datetime) -> Joined:
    """Put the person on the list; who is on it already stays where they are.

    What strangers say of somebody's traits is kept apart until the address is confirmed. Safe to
    repeat, at the same time as itself, and to kill: it is one transaction.

    :raises Invalid: if the contact cannot hold the traits.
    """
    traits = joining.traits if joining.is_vouched_for else {}
    sighting = make_sighting(email=joining.email, traits=traits)
    [outcome] = upsert_contacts(waitlist.project, [sighting], at=at)
    if outcome.violations:
        raise Invalid(*outcome.violations)
    return _admit(waitlist, outcome.contact, joining, at, hops=0)


@atomic_with_retries
def admit(
    waitlist: Waitlist, contact: int, joining: Joining, *, at: datetime, hops: int = 0
) -> Joined:
    """Put the contact, by its key, on the list; see ``join``."""
    return _admit(waitlist, contact, joining, at, hops)


@atomic_with_retries
def verify(waitlist: Waitlist, entry: Entry, *, at: datetime) -> Row:
    """Believe that the address is the person's own: they wait from now on, and their friend counts.

    Told twice, it is done once.
    """
    contact = _contact(entry)
    if entry.status == _Status.PENDING and entry.traits:
        sighting = make_sighting(email=contact.email, traits=entry.traits)
        upsert_contacts(waitlist.project, [sighting], at=at)
    _hold(contact.key)
    waitlist.lock()
    entry.refresh_from_db()
    if entry.status != _Status.PENDING:
        return row_of(entry)
    entry.verified_at = at
    return _confirm(waitlist, entry, at, hops=0)


def ask_pending(
    project: Project,
    contacts: Collection[int],
    *,
    at: datetime,
    again_after: timedelta = ASK_AGAIN_AFTER,
) -> None:
    """Ask those of the contacts, by their keys, who are pending whether it was they who joined."""
    pending = Entry.objects.filter(project=project, contact__in=contacts, status=_Status.PENDING)
    lists = ("waitlist__project", "waitlist__stream", "contact__project")
    for entry in pending.select_related(*lists).order_by("id") if contacts else ():
        row = row_of(entry)
        send_question(entry.waitlist, row, entry.contact, at=at, again_after=again_after)


def _admit(waitlist: Waitlist, contact: int, joining: Joining, at: datetime, hops: int) -> Joined:
    _hold(contact)
    waitlist.lock()
    referrer, warnings = _referrer(waitlist, joining.code)
    own = Entry.objects.filter(project=waitlist.project_id, waitlist=waitlist, contact=contact)
    if entry := own.filter(entry=0).first():
        row = _again(waitlist, entry, joining, at, hops)
        return Joined(row, is_new=False, warnings=warnings)
    is_sure = joining.is_vouched_for or not waitlist.require_verification
    entry = Entry(
        project=waitlist.project,
        waitlist=waitlist,
        contact_id=contact,
        code="".join(secrets.choice(_ALPHABET) for _ in range(CODE_LENGTH)),
        status=_Status.PENDING,
        sequence=waitlist.last_sequence + 1,
        sort_key=waitlist.last_sequence + 1,
        referred_by=referrer,
        traits=joining.traits,
        joined_at=at,
        changed_at=at,
    )
    if is_sure:
        _let_wait(waitlist, entry, at)
    try:
        entry.save(force_insert=True)
    except IntegrityError:
        raise RaceLost from None  # The code is another's: one in 10^14.
    row = _settle(waitlist, entry, None, at, hops)
    if not is_sure:
        send_question(waitlist, row, _contact(entry), at=at)
    return Joined(row, is_new=True, warnings=warnings)


def _let_wait(waitlist: Waitlist, entry: Entry, at: datetime) -> None:
    """Change the entry so that it waits, or is in if the list lets everybody in."""
    entry.status = _Status.APPROVED if waitlist.auto_approve else _Status.WAITING
    entry.approved_at = at if waitlist.auto_approve else None
    entry.changed_at = entry.confirmed_at = at
    entry.is_credited, entry.traits = entry.referred_by_id is not None, {}


def _confirm(waitlist: Waitlist, entry: Entry, at: datetime, hops: int) -> Row:
    """Let the pending entry wait, under the lock of the list."""
    _let_wait(waitlist, entry, at)
    entry.save(
        update_fields=[
            *("status", "changed_at", "confirmed_at", "approved_at", "verified_at"),
            *("is_credited", "traits"),
        ]
    )
    return _settle(waitlist, entry, _Status.PENDING, at, hops)


def _settle(waitlist: Waitlist, entry: Entry, was: str | None, at: datetime, hops: int) -> Row:
    """Write the books of an entry that is new, or waits now: its friend counts, all is told."""
    friends = [Entry._meta.pk.get_prep_value(entry.referred_by_id)] if entry.is_credited else []
    move = Move(was, entry.status, entry.sort_key, entry.sort_key)
    book(waitlist, [move, *credit(waitlist, friends, 1)])
    rows = rows_of(waitlist.project_key, [entry.key, *friends])
    tell(waitlist, _told(entry, rows, friends, is_new=was is None), at=at, hops=hops)
    if entry.status == _Status.WAITING:
        send_welcome(waitlist, rows[entry.key], at=at, hops=hops)
    return rows[entry.key]


def _told(entry: Entry, rows: dict[int, Row], friends: list[int], *, is_new: bool) -> list[Told]:
    own = rows[entry.key]
    told = []
    if is_new:
        told.append(Told(own, "$waitlist_joined", DomainEventType.WAITLIST_ENTRY_CREATED))
    elif entry.verified_at:
        told.append(Told(own, "$waitlist_verified", DomainEventType.WAITLIST_ENTRY_VERIFIED))
    told += [Told(rows[friend], "$waitlist_referred", about=own) for friend in friends]
    if entry.status == _Status.APPROVED:
        told.append(Told(own, "$waitlist_approved", DomainEventType.WAITLIST_ENTRY_APPROVED))
    return told


def _again(waitlist: Waitlist, entry: Entry, joining: Joining, at: datetime, hops: int) -> Row:
    """Return the place of who joins again; who is not confirmed yet may be so by that."""
    if entry.status != _Status.PENDING:
        return row_of(entry)
    if joining.is_vouched_for or not waitlist.require_verification:
        return _confirm(waitlist, entry, at, hops)
    if joining.traits:
        entry.traits = joining.traits
        entry.save(update_fields=["traits"])
    row = row_of(entry)
    send_question(waitlist, row, _contact(entry), at=at)
    return row


def _referrer(waitlist: Waitlist, code: str) -> tuple[Entry | None, tuple[str, ...]]:
    """Return whose code it is on this list, and what is to be said if it is nobody's."""
    if not code:
        return None, ()
    own = Entry.objects.filter(project=waitlist.project_id, waitlist=waitlist)
    referrer = own.filter(code=code.strip().upper()).exclude(status=_Status.REJECTED).first()
    if referrer is None:
        return None, ("referral_code: Nobody on this list has this code; it was ignored.",)
    return referrer, ()


def _hold(contact: int) -> None:
    """Keep the contact's row from being merged or erased before ours is written."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM contacts_contact WHERE id = %s FOR KEY SHARE", [contact])


def _contact(entry: Entry) -> Contact:
    return Contact.objects.select_related("project").get(pk=entry.contact_id)
