"""Plain functions that make rows for tests."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from contacts.models import Contact, Event, Identity, Topic, partitions
from contacts.models.addresses import email_key
from growth.models import Project

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

_numbers = count(1)


def make_contact(project: Project, **fields: Any) -> Contact:
    """Return a new contact that owns its claims."""
    email = fields.pop("email", f"person-{next(_numbers)}@example.com")
    defaults = {"created_at": AT - timedelta(days=30), "updated_at": AT - timedelta(days=30)}
    contact = Contact.objects.create(
        project=project, email=email, email_key=email_key(email), **defaults | fields
    )
    for kind in ("email", "external_id", "phone"):
        if value := email_key(email) if kind == "email" else getattr(contact, kind):
            Identity.objects.create(project=project, contact=contact, kind=kind, value=value)
    return contact


def make_event(contact: Contact, name: str, *, at: datetime = AT, **properties: Any) -> Event:
    """Return a new event of the contact, past the doors through which events come in."""
    partitions.ensure(at, at)
    return Event.objects.create(
        project=contact.project,
        contact=contact,
        name=name,
        properties=properties,
        timestamp=at,
        received_at=at,
    )


def make_topic(project: Project, code: str = "news", opt_in: str = "none") -> Topic:
    """Return a new topic of mail."""
    return Topic.objects.create(
        project=project, code=code, name=code.title(), opt_in=opt_in, created_at=AT
    )
