"""ISO 8601 times as rules understand them: one pattern for Python and for PostgreSQL."""

import re
from datetime import datetime, timedelta, timezone, tzinfo

_DAY = (
    "(?:[1-9][0-9]{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    "|(?:[1-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[13579][26])00)-02-29)"
)
_CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,9})?)?"
_OFFSET = "(?:Z|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?)"

TIME = f"^{_DAY}(?:[T ]{_CLOCK}{_OFFSET}?)?$"
"""Every text that this matches is a time that exists: PostgreSQL casts it without an error."""

HAS_OFFSET = "[T ].*[Z+-]"
"""Tells, of a text that ``TIME`` matches, whether it names its offset from UTC."""

_TIME = re.compile(TIME.removesuffix("$") + r"\Z")
_PARTS = re.compile(r"([^T ]+)(?:[T ]([0-9:]+)(?:[.]([0-9]+))?(.*))?")


def read_time(text: str, zone: tzinfo) -> datetime | None:
    """Return the moment that the text writes, or None if it is not an ISO 8601 date or time.

    A date alone is the start of that day. Without an offset it is meant in the zone; of two moments
    that a change of the clocks makes possible, it is the later, as PostgreSQL decides.
    """
    parts = _PARTS.fullmatch(text) if _TIME.match(text) else None
    if parts is None:
        return None
    day, clock, fraction, offset = parts.groups(default="")
    moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}{offset}")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=_offset(moment, zone))
    try:
        return moment + timedelta(microseconds=round(float(f".{fraction or 0}") * 1_000_000))
    except OverflowError:  # the last microsecond of the year 9999
        return None


def _offset(moment: datetime, zone: tzinfo) -> timezone:
    """Return the zone's offset at the moment; the smaller of two makes it the later moment."""
    offsets = (moment.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    return timezone(min(offset or timedelta() for offset in offsets))
