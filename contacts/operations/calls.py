"""What one call of the ingest API says."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from contacts.operations.people import Sighting

HISTORICAL_AGE = timedelta(hours=24)


class Call(NamedTuple):
    """One call of the ingest API: who it speaks of, and the event it tells, if it tells one.

    A historical call is stored and counted, and triggers nothing. An alias names the
    ``previous_id`` that means the same person. ``referral`` is by what link the person came, where
    the call says it. A command asks an app above for something: it does that, and tells the event
    itself. ``warnings`` say what of it is not heeded.
    """

    sighting: Sighting
    name: str = ""
    properties: dict[str, Any] | None = None
    timestamp: datetime | None = None
    message_id: str | None = None
    is_historical: bool = False
    previous_id: str = ""
    referral: dict[str, str] | None = None
    is_command: bool = False
    warnings: tuple[str, ...] = ()
