"""What may be stored of a person: the limits of traits, tags and identifiers."""

from collections.abc import Iterator
from typing import Any

import orjson

from contacts.models.addresses import AddressError, email_key, normalize_email, normalize_phone
from contacts.operations.people import EMAIL, EXTERNAL_ID, PHONE, Claim, Sighting
from growth.errors import Invalid, Violation

MAX_TRAITS = 200
MAX_BYTES = 64 * 1024
MAX_DEPTH = 5
MAX_NAME = 255
MAX_TAGS = 100
MAX_TAG = 64
MAX_IDENTIFIER = 255


def traits_violations(traits: Any, field: str = "traits") -> Iterator[Violation]:
    """Yield what is wrong with the traits, which may be anything that JSON can say."""
    if not isinstance(traits, dict):
        yield Violation(field, "invalid", "Send traits as a JSON object.")
        return
    if len(traits) > MAX_TRAITS:
        yield Violation(field, "too_many", f"Send {MAX_TRAITS} traits at most.")
    for name in traits:
        if not name or len(name) > MAX_NAME or "." in name:
            yield Violation(
                f"{field}.{name[:40]}",
                "invalid_name",
                f"Name a trait in 1 to {MAX_NAME} characters without a dot; rules use dots.",
            )
    if len(orjson.dumps(traits)) > MAX_BYTES:
        yield Violation(field, "too_large", f"Send {MAX_BYTES // 1024} KB of traits at most.")
    if _depth(traits) > MAX_DEPTH:
        yield Violation(field, "too_deep", f"Nest traits {MAX_DEPTH} levels deep at most.")


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
        ("anonymous_id", anonymous_id),
    ]
    return Sighting(
        claims=tuple(Claim(kind, value) for kind, value in claims if value),
        traits=traits or {},
        email=address,
        phone="" if number else phone,
        tags=tags,
    )


def _depth(data: Any) -> int:
    if isinstance(data, dict):
        return 1 + max(map(_depth, data.values()), default=0)
    if isinstance(data, list):
        return 1 + max(map(_depth, data), default=0)
    return 0


__all__ = ["AddressError", "make_sighting", "tidy_tags", "traits_violations"]
