"""Samples of mail, sent at once to whoever asks for one. No statistic knows of them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.crypto import get_random_string

from contacts.mail.fates import Fate, Verdict
from contacts.mail.links import SAMPLE, unsubscribe_url
from contacts.mail.parcels import pack
from contacts.mail.preview import preview
from contacts.mail.relays import relay_to
from contacts.mail.templates import find_template
from contacts.mail.transport import RelayDown
from contacts.models import MailStream, Template
from contacts.models.addresses import AddressError
from growth.errors import Conflict, DomainError, Invalid, Violation
from growth.models import Project


class MailServerUnavailable(DomainError):
    """A mail that somebody waits for could not be handed over."""

    code = "unavailable"


def send_test_mail(
    stream: MailStream,
    *,
    template_code: str,
    subject: str,
    address: str,
    at: datetime,
    event: Mapping[str, Any] | None = None,
) -> None:
    """Send a sample of one of the stream's mails, now. No statistic knows of it.

    :raises Invalid: if there is no such template or address, or the template cannot be rendered.
    :raises Conflict: if the mail server refuses the mail.
    :raises MailServerUnavailable: if it cannot be reached.
    """
    template = find_template(stream.project, template_code)
    if template is None:
        message = f"There is no template {template_code}."
        raise Invalid(Violation("template_id", "unknown", message))
    about = stream.context | ({"event": event} if event else {})
    send_sample(template, stream.project, subject=subject, address=address, about=about, at=at)


def send_sample(
    template: Template,
    project: Project,
    *,
    address: str,
    at: datetime,
    subject: str = "",
    about: Mapping[str, Any] | None = None,
) -> None:
    """Send a sample of the template, now.

    :raises Invalid: if there is no such address, or the template cannot be rendered.
    :raises Conflict: if the mail server refuses the mail.
    :raises MailServerUnavailable: if it cannot be reached.
    """
    letter = preview(template, subject=f"[Test] {subject or template.subject}", about=about)
    message_id = f"{get_random_string(16)}.test"
    try:
        parcel = pack(letter, project, address, unsubscribe_url(SAMPLE), message_id, at=at)
    except AddressError as error:
        raise Invalid(Violation("email", "invalid", str(error))) from None
    relay = relay_to(settings.EMAIL_URL)
    try:
        verdict = relay.send(parcel.envelope, parcel.message)
    except RelayDown as down:
        raise MailServerUnavailable(f"The mail server cannot be reached: {down}") from None
    finally:
        relay.close()
    _require_accepted(verdict)


def _require_accepted(verdict: Verdict) -> None:
    match verdict.fate:
        case Fate.ACCEPTED:
            return
        case Fate.REFUSED | Fate.NO_SUCH_RECIPIENT:
            raise Conflict(f"The mail server refused the mail: {verdict.reply}")
        case Fate.DEFERRED:
            message = f"The mail server does not take the mail now: {verdict.reply}"
        case Fate.UNKNOWN | Fate.UNSURE:
            message = "The mail server did not answer; look into the mailbox before you try again."
    raise MailServerUnavailable(message)
