"""What a rule is once it has been read: groups of conditions, and what they look at."""

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from typing import Any, TypeAlias

SEGMENT_EVENTS = ("$segment_entered", "$segment_exited")

Scalar: TypeAlias = str | int | float | bool | datetime


class Operator(StrEnum):
    """How a group joins its conditions. NOT holds when none of them does."""

    AND = "AND"
    OR = "OR"
    NOT = "NOT"


class Op(StrEnum):
    """What a condition asks of its field."""

    EQ = "eq"
    NEQ = "neq"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    BETWEEN = "between"
    IN = "in"
    NOT_IN = "not_in"
    CONTAINS = "contains"
    NOT_CONTAINS = "not_contains"
    STARTS_WITH = "starts_with"
    EXISTS = "exists"
    NOT_EXISTS = "not_exists"
    WITHIN_LAST = "within_last"
    NOT_WITHIN_LAST = "not_within_last"
    COUNT_GTE = "count_gte"
    COUNT_LTE = "count_lte"
    COUNT_EQ = "count_eq"

    @property
    def denied(self) -> "Op | None":
        """The operator of which this one is the exact complement, if it is one."""
        return _COMPLEMENTS.get(self)


_COMPLEMENTS = {
    Op.NEQ: Op.EQ,
    Op.NOT_IN: Op.IN,
    Op.NOT_CONTAINS: Op.CONTAINS,
    Op.NOT_EXISTS: Op.EXISTS,
    Op.NOT_WITHIN_LAST: Op.WITHIN_LAST,
}


class Kind(Enum):
    """What sort of thing a field is, which decides what may be asked of it."""

    TRAIT = "traits"
    PROPERTY = "properties"
    TEXT = "text"  # email, phone, external_id
    TAGS = "tags"
    TIME = "time"  # created_at
    EVENT = "events"
    SEGMENTS = "segments"
    SCORE = "scores"  # scores.engagement, scores.lead


@dataclasses.dataclass(frozen=True)
class Field:
    """What a condition looks at. ``path`` is its name, in parts where it leads into an object."""

    kind: Kind
    path: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name, or its first part."""
        return self.path[0]


@dataclasses.dataclass(frozen=True)
class Condition:
    """One question. ``value`` is what the operator compares with: a scalar, several, a duration, or
    nothing. ``where`` says which events count, ``window`` how far back they are looked for.
    ``path`` is the condition's place in the JSON.
    """

    field: Field
    op: Op
    value: Any = None
    window: timedelta | None = None
    where: "Node | None" = None
    path: str = dataclasses.field(default="", compare=False)


@dataclasses.dataclass(frozen=True)
class Group:
    """Conditions and groups, joined."""

    operator: Operator
    children: tuple["Node", ...]


Node: TypeAlias = Group | Condition


def conditions(node: Node) -> Iterator[Condition]:
    """Yield the conditions of the tree, without those that filter events."""
    if isinstance(node, Condition):
        yield node
    else:
        for child in node.children:
            yield from conditions(child)


def mentions(rule: Node) -> set[str]:
    """Return what the rule looks at, in the words in which changes are told."""
    found = {_mention(condition) for condition in conditions(rule)}
    others = {f"segments.{each.id}" for each in segments_of(rule) if each.is_membership}
    return found | others


@dataclasses.dataclass(frozen=True)
class Look:
    """A rule's look at another segment: at who is in it, or at who entered or left it."""

    id: str
    path: str
    is_membership: bool


def segments_of(rule: Node) -> list[Look]:
    """Return the looks that the rule has at segments."""
    looks: list[Look] = []
    for condition in conditions(rule):
        is_membership = condition.field.kind is Kind.SEGMENTS
        named = condition if is_membership else _entries(condition)
        if named is not None:
            looks += [Look(id, f"{named.path}.value", is_membership) for id in _several(named)]
    return looks


def named_segment(where: Node) -> Condition | None:
    """Return the filter by which only the events of named segments count, if there is one."""
    if isinstance(where, Condition):
        is_named = where.field.path == ("segment_id",) and where.op in (Op.EQ, Op.IN)
        return where if is_named else None
    if where.operator is not Operator.AND:
        return None
    found = (named_segment(child) for child in where.children if isinstance(child, Condition))
    return next((each for each in found if each), None)


def _entries(condition: Condition) -> Condition | None:
    if condition.field.name not in SEGMENT_EVENTS or condition.where is None:
        return None
    return named_segment(condition.where)


def _mention(condition: Condition) -> str:
    field = condition.field
    if field.kind in (Kind.TRAIT, Kind.EVENT, Kind.SCORE):
        return f"{field.kind.value}.{field.name}"
    return field.name


def _several(condition: Condition) -> list[str]:
    value = condition.value
    return [str(each) for each in (value if isinstance(value, tuple) else (value,))]
