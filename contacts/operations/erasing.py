"""A person is forgotten: of every row about them stays at most that it was there.

Counts of events and mails are counts of rows, so those rows stay and say no more whose they were.
Suppressed addresses stay suppressed; only a digest is kept of them. What somebody writes of the
contact at that very moment is found some minutes later.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from contacts.models import Contact, Erasure
from contacts.models.event import announce
from contacts.operations.erasure_sql import KEPT, KNOWN_BY, PERSON, STATEMENTS
from contacts.operations.merging import SETTLE_AFTER, hold_merges
from contacts.signals import contact_erasing
from growth import ids, outbox
from growth.models import DomainEventType, Project
from growth.transactions import RaceLost, atomic_with_retries

PURGE_AFTER = timedelta(days=30)

_PREFIX = Contact._meta.pk.prefix


@atomic_with_retries
def erase_contact(contact: Contact, *, at: datetime) -> Erasure:
    """Erase the contact and all that became part of it, and return the receipt.

    Told twice, it is done once. Safe to kill: it is one transaction.
    """
    project = contact.project
    hold_merges(project)
    person = _locked(project, contact.key)
    contact.refresh_from_db()
    if contact.erased_at:
        return Erasure.objects.get(project=project, contact=contact)
    was_alive = contact.deleted_at is None
    counts = _strip(project, person, at)
    contact.refresh_from_db()
    if was_alive:
        _tell(contact, at)
    return Erasure.objects.create(
        project=project,
        contact=contact,
        counts=counts,
        erased_at=at,
        due_at=at + SETTLE_AFTER,
    )


@atomic_with_retries
def settle_erasures(*, at: datetime, limit: int = 50) -> int:
    """Strip what was written of people while they were erased; return how many were looked at."""
    due = Erasure.objects.filter(due_at__lte=at).select_related("project", "contact")
    erasures = due.select_for_update(skip_locked=True, of=("self",)).order_by("due_at")[:limit]
    for erasure in erasures:
        person = _locked(erasure.project, erasure.contact.key)
        _strip(erasure.project, person, at)
        erasure.due_at = None
        erasure.save(update_fields=["due_at"])
    return len(erasures)


def purge(*, at: datetime, limit: int = 50) -> int:
    """Erase contacts that were deleted thirty days ago, one by one; return how many."""
    old = Contact.objects.restorable().filter(deleted_at__lt=at - PURGE_AFTER)
    contacts = list(old.select_related("project").order_by("deleted_at")[:limit])
    for contact in contacts:
        erase_contact(contact, at=at)
    return len(contacts)


def _locked(project: Project, contact: int) -> list[int]:
    """Return the keys of the rows that are the person, which nobody changes until the end."""
    params = {"project": project.key, "contact": contact}
    with connection.cursor() as cursor:
        cursor.execute(PERSON, params)
        person = [key for (key,) in cursor.fetchall()]
        cursor.execute(PERSON, params)
        if [key for (key,) in cursor.fetchall()] != person:
            raise RaceLost  # A visitor turned out to be the person while we waited.
    return person


def _strip(project: Project, person: list[int], at: datetime) -> dict[str, int]:
    """Delete what can be, take from the rest what names the person, and count by tables."""
    params = _known(project, person) | {"at": at, "kept": KEPT}
    counts: dict[str, int] = {}
    for _, count in contact_erasing.send(sender=Contact, project=project, contacts=person):
        counts |= count
    with connection.cursor() as cursor:
        for table, statement in STATEMENTS.items():
            cursor.execute(statement, params)
            counts[table] = cursor.rowcount
    for _, count in outbox.news_redacted.send(sender=Contact, project=project, subjects=person):
        counts |= count
    return {table: counts[table] for table in sorted(counts) if counts[table]}


def _known(project: Project, person: list[int]) -> dict[str, Any]:
    params: dict[str, Any] = {"project": project.key, "contacts": person}
    with connection.cursor() as cursor:
        cursor.execute(KNOWN_BY, params)
        known = sorted({value for (value,) in cursor.fetchall() if value})
    return params | {
        "public_ids": [ids.encode(_PREFIX, key) for key in person],
        "identifiers": known,
        "addresses": [each for each in known if "@" in each],
    }


def _tell(contact: Contact, at: datetime) -> None:
    """Tell that it is gone, without saying who it was."""
    news = outbox.News(DomainEventType.CONTACT_DELETED, contact.snapshot(), subject=contact.key)
    outbox.emit(contact.project, news, at=at)
    announce(contact.project, changes={"deleted": [contact.key]}, is_quiet=True, at=at)
