"""What an operator says of a value, and how texts write times, durations and addresses."""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from contacts.models.addresses import AddressError, email_key, normalize_email, normalize_phone

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(\.\d{1,9})?)?(Z|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
_NUMBER = (int, float, Decimal)


def text_holds(op: str, name: str, text: str, value: Any) -> bool:
    """Tell whether an address, a phone number or an external id meets the operator."""
    match op:
        case "exists":
            return text != ""
        case "eq":
            return _spelled(name, text) == _spelled(name, value)
        case "in":
            return any(text_holds("eq", name, text, each) for each in value)
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


def set_holds(op: str, members: Any, value: Any) -> bool:
    """Tell whether tags or segments meet the operator."""
    match op:
        case "exists":
            return bool(members)
        case "in":
            return any(each in members for each in value)
    return value in members


def value_holds(op: str, actual: Any, value: Any, at: datetime, zone: ZoneInfo) -> bool:
    """Tell whether a value of JSON meets the operator."""
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


def inside(data: dict, path: str) -> Any:
    """Return what is at the end of the path, or None."""
    value: Any = data
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


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
