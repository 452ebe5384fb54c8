"""The names by which endpoints subscribe: every public type, wildcards, and older spellings."""

from growth.models import DomainEventType

PING = "ping"
"""What a test sends that asks for no other event; nobody has to subscribe to it."""

TYPES = tuple(type.value for type in DomainEventType if type.is_public)

_SPELLINGS = {
    "survey.response_received": "survey.response.created",
    "referral.link_created": "referral.link.created",
    "referral.link_clicked": "referral.clicked",
    "referral.link.clicked": "referral.clicked",
    "referral.reward_issued": "referral.reward.issued",
    "referral.reward.reversed": "referral.reversed",
    "waitlist.entry_created": "waitlist.entry.created",
    "waitlist.entry_verified": "waitlist.entry.verified",
    "waitlist.entry_approved": "waitlist.entry.approved",
    "email.*": "campaign.email.*",
} | {
    f"email.{name}": f"campaign.email.{name}"
    for name in (
        *("sent", "delivered", "opened", "clicked", "bounced"),
        *("complained", "unsubscribed"),
    )
}

# Documented once, and sent by nobody: an endpoint may name them, and is warned.
_NEVER_SENT = {"survey.nps_promoter", "survey.nps_detractor", "waitlist.position_changed"}
_DOMAINS_NEVER_SENT = ("billing.",)


class UnknownEvent(ValueError):
    """Nothing of this name is ever sent."""


def canonical(name: str) -> str | None:
    """Return the type or wildcard that the name means, or None if it is known and never sent.

    :raises UnknownEvent: if there is no such name.
    """
    name = _SPELLINGS.get(name, name)
    if name in _WILDCARDS or name in TYPES or name == PING:
        return name
    if name in _NEVER_SENT or name.startswith(_DOMAINS_NEVER_SENT):
        return None
    raise UnknownEvent(name)


def patterns_of(type: str) -> list[str]:
    """Return everything an endpoint may have subscribed to that the type belongs to."""
    parts = type.split(".")
    domains = [".".join(parts[:count]) for count in range(1, len(parts))]
    return ["*", *(f"{domain}.*" for domain in domains), type]


def types_of(patterns: list[str]) -> list[str]:
    """Return the types that these types and wildcards stand for."""
    wanted = set(patterns)
    return [type for type in TYPES if wanted.intersection(patterns_of(type))]


_WILDCARDS = {pattern for type in TYPES for pattern in patterns_of(type)[:-1]}
