"""A mail from the queue, written and addressed."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from django.conf import settings

from contacts.mail import mime
from contacts.mail.claiming import Mail
from contacts.mail.envelopes import Envelope, Parcel
from contacts.mail.links import links_for
from contacts.mail.recipients import recipient
from contacts.mail.rendering import Letter, Wording, context_of, render
from contacts.mail.reports import name_of
from contacts.mail.tracking import tracked
from contacts.models import MailStream
from growth.models import Project


def write(
    mail: Mail,
    wording: Wording,
    project: Project,
    *,
    links: Mapping[str, str] = MappingProxyType({}),
    at: datetime,
) -> Parcel:
    """Return the mail as it goes to the server; ``links`` are those that other apps offer it.

    :raises AddressError: if its address is none.
    :raises RenderError: if its template cannot be rendered for this contact.
    """
    own = links_for(mail.project, mail.key)
    letter = _letter(mail, wording, {**links, **own})
    message_id = f"{name_of(mail.project, mail.key)}.mail"
    return pack(letter, project, mail.address, own["unsubscribe"], message_id, at=at)


def letter_of(
    mail: Mail, wording: Wording, links: Mapping[str, str] = MappingProxyType({})
) -> Letter:
    """Return what the contact reads.

    :raises RenderError: if the template cannot be rendered for this contact.
    """
    return _letter(mail, wording, {**links, **links_for(mail.project, mail.key)})


def _letter(mail: Mail, wording: Wording, links: Mapping[str, str]) -> Letter:
    links = {**links, **mail.context.get("links", {})}
    context = context_of(mail.person, links=links, about=mail.context)
    letter = render(wording, context, subject=mail.subject)
    if mail.kind == MailStream.CONFIRMATION:
        return letter  # Who only asks whether they may write, asks no more.
    return tracked(letter, project=mail.project, email=mail.key)


def sender_of(project: Project) -> mime.Sender:
    """Return whom the project's mail is from."""
    return mime.sender(project.name, project.default_from_email or settings.DEFAULT_FROM_EMAIL)


def pack(
    letter: Letter, project: Project, to: str, unsubscribe: str, message_id: str, *, at: datetime
) -> Parcel:
    """Return the letter as a message from the project to this address.

    :raises AddressError: if it is none.
    """
    goes_to = recipient(to)
    sender = sender_of(project)
    message = mime.assemble(
        letter,
        sender=sender,
        to=goes_to.address,
        unsubscribe=unsubscribe,
        message_id=message_id,
        at=at,
    )
    return Parcel(Envelope(sender.address, goes_to.address, goes_to.needs_utf8), message)
