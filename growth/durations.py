"""Durations as the API writes them: ``30m``, ``2h``, ``7d``, ``1w``."""

import re
from datetime import timedelta

LONGEST = timedelta(days=366)

_PATTERN = re.compile(r"([0-9]{1,9})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse(text: object) -> timedelta:
    """Return the duration that the text writes; a day is 24 hours.

    :raises ValueError: if it is not a whole number followed by s, m, h, d or w, or is over 366
        days.
    """
    match = _PATTERN.fullmatch(text) if isinstance(text, str) else None
    if not match:
        raise ValueError("Write a duration as a whole number and a unit, such as 30m, 2h or 7d.")
    number, unit = match.groups()
    if int(number) > LONGEST.total_seconds():
        raise ValueError("A duration is at most 366d.")
    duration = timedelta(**{_UNITS[unit]: int(number)})
    if duration > LONGEST:
        raise ValueError("A duration is at most 366d.")
    return duration


def write(duration: timedelta) -> str:
    """Return the duration as the API writes it, in the largest unit that gives a whole number."""
    seconds = int(duration.total_seconds())
    for unit, length in (("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"
