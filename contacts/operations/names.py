"""The names of a person, which follow each other, and of whom they work for."""

from collections.abc import Mapping
from typing import Any, NamedTuple

PARTS = ("first_name", "last_name")
WHOLES = ("name", "full_name")
MAX_NAME = 1000
"""So many letters may any of the names have, and a title."""


class Names(NamedTuple):
    """What a person is called; empty where nobody said."""

    first: str
    last: str
    whole: str


def names_of(traits: Mapping[str, Any]) -> Names:
    """Return the names that the traits tell: parts from the whole, or the whole from its parts."""
    first, last, name, full_name = (_text(traits.get(each)) for each in (*PARTS, *WHOLES))
    whole = name or full_name
    joined = " ".join(filter(None, (first, last)))
    if not joined:
        first, _, last = whole.partition(" ")
    return Names(first, last.strip(), whole or joined)


def renamed(traits: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the traits that make the names what is said of some of them; None removes one.

    A whole name alone is parted at its first space; parts without it make the whole. Who has a full
    name beside it, which may be longer, goes by the new name in both.
    """
    told = {name: _text(value) for name, value in said.items() if name in WHOLES}
    whole = told.get("name") or told.get("full_name")
    if told == {"full_name": ""}:
        return {"full_name": None}
    if not (told or said.keys() & set(PARTS)):
        return {}
    patch = _parted(traits, said, whole or "")
    if "full_name" in told:
        patch["full_name"] = told["full_name"] or None
    elif traits.get("full_name") and patch["name"] != names_of(traits).whole:
        patch["full_name"] = patch["name"]
    return patch


def _parted(
    traits: Mapping[str, Any], said: Mapping[str, Any], whole: str
) -> dict[str, str | None]:
    if not said.keys() & set(PARTS):
        first, _, last = whole.partition(" ")
        return _or_none(first_name=first, last_name=last.strip(), name=whole)
    before = names_of(traits)
    first = _text(said["first_name"]) if "first_name" in said else before.first
    last = _text(said["last_name"]) if "last_name" in said else before.last
    whole = whole or " ".join(filter(None, (first, last)))
    return _or_none(first_name=first, last_name=last, name=whole)


def company_of(traits: Mapping[str, Any]) -> str:
    """Return the name of the company; the trait ``company`` may be its name, or an object."""
    company = traits.get("company")
    other = company.get("name") if isinstance(company, dict) else company
    return _text(traits.get("company_name")) or _text(other)


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _or_none(**texts: str) -> dict[str, str | None]:
    return {name: text or None for name, text in texts.items()}
