"""The door for strangers: who is let to ask for a place, and what keeps programs out."""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from rest_framework.exceptions import Throttled

from contacts.models.addresses import AddressError, normalize_email
from growth.api.throttling import is_within
from growth.errors import Conflict, Invalid, Violation
from waitlists.models import Waitlist
from waitlists.operations.disposable import is_disposable
from waitlists.operations.joining import Joined, Joining, join

DAY, HOUR = timedelta(days=1), timedelta(hours=1)

log = structlog.get_logger(__name__)


def ask_in(
    waitlist: Waitlist, joining: Joining, *, trap: str, address: str, at: datetime
) -> Joined | None:
    """Put a stranger on the list; None if it is a program, which is told the same.

    ``trap`` is what stands in the field that people do not see, ``address`` where it comes from.

    :raises Conflict: if the list is closed.
    :raises Invalid: if the mail address is none, or one for ten minutes.
    :raises Throttled: if there were too many from there, or by that friend.
    """
    if not waitlist.is_open:
        raise Conflict("This waitlist takes nobody else at the moment.")
    if trap:
        log.info("waitlist_trap", waitlist=waitlist.id)
        return None
    domain = _domain(joining.email)
    if is_disposable(domain, settings.WAITLIST_BLOCKED_DOMAINS):
        message = "Use an address that you keep: we write to it when it is your turn."
        raise Invalid(Violation("email", "disposable", message))
    _limit(f"{waitlist.key}/address/{address}", settings.WAITLIST_JOINS_PER_ADDRESS, DAY, at)
    if joining.code:
        code = joining.code.strip().upper()
        _limit(f"{waitlist.key}/code/{code}", settings.WAITLIST_JOINS_PER_CODE, HOUR, at)
    return join(waitlist, joining, at=at)


def _domain(email: str) -> str:
    try:
        return normalize_email(email).rpartition("@")[2]
    except AddressError as error:
        raise Invalid(Violation("email", "invalid", str(error))) from None


def _limit(name: str, limit: int, window: timedelta, at: datetime) -> None:
    if not is_within(f"waitlists/{name}", limit, window, at=at):
        raise Throttled(int(window.total_seconds()), "That was too often; try again later.")
