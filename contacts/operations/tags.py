"""Tags that are put on and taken off one by one, whoever else does so at the same time."""

from datetime import datetime

from django.db import transaction

from contacts.models import Contact
from contacts.operations.traits import MAX_TAGS
from growth.errors import Gone, Invalid, Violation


@transaction.atomic
def retag(contact: Contact, *, add: list[str], remove: list[str], at: datetime) -> None:
    """Put tags on the contact, and take others off.

    :raises Invalid: if it would bear too many.
    :raises Gone: if the contact was deleted meanwhile.
    """
    contact.lock()
    if contact.deleted_at:
        raise Gone("This contact was deleted.")
    kept = [tag for tag in contact.tags if tag not in remove]
    tags = list(dict.fromkeys([*kept, *add]))
    if len(tags) > max(MAX_TAGS, len(kept)):
        raise Invalid(Violation("add", "too_many", f"A contact bears {MAX_TAGS} tags at most."))
    contact.revise(tags=tags, is_locked=True, at=at)
