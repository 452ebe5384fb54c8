"""What waitlists do when they hear of contacts, and of their own approvals."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.dispatch import receiver
from django.utils.timezone import now

from contacts.mail import confirming
from contacts.mail.templates import require_unsent
from contacts.models import Absorption, Contact, Merge, Template
from contacts.signals import (
    contact_described,
    contact_erasing,
    contact_merging,
    template_removing,
)
from growth import ids, outbox
from growth.models import DomainEvent, DomainEventType, Project
from waitlists.mail import send_invites
from waitlists.models import Entry, Waitlist
from waitlists.models.entry import advance
from waitlists.operations.joining import Joining, admit, ask_pending
from waitlists.operations.leaving import lapse, readmit
from waitlists.queries import entries_of, rows_of


@outbox.listen(DomainEventType.WAITLIST_ENTRY_APPROVED)
def invite(news: Sequence[DomainEvent], *, at: datetime) -> None:
    """Write to those who were let in.

    Not where they are let in: who does that holds the list, and mail needs the contacts.
    """
    project = news[0].project
    hops = {ids.decode("wl_entry", event.data["id"]): event.hops for event in news}
    rows = rows_of(project.key, hops)
    lists = Waitlist.objects.addressed().filter(pk__in={row.waitlist for row in rows.values()})
    for waitlist in lists.select_related("project", "stream").order_by("id"):
        own = [row for row in rows.values() if row.waitlist == waitlist.key]
        for hop in sorted(set(hops.values())):
            invited = [row for row in own if hops[row.key] == hop]
            send_invites(waitlist, invited, at=at, hops=hop)


@outbox.listen(DomainEventType.EVENT_COMMANDED)
def admit_visitors(news: Sequence[DomainEvent], *, at: datetime) -> None:
    """Put those on a list of whom a client said so; they still confirm their address.

    Nobody waits for the reason of a refusal: a wish that cannot be met is parked for staff.
    """
    for event in news:
        if event.data["name"] == "$waitlist_joined":
            _admit_visitor(event, at)


@outbox.listen(DomainEventType.CONTACT_DELETED)
def forget_contacts(news: Sequence[DomainEvent], *, at: datetime) -> None:
    """Take contacts who were deleted out of the queues."""
    lapse(news[0].project, [event.subject for event in news], Entry.Reason.DELETED, at=at)


@outbox.listen(DomainEventType.CONTACT_CREATED, DomainEventType.CONTACT_UPDATED)
def welcome_back(news: Sequence[DomainEvent], *, at: datetime) -> None:
    """Put contacts back who were restored, or parted from those they were merged with; ask those
    to confirm their place who had no address before.
    """
    readmit(news[0].project, [event.subject for event in news], at=at)
    addressed = [event.subject for event in news if "email" in event.data.get("changed", ())]
    ask_pending(news[0].project, addressed, at=at)


@outbox.listen(
    DomainEventType.CONTACT_CREATED, DomainEventType.CONTACT_UPDATED, DomainEventType.CONTACT_MERGED
)
def ask_heirs(news: Sequence[DomainEvent], *, at: datetime) -> None:
    """Ask contacts to whom a visitor's place may have come whether they want it, if they were not
    asked before: the visitor had no address.
    """
    heirs = [event.subject for event in news if "events" in event.data.get("changed", ["events"])]
    ask_pending(news[0].project, heirs, at=at, again_after=confirming.WITHIN)


@receiver(template_removing)
def keep_template(template: Template, **_: Any) -> None:
    """Let nobody delete what is still sent."""
    is_sent = Q(welcome_template_code=template.code) | Q(invite_template_code=template.code)
    require_unsent(template, "waitlist", Waitlist.objects.filter(is_sent))


@receiver(contact_erasing)
def strip_entries(project: Project, contacts: Sequence[int], **_: Any) -> dict[str, int]:
    """End the entries; they go on to be counted."""
    lapse(project, contacts, Entry.Reason.DELETED, at=now())
    entries = Entry.objects.filter(project=project, contact__in=contacts)
    return {Entry._meta.db_table: entries.update(traits={})}


@receiver(contact_merging)
def move_entries(merge: Merge | Absorption, **_: Any) -> None:
    """Give the survivor the better place of two on one list; the other one leaves the queue."""
    merge.move_entries(Entry.objects.all(), ("waitlist",), advance())
    sources = merge.into if isinstance(merge, Absorption) else [merge.source_id]
    lapse(merge.project, list(sources), Entry.Reason.MERGED, at=now())


@receiver(contact_described)
def describe_entries(contact: Contact, **_: Any) -> dict[str, Any]:
    """Show the contact's places in its profile."""
    return {"waitlists": entries_of(contact)}


def _admit_visitor(event: DomainEvent, at: datetime) -> None:
    told = event.data["properties"]
    lists = Waitlist.objects.in_project(event.project).filter(pk=told["waitlist_id"])
    waitlist = lists.select_related("project", "stream").first()
    contact = Contact.objects.alive().filter(project=event.project, pk=event.subject).first()
    if waitlist is None:
        raise outbox.Unfit(f"This project has no waitlist {told['waitlist_id']}.")
    if not waitlist.is_open:
        raise outbox.Unfit(f"The waitlist {told['waitlist_id']} takes nobody else at the moment.")
    if contact is None:
        raise outbox.Unfit("The contact who joins is not there any more.")
    joining = Joining(contact.email, code=told.get("referral_code") or "")
    admit(waitlist, contact.key, joining, at=at, hops=event.hops)
