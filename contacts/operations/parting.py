"""A merge is undone: the source is there again, with what was its own."""

from datetime import datetime
from typing import Any

from django.db import connection

from contacts.models import Contact, ContactActivity, Membership, Merge, Segment
from contacts.models.event import announce
from growth import outbox
from growth.errors import Conflict, Gone, Invalid, Violation
from growth.models import DomainEventType


def standing_merge(source: Contact, target: Contact, *, since: datetime) -> Merge:
    """Return the merge of the source into the target, locked, if it may still be undone."""
    merges = Merge.objects.reversible().filter(project=target.project_id, source=source)
    merge = merges.select_for_update().first()
    if merge is None:
        message = "This contact was not merged into the other, or was parted from it already."
        raise Invalid(Violation("source_contact_id", "not_merged", message))
    if merge.target_id != target.id:
        raise Conflict(
            f"That contact came by way of {merge.target_id}; part the two latest merged first."
        )
    if merge.created_at < since:
        raise Gone("A merge can be undone for 30 days; this one was longer ago.")
    return merge


def part(merge: Merge, source: Contact, target: Contact, *, at: datetime) -> None:
    """Give both contacts back what they were, as far as nothing was changed since."""
    _restore(target, merge, at)
    source.deleted_at = source.merged_into = None
    source.save(update_fields=["deleted_at", "merged_into"])
    merge.move_back()
    _return_claims(merge, source, target)
    _return_memberships(merge, source, target)
    _return_activity(merge, target)
    merge.undone_at, merge.due_at = at, None
    merge.save(update_fields=["undone_at", "due_at"])
    _tell(source, target, at)


def _restore(target: Contact, merge: Merge, at: datetime) -> None:
    before, after = merge.before["target"], merge.after
    if target.email_key == after["email_key"]:
        target.email, target.email_key = before["email"], before["email_key"]
    for name in ("phone", "external_id"):
        if getattr(target, name) == after[name]:
            setattr(target, name, before[name])
    gained = set(after["tags"]) - set(before["tags"])
    target.tags = [tag for tag in target.tags if tag not in gained]
    target.traits = _unchanged_as_before(target.traits, before["traits"], after["traits"])
    target.updated_at = at
    target.save()


def _unchanged_as_before(
    now: dict[str, Any], before: dict[str, Any], after: dict[str, Any]
) -> dict[str, Any]:
    """Return the traits of now, those that are as the merge left them as they were before."""
    kept = {name: value for name, value in now.items() if after.get(name, ...) != value}
    restored = {
        name: before[name] for name in before if name in now and now[name] == after.get(name, ...)
    }
    return restored | kept


def _return_claims(merge: Merge, source: Contact, target: Contact) -> None:
    """Let the source own its claims again: those that the target has, and those nobody has."""
    claims = merge.before["source"]["claims"]
    kinds, values = [kind for kind, _ in claims], [value for _, value in claims]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO contacts_identity AS own (project_id, kind, value, contact_id)
            SELECT %(project)s, kind, value, %(source)s
              FROM unnest(%(kinds)s::text[], %(values)s::text[]) claim (kind, value)
             ORDER BY kind, value
            ON CONFLICT (project_id, kind, value) DO UPDATE SET contact_id = %(source)s
             WHERE own.contact_id = %(target)s
            """,
            {
                "project": target.project_key,
                "source": source.key,
                "target": target.key,
                "kinds": kinds,
                "values": values,
            },
        )


def _return_memberships(merge: Merge, source: Contact, target: Contact) -> None:
    """Put the source back into its static segments, and take out the target where it came along.

    Rules tell of all others.
    """
    entered = merge.before["source"]["segments"]
    static = Segment.objects.in_project(merge.project).filter(
        pk__in=list(entered), type=Segment.Type.STATIC
    )
    memberships = [
        Membership(
            project=merge.project, segment=segment, contact=source, entered_at=entered[segment.id]
        )
        for segment in static
    ]
    Membership.objects.bulk_create(memberships, ignore_conflicts=True)
    gained = static.exclude(pk__in=list(merge.before["target"]["segments"]))
    Membership.objects.filter(project=merge.project, contact=target, segment__in=gained).delete()


def _return_activity(merge: Merge, target: Contact) -> None:
    before, after = (row["last_activity_at"] for row in (merge.before["target"], merge.after))
    if before == after:
        return
    since = datetime.fromisoformat(after)
    unchanged = ContactActivity.objects.filter(contact=target, last_activity_at=since)
    if before is None:
        unchanged.filter(decayed_on=None).delete()  # Without scores the merge has made the row.
    unchanged.update(last_activity_at=datetime.fromisoformat(before) if before else None)


def _tell(source: Contact, target: Contact, at: datetime) -> None:
    types = DomainEventType
    outbox.emit(
        target.project,
        outbox.News(types.CONTACT_CREATED, source.snapshot(), subject=source.key),
        outbox.News(types.CONTACT_UPDATED, target.snapshot(), subject=target.key),
        at=at,
    )
    changes = {"created": [source.key, target.key]}
    announce(target.project, changes=changes, is_quiet=True, at=at)
