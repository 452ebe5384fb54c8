"""The names of a person, who may be known by the whole or by its parts."""

from collections.abc import Mapping
from typing import Any


def first_and_last(traits: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the two names; where only the whole is known it ends at its first space."""
    first, last = traits.get("first_name"), traits.get("last_name")
    whole = traits.get("name") or traits.get("full_name")
    if first is not None or last is not None or not isinstance(whole, str):
        return first, last
    head, _, tail = whole.partition(" ")
    return head, tail.strip() or None


def whole_name(traits: Mapping[str, Any]) -> Any:
    """Return the name that the person goes by."""
    known = traits.get("name") or traits.get("full_name")
    return known or joined(traits.get("first_name"), traits.get("last_name"))


def joined(first: Any, last: Any) -> str | None:
    """Return both names in one."""
    return " ".join(str(part).strip() for part in (first, last) if part) or None
