"""Whether somebody really wants what was asked for under their address: one mail, one button."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Q, QuerySet

from contacts.mail.links import SAMPLE, UnknownToken, read_confirm_token
from contacts.mail.queueing import Mailing, Recipient, queue_recipients
from contacts.models import Contact, Email, MailStream, Topic
from growth.models import Project

TEMPLATE = "tmpl_confirm"
VALID_FOR = timedelta(days=7)
ASK_AGAIN_AFTER = timedelta(hours=1)
"""Who lost the mail may ask for another one, but nobody is flooded by strangers who ask."""

MOST = 5
WITHIN = timedelta(days=30)
"""How many such mails one address gets at most."""

_STEP = "ask"


def ask(contact: Contact, topics: Iterable[Topic], *, at: datetime) -> None:
    """Send one mail that asks whether the contact wants these topics, unless it was asked just now.

    The contact must be locked.
    """
    topics = list(topics)
    if not contact.email_key or not topics:
        return
    stream = _stream(contact.project)
    lately = _asked_lately(contact, stream, _STEP, at)
    fresh = {
        code
        for mail in lately
        if at - mail.created_at < ASK_AGAIN_AFTER
        for code in asked_for(mail)
    }
    if len(lately) >= MOST or {topic.code for topic in topics} <= fresh:
        return
    context = {
        "topics": [{"code": topic.code, "name": topic.name} for topic in topics],
        "sender": contact.project.name,
    }
    _queue(contact, stream, Mailing(_STEP, TEMPLATE), context, at)


def ask_by(
    contact: Contact,
    mailing: Mailing,
    context: dict[str, Any],
    *,
    at: datetime,
    again_after: timedelta = ASK_AGAIN_AFTER,
) -> None:
    """Send a mail that asks the contact something else, by its own link; no more often than that.

    The contact must be locked, or nobody else must ask it the same.
    """
    stream = _stream(contact.project)
    lately = _asked_lately(contact, stream, mailing.step_key, at)
    is_fresh = any(at - mail.created_at < again_after for mail in lately)
    if contact.email_key and len(lately) < MOST and not is_fresh:
        _queue(contact, stream, mailing, context, at)


def _stream(project: Project) -> MailStream:
    stream, _ = MailStream.objects.get_or_create(
        project=project, kind=MailStream.CONFIRMATION, defaults={"name": "Confirmations"}
    )
    return stream


def _asked(contact: Contact, stream: MailStream, step_key: str) -> QuerySet[Email]:
    return Email.objects.filter(
        Q(contact=contact) | Q(email_key=contact.email_key),
        project=contact.project,
        stream=stream,
        step_key=step_key,
    )


def _asked_lately(contact: Contact, stream: MailStream, step_key: str, at: datetime) -> list[Email]:
    return list(_asked(contact, stream, step_key).filter(created_at__gt=at - WITHIN))


def _queue(
    contact: Contact, stream: MailStream, mailing: Mailing, context: dict[str, Any], at: datetime
) -> None:
    last = _asked(contact, stream, mailing.step_key).aggregate(last=Max("entry"))["last"]
    recipient = Recipient(contact.key, entry=0 if last is None else last + 1, context=context)
    queue_recipients(stream, mailing, [recipient], at=at)


def email_to_confirm(token: str) -> Email:
    """Return the mail that asks; that of a sample is a mail nobody got.

    :raises UnknownToken: if there is none.
    """
    if token == SAMPLE:
        return Email(address="alex@example.com", context={"sender": "us", "topics": []})
    project, key = read_confirm_token(token)
    emails = Email.objects.filter(project=project, pk=key, stream__kind=MailStream.CONFIRMATION)
    email = emails.select_related("project", "contact").first()
    if email is None:
        raise UnknownToken("This mail is not kept any more.")
    return email


def asked_for(email: Email) -> list[str]:
    """Return the codes of the topics that the mail asks for."""
    return [topic["code"] for topic in email.context["topics"]]
