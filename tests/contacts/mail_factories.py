"""Streams, templates and queued mails for tests."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from contacts.mail.queueing import Mailing, Recipient, queue_recipients
from contacts.models import Contact, Email, MailStream, Template
from growth.models import Project
from tests.factories import AT, make_contact

CAMPAIGN = {"id": "cmpgn_0000000001", "name": "Spring"}


def make_stream(project: Project, **fields: Any) -> MailStream:
    """Return the mail stream of a campaign that is not there."""
    defaults = {"kind": "campaign", "name": "Spring", "context": {"campaign": CAMPAIGN}}
    return MailStream.objects.create(project=project, **defaults | fields)


def make_template(project: Project, code: str = "tmpl_plain", **fields: Any) -> Template:
    """Return a compiled template, past the compiler."""
    defaults = {
        "subject": "Hi {{ contact.first_name }}",
        "html": '<p>Hi {{ contact.first_name }}</p><a href="{{ links.unsubscribe }}">Leave</a>',
        "text": "Hi {{ contact.first_name }}\nLeave: {{ links.unsubscribe }}\n",
    }
    return Template.objects.create(project=project, code=code, **defaults | fields)


def queue(
    stream: MailStream,
    contacts: Iterable[Contact],
    *,
    template: str = "tmpl_plain",
    at: datetime = AT,
    **fields: Any,
) -> list[Email]:
    """Queue one mail to each of the contacts; return the rows in their order."""
    recipients = [Recipient(contact.key, **fields) for contact in contacts]
    queue_recipients(stream, Mailing("step_1", template), recipients, at=at)
    return list(Email.objects.filter(stream=stream).order_by("id"))


def make_sent(project: Project, **fields: Any) -> Email:
    """Return a mail that went out to Alice."""
    make_template(project)
    [email] = queue(make_stream(project), [make_contact(project, email="alice@example.com")])
    Email.objects.update(state="sent", **fields)
    return email


def states(stream: MailStream) -> list[str]:
    """Return the states of the stream's mails, in their order."""
    return list(stream.emails.order_by("id").values_list("state", flat=True))


def people(project: Project, *addresses: str) -> list[Contact]:
    """Return a contact for each of the addresses."""
    return [make_contact(project, email=address) for address in addresses]
