"""What a rule says of a person, and when time alone changes it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from contacts.oracle.values import (
    inside,
    read_duration,
    read_time,
    set_holds,
    text_holds,
    value_holds,
)

_COMPLEMENTS = {
    "neq": "eq",
    "not_in": "in",
    "not_contains": "contains",
    "not_exists": "exists",
    "not_within_last": "within_last",
}


@dataclass
class Person:
    """All that a rule can look at. An event is its name, its time and its properties."""

    email: str = ""
    phone: str = ""
    external_id: str = ""
    traits: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    created_at: datetime | None = None
    events: list[tuple[str, datetime, dict]] = field(default_factory=list)
    segments: set[str] = field(default_factory=set)
    scores: dict[str, int] = field(default_factory=dict)
    is_deleted: bool = False


def matches(rule: dict, person: Person, *, at: datetime, zone: ZoneInfo) -> bool:
    """Tell whether the person matches the rule."""
    return not person.is_deleted and _holds(rule, person, at, zone)


def flips(
    rule: dict, person: Person, *, at: datetime, zone: ZoneInfo, before: datetime | None = None
) -> datetime | None:
    """Return the first moment after ``at`` at which time alone changes the answer, by trying each
    moment at which it might; ``before`` ends the search.
    """
    moments = {
        moment
        for moment in _candidates(rule, person, zone)
        if moment > at and (before is None or moment < before)
    }
    now = _holds(rule, person, at, zone) if moments else False
    for moment in sorted(moments):
        if _holds(rule, person, moment, zone) != now:
            return moment
    return None


def is_timed(rule: dict) -> bool:
    """Tell whether time alone may change what the rule says of anybody."""
    if "conditions" in rule:
        return any(is_timed(child) for child in rule["conditions"])
    return "window" in rule or "within_last" in rule["op"]


def _holds(node: dict, person: Person, at: datetime, zone: ZoneInfo) -> bool:
    if "conditions" in node:
        answers = [_holds(child, person, at, zone) for child in node["conditions"]]
        return {"AND": all(answers), "OR": any(answers), "NOT": not any(answers)}[node["operator"]]
    op = node["op"]
    if op in _COMPLEMENTS:
        return not _holds({**node, "op": _COMPLEMENTS[op]}, person, at, zone)
    name = node["field"].replace("traits.", "", 1)
    if node["field"].startswith("events."):
        return _counted(node, person, at, zone)
    if node["field"].startswith("scores."):
        score = person.scores.get(node["field"].removeprefix("scores."), 0)
        return value_holds(op, score, node["value"], at, zone)
    if name in ("email", "phone", "external_id"):
        return text_holds(op, name, getattr(person, name), node.get("value"))
    if node["field"] in ("tags", "segments"):
        return set_holds(op, getattr(person, node["field"]), node.get("value"))
    if node["field"] == "created_at":
        return value_holds(op, person.created_at.isoformat(), node["value"], at, zone)
    return value_holds(op, inside(person.traits, name), node.get("value"), at, zone)


def _counted(node: dict, person: Person, at: datetime, zone: ZoneInfo) -> bool:
    count = len(_events(node, person, at, zone))
    value = node.get("value")
    return {
        "exists": count > 0,
        "count_gte": value is not None and count >= value,
        "count_lte": value is not None and count <= value,
        "count_eq": count == value,
    }[node["op"]]


def _events(node: dict, person: Person, at: datetime, zone: ZoneInfo) -> list[datetime]:
    name = node["field"].removeprefix("events.")
    since = at - read_duration(node["window"]) if "window" in node else None
    return [
        time
        for event, time, properties in person.events
        if event == name
        and time <= at
        and (since is None or time > since)
        and ("where" not in node or _filtered(node["where"], properties, at, zone))
    ]


def _filtered(where: dict, properties: dict, at: datetime, zone: ZoneInfo) -> bool:
    if "conditions" in where:
        answers = [_filtered(child, properties, at, zone) for child in where["conditions"]]
        return {"AND": all(answers), "OR": any(answers), "NOT": not any(answers)}[where["operator"]]
    op, name = where["op"], where["field"].removeprefix("properties.")
    if op in _COMPLEMENTS:
        return not _filtered({**where, "op": _COMPLEMENTS[op]}, properties, at, zone)
    return value_holds(op, inside(properties, name), where.get("value"), at, zone)


def _candidates(node: dict, person: Person, zone: ZoneInfo) -> set[datetime]:
    if "conditions" in node:
        return set().union(*(_candidates(child, person, zone) for child in node["conditions"]))
    if "window" in node:
        window = read_duration(node["window"])
        name = node["field"].removeprefix("events.")
        return {time + window for event, time, _ in person.events if event == name}
    if "within_last" in node["op"]:
        if node["field"] == "created_at":
            time = person.created_at
        else:
            time = read_time(inside(person.traits, node["field"].removeprefix("traits.")), zone)
        if time is None or time.year >= 9998:
            return {time} - {None}
        return {time, time + read_duration(node["value"])}
    return set()
