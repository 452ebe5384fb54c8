"""Segments are made, changed and removed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import ProtectedError

from contacts import rules
from contacts.models import Contact, Membership, Segment
from contacts.operations.memberships import (
    BUILD_TASK,
    build_waiting,
    follow_members,
    hold_segments,
    rebuild,
)
from contacts.queries import read_rule
from contacts.rule_sql import Sql, sql
from growth import outbox
from growth.api.json import merge_patch
from growth.errors import Conflict, Invalid, Violation
from growth.models import Project

SMALL = 20_000
"""In a project of so many contacts a segment is built before its maker is answered."""


@transaction.atomic
def create_segment(
    project: Project, *, name: str, rules: dict[str, Any] | None, at: datetime
) -> Segment:
    """Make a segment that the rules describe, or without rules one whose members are named."""
    hold_segments(project)
    segment = Segment(project=project, name=name, rules=rules)
    if rules is None:
        segment.type, segment.status = Segment.Type.STATIC, Segment.Status.READY
        segment.save()
    else:
        _describe(segment)
        segment.save()
        _build_soon(segment, at)
    return segment


@transaction.atomic
def save_as_segment(project: Project, *, name: str, keys: Sql, at: datetime) -> Segment:
    """Make a static segment of the contacts whose keys are selected; of its birth nobody is told.

    :param keys: a SELECT of keys, some perhaps twice.
    """
    segment = create_segment(project, name=name, rules=None, at=at)
    entering = sql(
        """INSERT INTO contacts_membership (project_id, segment_id, contact_id, entered_at)
           SELECT {}, {}, id, {} FROM contacts_contact
            WHERE project_id = {} AND deleted_at IS NULL AND id IN ({}) ORDER BY id""",
        *(project.key, segment.key, at, project.key, keys),
    )
    with connection.cursor() as cursor:
        cursor.execute(entering.text, entering.params)
    return segment


@transaction.atomic
def revise_segment(
    segment: Segment, *, name: str | None = None, rules: dict[str, Any] | None = None, at: datetime
) -> None:
    """Rename the segment, and merge the patch into its rules.

    :raises Conflict: if there are rules, and the segment is static.
    """
    if rules and not segment.is_dynamic:
        raise Conflict("A static segment has no rules; name its contacts instead.")
    hold_segments(segment.project)
    segment.lock()
    segment.name = name or segment.name
    merged = merge_patch(segment.rules, rules) if rules else segment.rules
    has_changed = merged != segment.rules
    if has_changed:
        segment.rules = merged
        _describe(segment)
    segment.save(update_fields=["name", "rules", "mentions", "updated_at"])
    if has_changed:
        rebuild([segment])
        _build_soon(segment, at)


@transaction.atomic
def remove_segment(segment: Segment) -> None:
    """Delete the segment, and forget who was in it.

    :raises Conflict: if the rule of another segment looks at it, or a campaign is for it.
    """
    hold_segments(segment.project)
    others = [other for other, looks in _looks(segment.project).items() if segment.id in looks]
    if others:
        raise Conflict(f"The rules of {others[0]} look at this segment; change them first.")
    try:
        segment.delete()
    except ProtectedError as error:
        user = next(iter(error.protected_objects))
        raise Conflict(f"{user} is for this segment; change or delete it first.") from None


@transaction.atomic
def add_members(segment: Segment, contacts: Sequence[Contact], *, at: datetime) -> None:
    """Put the contacts into a static segment."""
    _require_static(segment)
    hold_segments(segment.project)
    inside = _members(segment, contacts)
    new = [contact for contact in contacts if contact.id not in inside]
    Membership.objects.bulk_create(
        Membership(project=segment.project, segment=segment, contact=contact, entered_at=at)
        for contact in new
    )
    follow_members(segment, [contact.key for contact in new], is_entry=True, at=at)


@transaction.atomic
def remove_members(segment: Segment, contacts: Sequence[Contact], *, at: datetime) -> None:
    """Take the contacts out of a static segment."""
    _require_static(segment)
    hold_segments(segment.project)
    inside = _members(segment, contacts)
    gone = [contact for contact in contacts if contact.id in inside]
    Membership.objects.filter(project=segment.project, segment=segment, contact__in=gone).delete()
    follow_members(segment, [contact.key for contact in gone], is_entry=False, at=at)


def require_sound_looks(segment: Segment, rule: rules.Group) -> None:
    """Check that the segments which the rule looks at are there, and do not look back.

    :raises Invalid: naming the first that is wrong.
    """
    looks = rules.segments_of(rule)
    if not looks:
        return
    known = Segment.objects.in_project(segment.project).filter(pk__in={look.id for look in looks})
    found = set(known.values_list("pk", flat=True))
    graph = _looks(segment.project)
    for look in looks:
        if look.id not in found:
            _refuse(look, "unknown_id", "There is no such segment in this project.")
        if segment.id in _reached(look.id, graph):
            _refuse(look, "cycle", "That segment looks at this one, at once or through others.")


def _describe(segment: Segment) -> None:
    """Check the segment's rules, and note what they look at."""
    rule = read_rule(segment)
    require_sound_looks(segment, rule)
    segment.mentions = sorted(rules.mentions(rule))


def _looks(project: Project) -> dict[str, set[str]]:
    """Return at which segments each segment looks, by id."""
    looking = Segment.objects.in_project(project).mentioning(
        ["segments", *(f"events.{name}" for name in rules.SEGMENT_EVENTS)]
    )
    return {
        segment.id: {look.id for look in rules.segments_of(read_rule(segment))}
        for segment in looking.select_related("project")
    }


def _reached(start: str, graph: dict[str, set[str]]) -> set[str]:
    reached, waiting = set(), {start}
    while waiting:
        reached |= waiting
        waiting = set().union(*(graph.get(id, set()) for id in waiting)) - reached
    return reached


def _refuse(look: rules.Look, reason: str, message: str) -> None:
    raise Invalid(Violation(look.path, reason, message))


def _build_soon(segment: Segment, at: datetime) -> None:
    contacts = Contact.objects.in_project(segment.project).alive()
    if contacts[SMALL : SMALL + 1].exists():
        outbox.wake(BUILD_TASK)
    else:
        build_waiting(segment.project, at=at)
    segment.refresh_from_db()


def _require_static(segment: Segment) -> None:
    if segment.is_dynamic:
        raise Conflict("Rules say who is in this segment; only a static one takes contacts by id.")


def _members(segment: Segment, contacts: Sequence[Contact]) -> set[str]:
    found = Membership.objects.filter(
        project=segment.project, segment=segment, contact__in=contacts
    )
    return set(found.values_list("contact_id", flat=True))
