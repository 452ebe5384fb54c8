"""When a delivery is attempted, and when its endpoint is."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from webhooks.models.endpoint import BREAKER

ATTEMPTS = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(hours=1),
    timedelta(hours=24),
)
"""After the first attempt, which follows the event within seconds."""

GIVES_UP_AFTER = timedelta(days=5)
"""An endpoint that has taken nothing for so long is disabled."""

_LONGEST_WAIT = timedelta(hours=24)
_SHORTEST_HOLD = timedelta(seconds=1)
_LONGEST_HOLD = timedelta(minutes=1)
_LONGEST_HOLD_ASKED = timedelta(hours=1)


def next_attempt(
    attempt: int, *, begun_at: datetime, at: datetime, wait: timedelta
) -> datetime | None:
    """Return when to try again after the ``attempt``-th failed; None after the last."""
    if attempt >= len(ATTEMPTS):
        return None
    return max(begun_at + ATTEMPTS[attempt], at + ATTEMPTS[1], at + wait)


def hold(failures: int, *, failing_for: timedelta, wait: timedelta) -> timedelta:
    """Return for how long an endpoint that failed so often in a row gets nothing at all.

    The longer it fails, the longer; what waits is not lost and its attempts are not used up: it
    goes out when one gets through.
    """
    asked = min(wait, _LONGEST_HOLD_ASKED)
    if failures < BREAKER:
        return asked
    return max(asked, min(max(failing_for, _SHORTEST_HOLD), _LONGEST_HOLD))


def asked_to_wait(retry_after: str, at: datetime) -> timedelta:
    """Return how long a ``Retry-After`` asks to wait; nonsense asks for nothing."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), _LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(text)
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return min(max(until - at, timedelta()), _LONGEST_WAIT)
    except (ValueError, TypeError, OverflowError):
        return timedelta()
