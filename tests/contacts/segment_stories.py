"""Short words for what tests of segments do again and again."""

from datetime import datetime
from typing import Any

from contacts.models import Contact, Event, Membership, Segment
from contacts.models.event import Fact
from contacts.operations.segments import create_segment
from growth.models import Project
from tests.factories import AT


def make(
    project: Project, rules: dict[str, Any] | None, name: str = "Some", at: datetime = AT
) -> Segment:
    """Return a new segment that is ready."""
    return create_segment(project, name=name, rules=rules, at=at)


def record(contact: Contact, *names: str, at: datetime = AT, hops: int = 0) -> None:
    """Let the contact do things, and tell of them."""
    facts = [Fact(contact.key, name) for name in names]
    Event.objects.record(contact.project, facts, at=at, hops=hops)


def names_of(contact: Contact) -> list[tuple[str, str | None]]:
    """Return the contact's events: each name, and the segment that it speaks of."""
    events = Event.objects.filter(contact=contact).order_by("id")
    return [(event.name, event.properties.get("segment_id")) for event in events]


def is_member(segment: Segment, contact: Contact) -> bool:
    """Tell whether the contact is stored as a member."""
    return Membership.objects.filter(segment=segment, contact=contact).exists()
