"""Entries whose contacts go away, and come back."""

from collections.abc import Callable, Collection
from datetime import datetime

from growth.models import Project
from growth.transactions import atomic_with_retries
from waitlists.models import Entry, Waitlist
from waitlists.models.entry import EntryQuerySet
from waitlists.operations.places import Move, book

_Status = Entry.Status


@atomic_with_retries
def lapse(project: Project, contacts: Collection[int], reason: str, *, at: datetime) -> int:
    """Take the contacts' entries out of the queues; return how many. Who was let in stays so, and
    friends keep what they got for them.
    """

    def leave(entry: Entry) -> None:
        entry.status, entry.reason = _Status.REJECTED, reason

    entries = Entry.objects.filter(project=project, contact__in=contacts).open()
    return _change(project, entries, leave, at)


@atomic_with_retries
def readmit(project: Project, contacts: Collection[int], *, at: datetime) -> int:
    """Put those back whose contacts are there again, where they stood; return how many."""

    def come_back(entry: Entry) -> None:
        entry.status = _Status.WAITING if entry.confirmed_at else _Status.PENDING
        entry.reason = ""

    of_contacts = Entry.objects.filter(project=project, contact__in=contacts)
    return _change(project, of_contacts.lapsed().filter(contact__deleted_at=None), come_back, at)


def _change(
    project: Project, entries: EntryQuerySet, change: Callable[[Entry], None], at: datetime
) -> int:
    touched = set(entries.values_list("waitlist", flat=True))
    count = 0
    lists = Waitlist.objects.filter(project=project, pk__in=touched).order_by("id")
    for waitlist in lists.select_for_update() if touched else ():
        moves = []
        for entry in entries.filter(waitlist=waitlist):
            was = entry.status
            change(entry)
            entry.changed_at = at
            entry.save(update_fields=["status", "reason", "changed_at"])
            moves.append(Move(was, entry.status, entry.sort_key, entry.sort_key))
        book(waitlist, moves)
        count += len(moves)
    return count
