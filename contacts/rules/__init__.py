"""The grammar of segment rules: JSON in, a frozen tree out. It knows no tables."""

from contacts.rules.grammar import parse, parse_filter, parse_where
from contacts.rules.tree import (
    SEGMENT_EVENTS,
    Condition,
    Field,
    Group,
    Kind,
    Look,
    Node,
    Op,
    Operator,
    conditions,
    mentions,
    segments_of,
)

__all__ = [
    "SEGMENT_EVENTS",
    "Condition",
    "Field",
    "Group",
    "Kind",
    "Look",
    "Node",
    "Op",
    "Operator",
    "conditions",
    "mentions",
    "parse",
    "parse_filter",
    "parse_where",
    "segments_of",
]
