"""Pieces of SQL that carry their parameters with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any


@dataclass(frozen=True)
class Sql:
    """A piece of SQL, and the values of its placeholders in their order."""

    text: str
    params: tuple[Any, ...] = ()


TRUE = Sql("true")


def sql(template: str, *parts: Any) -> Sql:
    """Return the template with its ``{}`` filled: SQL is spliced in, all else becomes a parameter.

    The template is ours, never a caller's.
    """
    return Sql(
        template.format(*(part.text if isinstance(part, Sql) else "%s" for part in parts)),
        tuple(chain.from_iterable(p.params if isinstance(p, Sql) else (p,) for p in parts)),
    )


def joined(separator: str, parts: Sequence[Sql]) -> Sql:
    """Return the parts with the separator between them."""
    return Sql(
        separator.join(part.text for part in parts),
        tuple(chain.from_iterable(part.params for part in parts)),
    )


def all_of(parts: Sequence[Sql]) -> Sql:
    """Return what is true if all parts are."""
    return joined(" AND ", [sql("({})", part) for part in parts]) if parts else TRUE
