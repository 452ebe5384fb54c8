"""The names of a person, which follow each other, and of whom they work for."""

from collections.abc import Mapping
from typing import Any, NamedTuple

PARTS = ("first_name", "last_name")


class Names(NamedTuple):
    """What a person is called; empty where nobody said."""

    first: str
    last: str
    whole: str


def names_of(traits: Mapping[str, Any]) -> Names:
    """Return the names that the traits tell: parts from the whole, or the whole from its parts."""
    first, last, whole = (_text(traits.get(name)) for name in (*PARTS, "name"))
    joined = " ".join(filter(None, (first, last)))
    if not joined:
        first, _, last = whole.partition(" ")
    return Names(first, last.strip(), whole or joined)


def renamed(traits: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the traits that make the names what is said of some of them; None removes one.

    A whole name alone is parted at its first space; parts without it make the whole.
    """
    if not said.keys() & {*PARTS, "name"}:
        return {}
    if not said.keys() & set(PARTS):
        whole = _text(said["name"])
        first, _, last = whole.partition(" ")
        return _or_none(first_name=first, last_name=last.strip(), name=whole)
    before = names_of(traits)
    first = _text(said["first_name"]) if "first_name" in said else before.first
    last = _text(said["last_name"]) if "last_name" in said else before.last
    whole = _text(said.get("name")) or " ".join(filter(None, (first, last)))
    return _or_none(first_name=first, last_name=last, name=whole)


def company_of(traits: Mapping[str, Any]) -> str:
    """Return the name of the company; the trait ``company`` may be its name, or an object."""
    company = traits.get("company")
    other = company.get("name") if isinstance(company, dict) else company
    return _text(traits.get("company_name")) or _text(other)


def employed(company: str | None) -> dict[str, Any]:
    """Return the traits that make this the company; with none, no trait names one any more."""
    return {"company_name": company} if company else {"company_name": None, "company": None}


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _or_none(**texts: str) -> dict[str, Any]:
    return {name: text or None for name, text in texts.items()}
