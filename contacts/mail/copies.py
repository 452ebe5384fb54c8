"""Copies of mail for users under whose own address it goes out.

A copy is a message of its own, with links that lead nowhere: whoever opens it is not the contact.
"""

from collections.abc import Iterable
from datetime import datetime

from contacts.mail.claiming import Mail
from contacts.mail.envelopes import Parcel
from contacts.mail.links import SAMPLE, sample_links, unsubscribe_url
from contacts.mail.parcels import pack, sender_of
from contacts.mail.rendering import Wording, context_of, render
from contacts.mail.reports import name_of
from growth.models import Member, Project


def copy_addresses(projects: Iterable[Project]) -> dict[int, list[str]]:
    """Return, by the keys of the projects, who gets a copy of what goes out."""
    senders = {project.id: sender_of(project).address.lower() for project in projects}
    members = Member.objects.filter(project__in=senders).exclude(email_bcc="")
    found: dict[int, list[str]] = {}
    for member in members.select_related("user").order_by("pk"):
        if member.user.email.lower() == senders[member.project_id]:
            found.setdefault(member.project_key, []).append(member.email_bcc)
    return found


def write_copy(mail: Mail, wording: Wording, project: Project, to: str, *, at: datetime) -> Parcel:
    """Return the copy as it goes to the server.

    :raises AddressError: if the address is none.
    :raises RenderError: if the template cannot be rendered for this contact.
    """
    context = context_of(mail.person, links=sample_links(), about=mail.context)
    letter = render(wording, context, subject=mail.subject)
    message_id = f"{name_of(mail.project, mail.key)}.copy"
    return pack(letter, project, to, unsubscribe_url(SAMPLE), message_id, at=at)
