"""All that is held of one contact, and of those that became part of it, as JSON that is written
while it is read.

However much there is, only one page of rows is in memory at a time.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.db.models import F, Model, Prefetch, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan

from contacts.models import (
    Consent,
    ConsentChange,
    Contact,
    ContactScore,
    Email,
    EmailActivity,
    Event,
    Identity,
    Membership,
    Message,
    Suppression,
)
from contacts.signals import contact_described
from growth.api.json import dump

PAGE = 500

_Show = Callable[[Any], dict[str, Any]]


def exported(contact: Contact, *, at: datetime) -> Iterator[bytes]:
    """Yield the pieces of one JSON object that holds everything."""
    yield b'{"exported_at":' + dump(at)
    for name, value in _described(contact).items():
        yield b"," + dump(name) + b":" + dump(value)
    for name, rows, show, keyset in _lists(contact):
        yield b"," + dump(name) + b":["
        yield from _items(rows, show, keyset)
        yield b"]"
    yield b"}\n"


def _described(contact: Contact) -> dict[str, Any]:
    described: dict[str, Any] = {"contact": contact.snapshot()}
    described["activity"] = _activity(contact)
    for _, addition in contact_described.send(sender=Contact, contact=contact, in_full=True):
        described |= addition
    return described


def _activity(contact: Contact) -> dict[str, Any] | None:
    activity = getattr(contact, "activity", None)
    return {name: getattr(activity, name) for name in _OF_CONTACT} if activity else None


def _lists(contact: Contact) -> Iterator[tuple[str, QuerySet, _Show, tuple[str, ...]]]:
    """Yield the name of each list, its rows, how one is shown, and the order they are read in."""
    project = contact.project_id
    parts = Contact.objects.filter(project=project, merged_into=contact)
    own = {"project": project, "contact__in": [contact.pk, *parts.values_list("pk", flat=True)]}
    changes = Prefetch("changes", ConsentChange.objects.order_by("id"))
    activities = Prefetch("activities", EmailActivity.objects.order_by("id"))
    consents = Consent.objects.select_related("topic").prefetch_related(changes)
    emails = Email.objects.select_related("stream").prefetch_related(activities)
    claims = Identity.objects.filter(**own)
    keys = {contact.email_key, *parts.values_list("email_key", flat=True)} - {""}
    keys |= set(claims.filter(kind=Identity.Kind.EMAIL).values_list("value", flat=True))
    suppressed = Suppression.objects.filter(project=project, email_key__in=keys)
    yield "merged_contacts", parts, Contact.snapshot, ("id",)
    yield "claims", claims, _claim, ("id",)
    yield "consents", consents.filter(**own), _consent, ("id",)
    yield "suppressions", suppressed, _suppression, ("id",)
    memberships = Membership.objects.filter(**own).select_related("segment")
    yield "segments", memberships, _membership, ("id",)
    yield "scores", ContactScore.objects.filter(**own), _score, ("day", "id")
    yield "emails", emails.filter(**own), _email, ("id",)
    yield "messages", Message.objects.filter(**own), _message, ("id",)
    events = Event.objects.filter(project=project, contact=contact)  # All moved with the merge.
    yield "events", events, Event.as_dict, ("timestamp", "id")


def _items(rows: QuerySet, show: _Show, keyset: tuple[str, ...]) -> Iterator[bytes]:
    separator = b""
    for page in _pages(rows, keyset):
        for row in page:
            yield separator + dump(show(row))
            separator = b","


def _pages(rows: QuerySet, keyset: tuple[str, ...]) -> Iterator[list[Model]]:
    page = list(rows.order_by(*keyset)[:PAGE])
    while page:
        yield page
        if len(page) < PAGE:
            return
        last = tuple(getattr(page[-1], name) for name in keyset)
        later = rows.filter(TupleGreaterThan(Tuple(*map(F, keyset)), last))
        page = list(later.order_by(*keyset)[:PAGE])


def _claim(identity: Identity) -> dict[str, Any]:
    return {"kind": identity.kind, "value": identity.value}


def _consent(consent: Consent) -> dict[str, Any]:
    history = [_stance(change) for change in consent.changes.all()]
    return {"topic": consent.topic.code, **_stance(consent), "history": history}


def _stance(said: Consent | ConsentChange) -> dict[str, Any]:
    return {name: getattr(said, name) for name in ("state", "source", "evidence", "at")}


def _suppression(suppression: Suppression) -> dict[str, Any]:
    return {"reason": suppression.reason, "created_at": suppression.created_at}


def _membership(membership: Membership) -> dict[str, Any]:
    segment = membership.segment
    return {"id": segment.id, "name": segment.name, "entered_at": membership.entered_at}


def _score(score: ContactScore) -> dict[str, Any]:
    return {name: getattr(score, name) for name in ("day", "engagement", "lead")}


def _message(message: Message) -> dict[str, Any]:
    return {name: getattr(message, name) for name in _OF_MESSAGE}


_OF_CONTACT = ("last_activity_at", "engagement", "lead")
_OF_EMAIL = (
    "step_key",
    "entry",
    "address",
    "template_code",
    "subject",
    "context",
    "state",
    "reason",
    "created_at",
    "due_at",
    "decided_at",
)
_OF_MESSAGE = ("message_type", "rendered_subject", "rendered_copy", "sent_at", "user_id")
_OF_ACTIVITY = ("kind", "at", "is_machine", "detail")


def _email(email: Email) -> dict[str, Any]:
    own = {name: getattr(email, name) for name in _OF_EMAIL}
    stream = {"kind": email.stream.kind, "name": email.stream.name}
    activities = [
        {name: getattr(each, name) for name in _OF_ACTIVITY} for each in email.activities.all()
    ]
    return {"stream": stream, **own, "activities": activities}
