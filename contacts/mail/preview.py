"""A mail as somebody would get it, for a look."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.parser import BytesHeaderParser
from html import unescape
from typing import Any

from contacts.mail.compiling import PREHEADER, sample_context
from contacts.mail.links import SAMPLE, sample_links, unsubscribe_url
from contacts.mail.liquid import RenderError, TemplateError
from contacts.mail.parcels import pack
from contacts.mail.rendering import SAMPLE as SAMPLE_PERSON
from contacts.mail.rendering import Letter, Person, Wording, context_of, render
from contacts.models import Contact
from contacts.models.addresses import AddressError
from growth.errors import Invalid, Violation
from growth.models import Project

_PREHEADER = re.compile(re.escape(PREHEADER).replace("%s", "(.*?)"), re.DOTALL)
_NOT_SHOWN = {"date", "message-id", "mime-version", "content-type", "content-transfer-encoding"}
_NO_ADDRESS = "contact_id: This contact has no address that mail can go to, and would get nothing."


@dataclass(frozen=True)
class Look:
    """A mail with its head, as it would arrive. ``warnings`` tell why it would not."""

    letter: Letter
    preheader: str
    headers: dict[str, str]
    warnings: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Return the mail as it is shown."""
        return {
            "subject": self.letter.subject,
            "preheader": self.preheader,
            "html": self.letter.html,
            "text": self.letter.text,
            "from": self.headers["From"],
            "headers": self.headers,
        }


def preview(
    wording: Wording,
    *,
    subject: str = "",
    contact: Contact | None = None,
    about: Mapping[str, Any] | None = None,
    sample: Mapping[str, Any] | None = None,
) -> Letter:
    """Return the mail for the contact, or for a made-up one.

    ``about`` is what its stream and event tell, where they are known; ``sample`` adds to all.

    :raises Invalid: if it cannot be rendered for them.
    """
    person = _person(contact) if contact else SAMPLE_PERSON
    told = sample_context() if about is None else about
    context = context_of(person, links=sample_links(), about=told)
    try:
        return render(wording, _merged(context, sample or {}), subject=subject)
    except (RenderError, TemplateError) as error:
        raise Invalid(Violation("source", "not_renderable", str(error))) from None


def look_at(
    wording: Wording,
    project: Project,
    *,
    subject: str,
    contact: Contact | None,
    about: Mapping[str, Any],
    at: datetime,
) -> Look:
    """Return the mail with its head, for the contact or for a made-up one.

    :raises Invalid: if it cannot be rendered for them.
    """
    letter = preview(wording, subject=subject, contact=contact, about=about)
    try:
        address, warnings = (contact or SAMPLE_PERSON).email, []
        message = _packed(letter, project, address, at)
    except AddressError:
        address, warnings = SAMPLE_PERSON.email, [_NO_ADDRESS]
        message = _packed(letter, project, address, at)
    preheader = _PREHEADER.search(letter.html)
    return Look(letter, unescape(preheader[1]) if preheader else "", _headers(message), warnings)


def _packed(letter: Letter, project: Project, address: str, at: datetime) -> bytes:
    return pack(letter, project, address, unsubscribe_url(SAMPLE), "preview", at=at).message


def _headers(message: bytes) -> dict[str, str]:
    """Return the head that we write, without what is of one moment or one server."""
    head = BytesHeaderParser(policy=policy.SMTP).parsebytes(message)
    return {name: str(value) for name, value in head.items() if name.lower() not in _NOT_SHOWN}


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
