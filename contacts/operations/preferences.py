"""What people say by the pages of their mail, which prove that they read it at their address."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contacts.mail.confirming import VALID_FOR, asked_for
from contacts.mail.unsubscribing import record_leaving
from contacts.models import Consent, Email, Topic
from contacts.operations.consents import Stance, record_consents, stands_of
from growth.transactions import atomic_with_retries

MOST_TOPICS = 100

_State = Consent.State


@dataclass(frozen=True)
class Choice:
    """A topic, and whether the contact gets mail of it."""

    topic: Topic
    is_on: bool


def choices_of(email: Email) -> list[Choice]:
    """Return what the mail's reader may choose from, by name."""
    if email.pk is None or email.contact.deleted_at:
        return []
    topics = list(Topic.objects.filter(project=email.project).order_by("name", "id")[:MOST_TOPICS])
    stands = stands_of(email.contact, topics)
    return [
        Choice(topic, topic.allows(stands[topic.id].state if topic.id in stands else None))
        for topic in topics
    ]


@atomic_with_retries
def choose(email: Email, *, shown: Iterable[str], wanted: Iterable[str], at: datetime) -> None:
    """Let the contact get mail of the wanted topics, and of no other one that it was shown."""
    if email.pk is None:
        return
    email.lock()
    stances = {}
    shown, wanted = set(shown), set(wanted)
    for choice in choices_of(email):
        code, is_on = choice.topic.code, choice.topic.code in wanted
        if code in shown and is_on != choice.is_on:
            state = _State.GRANTED if is_on else _State.WITHDRAWN
            evidence = {"page": "preferences", "mail_sent_to": email.address}
            stances[code] = Stance(state, "preferences", evidence)
    record_consents(email.contact, stances, at=at)
    own = email.stream.topic
    if own and own.code in stances and stances[own.code].state == _State.WITHDRAWN:
        record_leaving(email, at=at, topic=own.code)


def pending_of(email: Email, *, at: datetime) -> list[Consent]:
    """Return the consents that still wait for the yes that the mail asks for."""
    if email.pk is None or email.contact.deleted_at or at - email.created_at > VALID_FOR:
        return []
    return [consent for consent in _consents_of(email) if consent.state == _State.PENDING]


def was_confirmed(email: Email) -> bool:
    """Tell whether the contact has said yes to what the mail asks for."""
    return any(consent.state == _State.GRANTED for consent in _consents_of(email))


@atomic_with_retries
def confirm(email: Email, *, wording: str, at: datetime) -> bool:
    """Write that the contact said yes to what it was asked, in these words; tell whether it has.
    Told twice, it is done once.
    """
    if email.pk is None:
        return True
    email.contact.lock()
    stances = {
        consent.topic.code: Stance(
            _State.GRANTED, "confirmation", _evidence(email, consent, wording)
        )
        for consent in pending_of(email, at=at)
    }
    record_consents(email.contact, stances, at=at)
    return was_confirmed(email)


def _consents_of(email: Email) -> Sequence[Consent]:
    if email.pk is None:
        return []
    consents = Consent.objects.filter(
        project=email.project, contact=email.contact, topic__code__in=asked_for(email)
    )
    return consents.select_related("topic").order_by("topic__name")


def _evidence(email: Email, consent: Consent, wording: str) -> dict[str, Any]:
    """Return how they said it: the address that the question went to, its words, and how it came to
    the question. Where on the net they were is not ours to keep.
    """
    return {
        "method": "double opt-in",
        "wording": wording,
        "mail_sent_to": email.address,
        "asked_at": email.created_at.isoformat(),
        "requested": {
            "at": consent.at.isoformat(),
            "source": consent.source,
            "evidence": consent.evidence,
        },
    }
