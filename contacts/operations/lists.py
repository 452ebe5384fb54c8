"""Lists: static segments as they are named, one contact at a time."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from contacts.models import Contact, Segment
from contacts.operations.memberships import hold_segments
from contacts.operations.segments import add_members, create_segment, remove_members


@transaction.atomic
def put_on_lists(contact: Contact, names: Collection[str], *, at: datetime) -> None:
    """Let the contact be on the static segments of these names, and on no other. Of several of one
    name the oldest is meant; one that is not there is made.
    """
    hold_segments(contact.project)
    statics = Segment.objects.in_project(contact.project).filter(type=Segment.Type.STATIC)
    inside = statics.filter(memberships__contact=contact, memberships__project=contact.project)
    for segment in inside.exclude(name__in=names).order_by("pk"):
        remove_members(segment, [contact], at=at)
    there = {each.name: each for each in statics.filter(name__in=names).order_by("-pk")}
    kept = set(inside.values_list("name", flat=True))
    for name in names:
        if name not in kept:
            segment = there.get(name) or create_segment(
                contact.project, name=name, rules=None, at=at
            )
            add_members(segment, [contact], at=at)
