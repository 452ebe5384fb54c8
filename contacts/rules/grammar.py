"""Reads a rule, and refuses it with the path of its first wrong part."""

from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from enum import StrEnum
from typing import Any

from contacts.rules.tree import (
    SEGMENT_EVENTS,
    Condition,
    Field,
    Group,
    Kind,
    Node,
    Op,
    Operator,
    named_segment,
)
from contacts.rules.values import ValueReader, read_duration, read_text, refuse

MAX_DEPTH = 8
MAX_CONDITIONS = 50
MAX_FIELD = 512
MAX_EVENT_NAME = 256

_EQUALITY = (Op.EQ, Op.NEQ, Op.IN, Op.NOT_IN)
_ORDER = (Op.GT, Op.GTE, Op.LT, Op.LTE, Op.BETWEEN)
_TEXT = (Op.CONTAINS, Op.NOT_CONTAINS, Op.STARTS_WITH)
_PRESENCE = (Op.EXISTS, Op.NOT_EXISTS)
_RECENCY = (Op.WITHIN_LAST, Op.NOT_WITHIN_LAST)
_COUNTS = (Op.COUNT_GTE, Op.COUNT_LTE, Op.COUNT_EQ)
_SET = (*_EQUALITY, Op.CONTAINS, Op.NOT_CONTAINS)

OPS: dict[Kind, tuple[Op, ...]] = {
    Kind.TRAIT: (*_EQUALITY, *_ORDER, *_TEXT, *_PRESENCE, *_RECENCY),
    Kind.PROPERTY: (*_EQUALITY, *_ORDER, *_TEXT, *_PRESENCE),
    Kind.TEXT: (*_EQUALITY, *_TEXT, *_PRESENCE),
    Kind.TAGS: (*_SET, *_PRESENCE),
    Kind.TIME: (Op.EQ, Op.NEQ, *_ORDER, *_RECENCY),
    Kind.EVENT: (*_COUNTS, *_PRESENCE),
    Kind.SEGMENTS: _SET,
    Kind.SCORE: (*_EQUALITY, *_ORDER),
}
_COLUMNS = {
    "email": Field(Kind.TEXT, ("email",)),
    "phone": Field(Kind.TEXT, ("phone",)),
    "external_id": Field(Kind.TEXT, ("external_id",)),
    "tags": Field(Kind.TAGS, ("tags",)),
    "created_at": Field(Kind.TIME, ("created_at",)),
    "segments": Field(Kind.SEGMENTS, ("segments",)),
    "scores.engagement": Field(Kind.SCORE, ("engagement",)),
    "scores.lead": Field(Kind.SCORE, ("lead",)),
}
_KEPT_BESIDE_TRAITS = ("email", "phone", "external_id")
_FIELDS = (
    "traits.<name>, email, phone, external_id, tags, created_at, events.<name>, segments, "
    "scores.engagement or scores.lead"
)


def parse(data: Any, *, zone: tzinfo, path: str = "rules") -> Group:
    """Return the rule that the JSON writes; days begin in the zone.

    :raises Invalid: naming the first part that is wrong, by its place below ``path``.
    """
    return _Reader(zone).group(data, path, 1)


def parse_where(data: Any, *, zone: tzinfo, path: str = "where") -> Node:
    """Return the filter of event properties that the JSON writes.

    :raises Invalid: naming the first part that is wrong, by its place below ``path``.
    """
    return _Reader(zone, in_event=True).node(data, path, 1)


def parse_filter(data: Any, *, zone: tzinfo, path: str = "filters") -> Node:
    """Return the filter of events that the JSON writes: of their properties, and of who did them.

    :raises Invalid: naming the first part that is wrong, by its place below ``path``.
    """
    return _Reader(zone, in_event=True, of_contact=True).node(data, path, 1)


@dataclass
class _Reader:
    zone: tzinfo
    in_event: bool = False
    of_contact: bool = False
    found: list[str] = field(default_factory=list)

    def node(self, data: Any, path: str, depth: int) -> Node:
        if isinstance(data, dict) and ("conditions" in data or "operator" in data):
            return self.group(data, path, depth)
        return self._condition(data, path, depth)

    def group(self, data: Any, path: str, depth: int) -> Group:
        if depth > MAX_DEPTH:
            refuse(path, "too_deep", f"Nest groups {MAX_DEPTH} levels deep at most.")
        _require_keys(data, path, required=("operator", "conditions"))
        operator = _choice(data["operator"], Operator, _join(path, "operator"))
        children, inner = data["conditions"], _join(path, "conditions")
        if not isinstance(children, list) or not children:
            refuse(inner, "required", "Send a list of at least one condition.")
        return Group(
            operator,
            tuple(self.node(each, f"{inner}[{i}]", depth + 1) for i, each in enumerate(children)),
        )

    def _condition(self, data: Any, path: str, depth: int) -> Condition:
        self._count(path)
        _require_keys(data, path, required=("field", "op"), allowed=("value", "window", "where"))
        subject = self._field(data["field"], _join(path, "field"))
        op = _op(data["op"], subject, _join(path, "op"))
        condition = Condition(
            field=subject,
            op=op,
            value=self._value(data, subject, op, _join(path, "value")),
            window=_window(data, subject, _join(path, "window")),
            where=self._where(data, subject, _join(path, "where"), depth),
            path=path,
        )
        _require_named_segment(condition)
        return condition

    def _count(self, path: str) -> None:
        self.found.append(path)
        if len(self.found) > MAX_CONDITIONS:
            refuse(path, "too_many", f"A rule has {MAX_CONDITIONS} conditions at most.")

    def _field(self, name: Any, path: str) -> Field:
        name = read_text(name, path, MAX_FIELD)
        subject = _property(name) if self.in_event else None
        if subject is None and (self.of_contact or not self.in_event):
            subject = _field(name)
        if subject is None or not all(subject.path):
            known = self._known()
            refuse(path, "unknown_field", f"There is no such field; name {known}.")
        if subject.kind is Kind.EVENT:
            read_text(subject.name, path, MAX_EVENT_NAME)
        return subject

    def _known(self) -> str:
        if not self.in_event:
            return _FIELDS
        return f"properties.<name>, {_FIELDS}" if self.of_contact else "properties.<name>"

    def _value(self, data: dict[str, Any], subject: Field, op: Op, path: str) -> Any:
        value = data.get("value")
        if op in _PRESENCE:
            if value is not None:
                refuse(path, "unknown_field", f"The operator {op} takes no value.")
            return None
        if value is None:
            refuse(path, "required", f"The operator {op} needs a value.")
        return ValueReader(self.zone, subject.kind).read(op, value, path)

    def _where(self, data: dict[str, Any], subject: Field, path: str, depth: int) -> Node | None:
        if data.get("where") is None:
            return None
        if subject.kind is not Kind.EVENT:
            refuse(path, "unknown_field", "Only conditions on events have a where.")
        inner = _Reader(self.zone, in_event=True, found=self.found)
        return inner.node(data["where"], path, depth + 1)


def _field(name: str) -> Field | None:
    root, _, rest = name.partition(".")
    if root == "events":
        return Field(Kind.EVENT, (rest,))
    if root != "traits":
        return _COLUMNS.get(name)
    if rest in _KEPT_BESIDE_TRAITS:
        return _COLUMNS[rest]
    return Field(Kind.TRAIT, tuple(rest.split(".")))


def _property(name: str) -> Field | None:
    root, _, rest = name.partition(".")
    return Field(Kind.PROPERTY, tuple(rest.split("."))) if root == "properties" else None


def _op(name: Any, subject: Field, path: str) -> Op:
    op: Op = _choice(name, Op, path)
    if op not in OPS[subject.kind]:
        allowed = ", ".join(OPS[subject.kind])
        refuse(path, "invalid_choice", f"This field takes the operators {allowed}.")
    return op


def _window(data: dict[str, Any], subject: Field, path: str) -> timedelta | None:
    if data.get("window") is None:
        return None
    if subject.kind is not Kind.EVENT:
        refuse(path, "unknown_field", "Only conditions on events have a window.")
    return read_duration(data["window"], path)


def _require_named_segment(condition: Condition) -> None:
    """Refuse to look at every segment's entries at once: the rule's own would be among them."""
    if condition.field.kind is not Kind.EVENT or condition.field.name not in SEGMENT_EVENTS:
        return
    if condition.where is None or named_segment(condition.where) is None:
        path = _join(condition.path, "where")
        message = "Name the segments that are meant: properties.segment_id, with eq or in."
        refuse(path, "required", message)


def _require_keys(
    data: Any, path: str, *, required: tuple[str, ...], allowed: tuple[str, ...] = ()
) -> None:
    if not isinstance(data, dict):
        refuse(path, "invalid", f"Send a JSON object with {' and '.join(required)}.")
    for key in data:
        if key not in (*required, *allowed):
            message = "There is no such field; check its spelling."
            refuse(_join(path, key), "unknown_field", message)
    for key in required:
        if data.get(key) is None:
            refuse(_join(path, key), "required", "This field is required.")


def _choice(value: Any, choices: type[StrEnum], path: str) -> Any:
    if value not in list(choices):
        refuse(path, "invalid_choice", f"Choose one of {', '.join(choices)}.")
    return choices(value)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
