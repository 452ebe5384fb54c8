"""All that is known of one contact, across every part of the system."""

from datetime import datetime
from typing import Any

from contacts.models import Consent, Contact, Event, Membership
from contacts.scores import scores
from contacts.signals import contact_described

RECENT_EVENTS = 10


def profile(contact: Contact, *, at: datetime) -> dict[str, Any]:
    """Return the contact with its scores, segments, consents, latest events, and what other apps
    add.
    """
    memberships = Membership.objects.filter(project=contact.project_id, contact=contact)
    events = Event.objects.filter(project=contact.project_id, contact=contact)
    described: dict[str, Any] = {"referral_stats": {"referrals_made": 0, "conversions": 0}}
    for _, addition in contact_described.send(sender=Contact, contact=contact):
        described |= addition
    return {
        **contact.snapshot(),
        "scores": scores(contact, at=at),
        "segments": list(memberships.order_by("id").values_list("segment_id", flat=True)),
        "consents": _consents(contact),
        "recent_events": [
            event.as_dict() for event in events.order_by("-timestamp", "-id")[:RECENT_EVENTS]
        ],
        **described,
    }


def _consents(contact: Contact) -> list[dict[str, Any]]:
    said = Consent.objects.filter(project=contact.project_id, contact=contact)
    return [
        {
            "topic": consent.topic.code,
            "state": consent.state,
            "source": consent.source,
            "at": consent.at,
        }
        for consent in said.select_related("topic").order_by("id")
    ]
