"""The grammar of segment rules: JSON in, a frozen tree out. It knows no tables."""

from contacts.rules.grammar import parse
from contacts.rules.tree import (
    Condition,
    Field,
    Group,
    Kind,
    Node,
    Op,
    Operator,
    conditions,
    mentions,
    segments_of,
)

__all__ = [
    "Condition",
    "Field",
    "Group",
    "Kind",
    "Node",
    "Op",
    "Operator",
    "conditions",
    "mentions",
    "parse",
    "segments_of",
]
