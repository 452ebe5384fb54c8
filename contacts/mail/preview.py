"""A mail as somebody would get it, for a look."""

from collections.abc import Mapping
from typing import Any

from contacts.mail.compiling import sample_context
from contacts.mail.links import sample_links
from contacts.mail.liquid import RenderError, TemplateError
from contacts.mail.rendering import SAMPLE as SAMPLE_PERSON
from contacts.mail.rendering import Letter, Person, Wording, render
from contacts.models import Contact
from growth.errors import Invalid, Violation


def preview(
    wording: Wording,
    *,
    subject: str = "",
    contact: Contact | None = None,
    sample: Mapping[str, Any] | None = None,
) -> Letter:
    """Return the mail for the contact, or for a made-up one; ``sample`` adds to what it speaks of.

    :raises Invalid: if it cannot be rendered for them.
    """
    person = _person(contact) if contact else SAMPLE_PERSON
    context = sample_context(contact=person.as_context(), links=dict(sample_links()))
    try:
        return render(wording, _merged(context, sample or {}), subject=subject)
    except (RenderError, TemplateError) as error:
        raise Invalid(Violation("source", "not_renderable", str(error))) from None


def _person(contact: Contact) -> Person:
    return Person(
        id=contact.id,
        email=contact.email,
        external_id=contact.external_id,
        phone=contact.phone,
        tags=contact.tags,
        traits=contact.traits,
    )


def _merged(context: Mapping[str, Any], sample: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(context)
    for name, value in sample.items():
        is_added = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        merged[name] = {**merged[name], **value} if is_added else value
    return merged
