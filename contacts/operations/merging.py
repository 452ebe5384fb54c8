"""Two contacts become one person, and may part again for thirty days.

Merges of a project follow each other, and lock both rows in the order of their keys. What the
source owns goes to the target: each app moves its own rows when it hears ``contact_merging``. Rows
that somebody writes for the source at that very moment are moved some minutes later.

A merge makes nobody enter a segment: memberships move or are corrected, and nobody is told, so that
no campaign begins because of it. Whoever refused mail at one address gets none at any of them.
"""

from datetime import datetime, timedelta

from django.db import connection

from contacts.models import Contact, Email, Event, Identity, Merge, Message
from contacts.models.event import announce
from contacts.models.merge import SETTLE_AFTER
from contacts.models.segment import leave_segments
from contacts.operations import parting
from contacts.operations.consents import unite_consents
from contacts.operations.merge_rows import (
    email_advance,
    join_segments,
    keep_latest_activity,
    refuse_mail_as_either,
    row_of,
    united,
)
from contacts.operations.tombstones import bury
from contacts.signals import contact_merging
from growth import outbox
from growth.errors import Conflict, Invalid, Violation
from growth.models import DomainEventType, Project
from growth.transactions import RaceLost, atomic_with_retries

UNDO_WITHIN = timedelta(days=30)

_HELD = 0x6D657267  # "merg"

Resolution = Merge.Resolution


@atomic_with_retries
def merge_contacts(
    *, source: Contact, target: Contact, resolution: str = Resolution.TARGET, at: datetime
) -> Contact:
    """Move everything that the source has to the target, and return the target.

    Where both have a value the resolution decides; the target gains what it lacks. Told twice, it
    is done once. If the target was merged into another meanwhile, the source follows it there.

    :raises Invalid: if the source is the target, was deleted, or is part of another contact.
    :raises Conflict: if the target was deleted meanwhile, or has become part of the source.
    """
    if source == target:
        raise _refused("same", "Name another contact than the one that it is merged into.")
    hold_merges(target.project)
    target = _survivor(target)
    source.refresh_from_db()
    if source.merged_into_id == target.id:
        return target
    if target == source:
        raise Conflict("That contact was merged into this one; read the survivor first.")
    _require_whole(source)
    source, target = _locked(source, target)
    _merge(source, target, Resolution(resolution), at)
    return target


@atomic_with_retries
def undo_merge(*, source: Contact, target: Contact, at: datetime) -> Contact:
    """Part the source from the target again, and return the target.

    Rows that were moved go back. What the merge made of the target's row goes back to what it was,
    field by field and trait by trait, unless it was changed since; so do the source's claims. What
    happened since the merge stays with the target, and so does a refusal of mail.

    :raises Invalid: if the source is not a part of the target.
    :raises Conflict: if it is one by way of a third contact, or the target is not there any more.
    :raises Gone: if that was more than thirty days ago.
    """
    hold_merges(target.project)
    merge = parting.standing_merge(source, target, since=at - UNDO_WITHIN)
    rows = _rows([source, target])
    source, target = rows[source.id], rows[target.id]
    if target.deleted_at:
        raise Conflict("This contact was deleted or merged into another; undo that first.")
    parting.part(merge, source, target, at=at)
    return target


@atomic_with_retries
def settle_merges(*, at: datetime, limit: int = 50) -> int:
    """Move what came for the source after its merge; return how many merges were looked at."""
    due = Merge.objects.standing().filter(due_at__lte=at).select_for_update(skip_locked=True)
    keys = [merge.pk for merge in due.order_by("due_at")[:limit]]
    for key in keys:
        if merge := Merge.objects.filter(pk=key).first():  # One may settle those after it.
            _settle(merge, at)
    return len(keys)


def hold_merges(project: Project) -> None:
    """Wait until nobody else merges contacts of the project, and let others wait till commit."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_HELD, project.key % 2**31])


def _survivor(contact: Contact) -> Contact:
    """Return the contact as it is now, or the one that it has become part of.

    :raises Conflict: if it was deleted.
    """
    contact = Contact.objects.select_related("project").get(pk=contact.pk)
    while contact.merged_into_id:
        contact = Contact.objects.select_related("project").get(pk=contact.merged_into_id)
    if contact.deleted_at:
        raise Conflict("This contact was deleted.")
    return contact


def _require_whole(source: Contact) -> None:
    if source.merged_into_id:
        raise _refused("merged", f"This contact was merged into {source.merged_into_id}.")
    if source.deleted_at:
        raise _refused("does_not_exist", "There is no such id in this project.")


def _refused(reason: str, message: str) -> Invalid:
    return Invalid(Violation("source_contact_id", reason, message))


def _rows(contacts: list[Contact]) -> dict[str, Contact]:
    rows = Contact.objects.select_related("project").filter(pk__in=[each.pk for each in contacts])
    return {each.id: each for each in rows.order_by("id").select_for_update(of=("self",))}


def _locked(source: Contact, target: Contact) -> tuple[Contact, Contact]:
    rows = _rows([source, target])
    if any(each.deleted_at for each in rows.values()):
        raise RaceLost  # It was deleted, or turned out to be another, since it was read.
    return rows[source.id], rows[target.id]


def _merge(source: Contact, target: Contact, resolution: Resolution, at: datetime) -> None:
    merge = Merge(
        project=target.project,
        source=source,
        target=target,
        resolution=resolution,
        before={"source": row_of(source), "target": row_of(target)},
        created_at=at,
        due_at=at + SETTLE_AFTER,
    )
    for name, value in united(source, target, resolution).items():
        setattr(target, name, value)
    target.updated_at = at
    target.save()
    _move_identity(merge, at)
    _move_history(merge)
    merge.after = row_of(target)
    merge.save()
    _tell(merge, at)


def _move_identity(merge: Merge, at: datetime) -> None:
    """Move claims and memberships, and leave a tombstone; other tombstones follow."""
    source, target = merge.source, merge.target
    refuse_mail_as_either(source, target, at=at)
    unite_consents(merge.project, {source.key: target.key}, at=at)
    merge.move(Identity.objects.all())
    merge.move(Contact.objects.exclude(merged_into=None), "merged_into")
    join_segments(merge.project, {source.key: target.key})
    leave_segments(merge.project, [source.key])
    bury(merge.project, {source.key: target.key}, at)


def _move_history(merge: Merge) -> None:
    keep_latest_activity(merge.project, {merge.source.key: merge.target.key})
    merge.move(Event.objects.all())
    merge.move(Message.objects.all())
    merge.move_entries(Email.objects.all(), ("stream", "step_key"), email_advance())
    contact_merging.send(sender=Contact, merge=merge)


def _tell(merge: Merge, at: datetime) -> None:
    source, target = merge.source, merge.target
    data = target.snapshot() | {
        "source_contact_id": source.id,
        "conflict_resolution": merge.resolution,
    }
    news = outbox.News(DomainEventType.CONTACT_MERGED, data, subject=target.key)
    outbox.emit(merge.project, news, at=at)
    changes = {"created": [target.key], "deleted": [source.key]}
    announce(merge.project, changes=changes, is_quiet=True, at=at)


def _settle(merge: Merge, at: datetime) -> None:
    count = merge.count_moved()
    _move_history(merge)
    if merge.is_absorption:
        merge.delete()
    else:
        merge.due_at = None
        merge.save(update_fields=["moved", "exchanged", "due_at"])
    if merge.count_moved() == count:
        return
    announce(merge.project, changes={"created": [merge.target.key]}, is_quiet=True, at=at)
    # Where the target has gone on into another contact, what came late goes on after it.
    onward = Merge.objects.standing().filter(project=merge.project_id, source=merge.target_id)
    for following in onward.select_for_update():
        _settle(following, at)
