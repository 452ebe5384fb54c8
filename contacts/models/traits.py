"""What may be stored of a person: the limits of traits."""

from collections.abc import Iterator
from typing import Any

import orjson

from growth.errors import Violation

MAX_TRAITS = 200
MAX_BYTES = 64 * 1024
MAX_DEPTH = 5
MAX_NAME = 255


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


def growth_violations(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Violation]:
    """Yield what is wrong with traits that have become these, of many calls that were right each.

    Traits that are over a limit already, as those of merged contacts may be, must not grow.
    """
    if len(after) > max(MAX_TRAITS, len(before)):
        yield Violation("traits", "too_many", f"A contact has {MAX_TRAITS} traits at most.")
    size = len(orjson.dumps(after))
    if size > MAX_BYTES and size > len(orjson.dumps(before)):
        message = f"A contact has {MAX_BYTES // 1024} KB of traits at most."
        yield Violation("traits", "too_large", message)


def fitting(traits: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Return those of the other traits for which there is room beside these."""
    kept: dict[str, Any] = {}
    size = len(orjson.dumps(traits))
    for name, value in more.items():
        own = len(orjson.dumps({name: value}))
        if len(traits) + len(kept) < MAX_TRAITS and size + own <= MAX_BYTES:
            kept[name] = value
            size += own
    return kept


def _depth(data: Any) -> int:
    if isinstance(data, dict):
        return 1 + max(map(_depth, data.values()), default=0)
    if isinstance(data, list):
        return 1 + max(map(_depth, data), default=0)
    return 0
