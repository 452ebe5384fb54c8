"""What is said of a person, in the spelling that is stored: traits, tags and identifiers."""

from typing import Any

from contacts.models.addresses import AddressError, email_key, normalize_email, normalize_phone
from contacts.models.traits import traits_violations
from contacts.operations.people import ANONYMOUS_ID, EMAIL, EXTERNAL_ID, PHONE, Claim, Sighting
from growth.errors import Invalid, Violation

MAX_TAGS = 100
MAX_TAG = 64
MAX_IDENTIFIER = 255


def tidy_tags(tags: Any, field: str = "tags") -> list[str]:
    """Return the tags trimmed, each once, in the order sent.

    :raises Invalid: if they are not a list of at most 100 texts of 1 to 64 characters.
    """
    message = f"Send tags as a list of at most {MAX_TAGS} texts of 1 to {MAX_TAG} characters."
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise Invalid(Violation(field, "invalid", message))
    tidied = list(dict.fromkeys(tag.strip() for tag in tags))
    if len(tidied) > MAX_TAGS or not all(0 < len(tag) <= MAX_TAG for tag in tidied):
        raise Invalid(Violation(field, "invalid", message))
    return tidied


def sighting_by_ids(external_id: str, anonymous_id: str) -> Sighting:
    """Return what is said of a person of whom only ids are told."""
    told = ((EXTERNAL_ID, external_id), (ANONYMOUS_ID, anonymous_id))
    return Sighting(tuple([Claim(kind, value) for kind, value in told if value]))


def make_sighting(
    *,
    external_id: str = "",
    email: str = "",
    phone: str = "",
    anonymous_id: str = "",
    traits: dict[str, Any] | None = None,
    tags: list[str] | None = None,
) -> Sighting:
    """Return what is said of a person, with the addresses in the spelling that is compared.

    A phone number that is not valid is kept as text and is no claim.

    :raises AddressError: if the email is not one.
    """
    address = normalize_email(email) if email else ""
    number = normalize_phone(phone) if phone else None
    claims = [
        (EXTERNAL_ID, external_id),
        (EMAIL, email_key(address)),
        (PHONE, number),
        (ANONYMOUS_ID, anonymous_id),
    ]
    return Sighting(
        claims=tuple(Claim(kind, value) for kind, value in claims if value),
        traits=traits or {},
        email=address,
        phone="" if number else phone,
        tags=tags,
    )


__all__ = ["AddressError", "make_sighting", "sighting_by_ids", "tidy_tags", "traits_violations"]
