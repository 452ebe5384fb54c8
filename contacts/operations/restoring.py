"""A deleted contact comes back, with what nobody else has taken meanwhile."""

from datetime import datetime

from django.db import connection

from contacts.models import Contact, Identity, Membership, Segment
from contacts.models.event import announce
from growth import outbox
from growth.errors import Gone
from growth.models import DomainEventType
from growth.transactions import atomic_with_retries


@atomic_with_retries
def restore_contact(contact: Contact, *, at: datetime) -> list[tuple[str, str]]:
    """Bring the contact back, and return its claims that others have now and it goes without.

    Told twice, it is done once. Nobody enters a segment because of it, and no campaign begins.

    :raises Gone: if it was erased, or is a part of another contact.
    """
    contact.lock()
    if contact.deleted_at is None:
        return []
    if contact.erased_at or contact.merged_into_id:
        raise Gone("Nothing is left of this contact that could be restored.")
    released = contact.released or {"claims": [], "segments": {}}
    taken = _claim_again(contact, released["claims"])
    _give_up(contact, taken)
    contact.deleted_at = contact.released = None
    contact.updated_at = at
    contact.save()
    _join_again(contact, released["segments"])
    news = outbox.News(DomainEventType.CONTACT_CREATED, contact.snapshot(), subject=contact.key)
    outbox.emit(contact.project, news, at=at)
    announce(contact.project, changes={"created": [contact.key]}, is_quiet=True, at=at)
    return taken


def _claim_again(contact: Contact, claims: list[list[str]]) -> list[tuple[str, str]]:
    """Store the claims that are free; return the others."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO contacts_identity (project_id, kind, value, contact_id)
            SELECT %s, kind, value, %s FROM unnest(%s::text[], %s::text[]) claim (kind, value)
             ORDER BY kind, value
            ON CONFLICT DO NOTHING RETURNING kind, value
            """,
            [
                contact.project_key,
                contact.key,
                [kind for kind, _ in claims],
                [value for _, value in claims],
            ],
        )
        stored = set(cursor.fetchall())
    return [(kind, value) for kind, value in claims if (kind, value) not in stored]


def _give_up(contact: Contact, taken: list[tuple[str, str]]) -> None:
    for kind, value in taken:
        if kind == Identity.Kind.EMAIL and contact.email_key == value:
            contact.email = contact.email_key = ""
        elif kind != Identity.Kind.ANONYMOUS_ID and getattr(contact, kind) == value:
            setattr(contact, kind, "")


def _join_again(contact: Contact, entered: dict[str, str]) -> None:
    """Put the contact back into its static segments; rules tell of all others."""
    static = Segment.objects.in_project(contact.project).filter(
        pk__in=list(entered), type=Segment.Type.STATIC
    )
    memberships = [
        Membership(
            project=contact.project,
            segment=segment,
            contact=contact,
            entered_at=entered[segment.id],
        )
        for segment in static
    ]
    Membership.objects.bulk_create(memberships, ignore_conflicts=True)
