"""What a rule says of a person, by the plainest Python there is: what the SQL is measured against,
in tests and by ``manage.py audit``.

It reads the JSON of the rule itself, and shares only the spelling of addresses with the system.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from contacts.models.addresses import AddressError, email_key, normalize_email, normalize_phone

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_COMPLEMENTS = {
    "neq": "eq",
    "not_in": "in",
    "not_contains": "contains",
    "not_exists": "exists",
    "not_within_last": "within_last",
}
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(\.\d{1,9})?)?(Z|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)


_EARNED = {
    "page": 1,
    "screen": 1,
    "$email_opened": 2,
    "$email_clicked": 5,
    "$referral_converted": 10,
    "$survey_responded": 10,
}
_KNOWN = {"name": 10, "company": 15, "title": 10, "plan": 10}
MILESTONES = {"$email_clicked": 5, "$survey_responded": 10, "$referral_converted": 10}
"""What the lead score gives for events that happened once or more."""

_NEWEST = 1000
_NUMBER = (int, float, Decimal)


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


def engagement(person: Person, *, at: datetime, zone: ZoneInfo) -> int:
    """Return what the person's last thirty days are worth, by the rules as they are documented."""
    earned: dict[str, int] = {}
    past = sorted((event for event in person.events if event[1] <= at), key=lambda event: event[1])
    today = at.astimezone(zone).date()
    for name, time, _ in past[-_NEWEST:]:
        days = (today - time.astimezone(zone).date()).days
        points = _EARNED.get(name, 0 if name.startswith("$") else 5)
        if days < 30:
            earned[name] = earned.get(name, 0) + points * (30 - days)
    return min(100, sum(min(50, points // 30) for points in earned.values()))


def lead(person: Person) -> int:
    """Return what is known of the person, and what they ever reached, in points."""
    known = sum(points for name, points in _KNOWN.items() if person.traits.get(name))
    names = {name for name, _, _ in person.events}
    reached = sum(points for name, points in MILESTONES.items() if name in names)
    return min(100, known + reached + (20 if person.email else 0) + (10 if person.phone else 0))


def read_time(value: Any, zone: ZoneInfo) -> datetime | None:
    """Return the moment that an ISO 8601 text writes."""
    match = _ISO.fullmatch(value) if isinstance(value, str) else None
    if not match or match[1] < "1000":
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    offset = match[8]
    if offset and offset != "Z" and int(offset[1:3]) > 14:
        return None
    try:
        naive = datetime(year, month, day, hour, minute, second)
        minutes = int(offset[3:].lstrip(":") or 0) if offset and offset != "Z" else 0
        if minutes > 59:
            return None
    except ValueError:
        return None
    naive += timedelta(microseconds=round(float(match[7] or 0) * 1_000_000))
    if offset == "Z":
        return naive.replace(tzinfo=UTC)
    if offset:
        sign = -1 if offset[0] == "-" else 1
        distance = timedelta(hours=int(offset[1:3]), minutes=minutes)
        return naive.replace(tzinfo=timezone(sign * distance))
    try:
        return max(naive.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    except OverflowError:  # in the last hours of the year 9999
        return datetime.max.replace(tzinfo=UTC)


def read_duration(text: str) -> timedelta:
    """Return the duration that the text writes."""
    return timedelta(seconds=int(text[:-1]) * _UNITS[text[-1]])


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
        return _value_holds(op, score, node["value"], at, zone)
    if name in ("email", "phone", "external_id"):
        return _text_holds(op, name, getattr(person, name), node.get("value"))
    if node["field"] in ("tags", "segments"):
        return _set_holds(op, getattr(person, node["field"]), node.get("value"))
    if node["field"] == "created_at":
        return _value_holds(op, person.created_at.isoformat(), node["value"], at, zone)
    return _value_holds(op, _inside(person.traits, name), node.get("value"), at, zone)


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
    return _value_holds(op, _inside(properties, name), where.get("value"), at, zone)


def _text_holds(op: str, name: str, text: str, value: Any) -> bool:
    match op:
        case "exists":
            return text != ""
        case "eq":
            return _spelled(name, text) == _spelled(name, value)
        case "in":
            return any(_text_holds("eq", name, text, each) for each in value)
        case "contains":
            return _low(value) in _low(text)
    return _low(text).startswith(_low(value))


def _spelled(name: str, text: str) -> str:
    if name == "phone":
        return normalize_phone(text) or text
    if name == "external_id":
        return text
    try:
        return email_key(normalize_email(text))
    except AddressError:
        return text.lower()


def _low(text: str) -> str:
    """Return the text in lower case, letter by letter as PostgreSQL does it."""
    return text.lower() if text.isascii() else "".join(map(_low_letter, text))


def _low_letter(letter: str) -> str:
    low = letter.lower()
    return low if len(low) == 1 else letter


def _set_holds(op: str, members: Any, value: Any) -> bool:
    match op:
        case "exists":
            return bool(members)
        case "in":
            return any(each in members for each in value)
    return value in members


def _value_holds(op: str, actual: Any, value: Any, at: datetime, zone: ZoneInfo) -> bool:
    match op:
        case "exists":
            return actual is not None
        case "eq":
            return _equal(actual, value, zone)
        case "in":
            return any(_equal(actual, each, zone) for each in value)
        case "contains":
            if isinstance(actual, list):
                return any(_same(each, value) for each in actual)
            both = isinstance(actual, str) and isinstance(value, str)
            return both and _low(value) in _low(actual)
        case "starts_with":
            return isinstance(actual, str) and _low(actual).startswith(_low(value))
        case "within_last":
            time = read_time(actual, zone)
            return time is not None and at - read_duration(value) < time <= at
        case "between":
            low, high = value
            return _ordered("gte", actual, low, zone) and _ordered("lte", actual, high, zone)
    return _ordered(op, actual, value, zone)


def _ordered(op: str, actual: Any, value: Any, zone: ZoneInfo) -> bool:
    left, right = _comparable(actual, zone), _comparable(value, zone)
    if left is None or right is None or isinstance(left, datetime) != isinstance(right, datetime):
        return False
    return {
        "gt": left > right,
        "gte": left >= right,
        "lt": left < right,
        "lte": left <= right,
    }[op]


def _comparable(value: Any, zone: ZoneInfo) -> Any:
    if isinstance(value, _NUMBER) and not isinstance(value, bool):
        return _decimal(value)
    return read_time(value, zone)


def _equal(actual: Any, value: Any, zone: ZoneInfo) -> bool:
    if time := read_time(value, zone):
        return read_time(actual, zone) == time
    return _same(actual, value)


def _same(actual: Any, value: Any) -> bool:
    if isinstance(actual, bool) or isinstance(value, bool):
        return actual is value
    if isinstance(actual, _NUMBER) and isinstance(value, _NUMBER):
        return _decimal(actual) == _decimal(value)
    return isinstance(actual, str) and isinstance(value, str) and actual == value


def _decimal(number: int | float | Decimal) -> Decimal:
    return number if isinstance(number, Decimal) else Decimal(repr(number))


def _inside(data: dict, path: str) -> Any:
    value: Any = data
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


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
            time = read_time(_inside(person.traits, node["field"].removeprefix("traits.")), zone)
        if time is None or time.year >= 9998:
            return {time} - {None}
        return {time, time + read_duration(node["value"])}
    return set()
