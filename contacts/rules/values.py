"""The values that conditions compare with: what each operator takes of each kind of field."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from math import isfinite
from typing import Any, NoReturn

from contacts.rules.times import read_time
from contacts.rules.tree import Kind, Op, Scalar
from growth import durations
from growth.errors import Invalid, Violation

MAX_VALUES = 1000
MAX_TEXT = 1000
MAX_COUNT = 1_000_000
MAX_INTEGER = 2**63

_Read = Callable[[Any, str], Any]


@dataclass(frozen=True)
class ValueReader:
    """Reads the values of conditions on one kind of field. Dates without an offset mean the zone's.

    A text that is an ISO 8601 date is a date wherever two values are compared; ``contains`` and
    ``starts_with`` take it as text.
    """

    zone: tzinfo
    kind: Kind

    def read(self, op: Op, value: Any, path: str) -> Any:
        """Return the value as the operator compares it.

        :raises Invalid: if the operator cannot compare the field with such a value.
        """
        return self._readers()[op](value, path)

    def _readers(self) -> dict[Op, _Read]:
        holds_json = self.kind in (Kind.TRAIT, Kind.PROPERTY)
        own: _Read | None = {Kind.TIME: self._time, Kind.SCORE: _number}.get(self.kind)
        one: _Read = own or (self._scalar if holds_json else read_text)
        ordered = own or self._comparable
        return {
            **dict.fromkeys((Op.EQ, Op.NEQ), one),
            **dict.fromkeys((Op.IN, Op.NOT_IN), lambda value, path: _list(value, path, one)),
            **dict.fromkeys((Op.GT, Op.GTE, Op.LT, Op.LTE), ordered),
            Op.BETWEEN: lambda value, path: _range(value, path, ordered),
            **dict.fromkeys((Op.CONTAINS, Op.NOT_CONTAINS), _plain if holds_json else read_text),
            Op.STARTS_WITH: read_text,
            **dict.fromkeys((Op.WITHIN_LAST, Op.NOT_WITHIN_LAST), read_duration),
            **dict.fromkeys((Op.COUNT_GTE, Op.COUNT_LTE, Op.COUNT_EQ), _whole_number),
        }

    def _scalar(self, value: Any, path: str) -> Scalar:
        if value == "":
            return ""
        plain = _plain(value, path)
        return (read_time(plain, self.zone) or plain) if isinstance(plain, str) else plain

    def _comparable(self, value: Any, path: str) -> Scalar:
        scalar = self._scalar(value, path)
        if isinstance(scalar, bool | str):
            refuse(path, "invalid", "Send a number, or an ISO 8601 date such as 2026-01-31.")
        return scalar

    def _time(self, value: Any, path: str) -> Scalar:
        scalar = self._scalar(value, path)
        if not isinstance(scalar, datetime):
            refuse(path, "invalid", "Send an ISO 8601 date or time, such as 2026-01-31.")
        return scalar


def read_duration(value: Any, path: str) -> timedelta:
    """Return the duration, which is above zero.

    :raises Invalid: if it is none.
    """
    try:
        duration = durations.parse(value)
    except ValueError as error:
        refuse(path, "invalid", str(error))
    if not duration:
        refuse(path, "invalid", "Send a duration above zero.")
    return duration


def read_text(value: Any, path: str, limit: int = MAX_TEXT) -> str:
    """Return the text, which can be stored.

    :raises Invalid: if it is empty, longer than the limit, or not a text at all.
    """
    if not isinstance(value, str) or not value:
        refuse(path, "invalid", "Send a text.")
    if len(value) > limit:
        refuse(path, "too_long", f"Send {limit} characters at most.")
    if "\0" in value:
        refuse(path, "invalid_character", "Remove the NUL character (\\u0000).")
    return value


def refuse(path: str, reason: str, message: str) -> NoReturn:
    """Refuse the part of the rule at the path.

    :raises Invalid: always.
    """
    raise Invalid(Violation(path, reason, message))


def _plain(value: Any, path: str) -> Scalar:
    if isinstance(value, int) and abs(value) >= MAX_INTEGER:
        refuse(path, "out_of_range", "Whole numbers must fit into 64 bits.")
    if isinstance(value, int) or (isinstance(value, float) and isfinite(value)):
        return value
    if not isinstance(value, str):
        refuse(path, "invalid", "Send a text, a number, true or false.")
    return read_text(value, path)


def _number(value: Any, path: str) -> int | float:
    number = _plain(value, path)
    if isinstance(number, bool | str | datetime):
        refuse(path, "invalid", "Send a number.")
    return number


def _whole_number(value: Any, path: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_COUNT:
        refuse(path, "invalid", f"Send a whole number from 0 to {MAX_COUNT}.")
    return value


def _list(value: Any, path: str, read: _Read) -> tuple[Any, ...]:
    if not isinstance(value, list) or not value:
        refuse(path, "invalid", "Send a list of at least one value.")
    if len(value) > MAX_VALUES:
        refuse(path, "too_many", f"Send {MAX_VALUES} values at most.")
    return tuple(read(each, f"{path}[{index}]") for index, each in enumerate(value))


def _range(value: Any, path: str, read: _Read) -> tuple[Any, Any]:
    if not isinstance(value, list) or len(value) != 2:
        refuse(path, "invalid", "Send the lowest and the highest value, as a list of two.")
    low, high = (read(each, f"{path}[{index}]") for index, each in enumerate(value))
    if isinstance(low, datetime) != isinstance(high, datetime):
        refuse(path, "invalid", "Send two numbers or two dates.")
    if low > high:
        refuse(path, "invalid", "Send the lowest value first.")
    return low, high
