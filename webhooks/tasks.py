"""What the clock does for webhooks."""

from datetime import datetime

from django.utils.timezone import now

from growth.sweeps import sweep
from webhooks.operations.notices import notify_staff
from webhooks.operations.posting import Courier
from webhooks.operations.pruning import prune
from webhooks.operations.replaying import replay

_RUN_SECONDS = 20  # Longer than the last answer takes, so the next run's end meets a free process.

_couriers: list[Courier] = []  # that of the run under way in this process, if there is one


def _finish() -> None:
    """Wait for the last answers while the next run goes on in another process."""
    while _couriers:
        courier = _couriers.pop()
        try:
            courier.drain()
            courier.settle(at=now())
        finally:
            courier.close()


@sweep(slots=1, seconds=_RUN_SECONDS, finish=_finish)
def attempt_due_deliveries(*, at: datetime) -> int:
    """Post the deliveries that are due."""
    if not _couriers:
        _couriers.append(Courier())
    return _couriers[0].step(at=at)


@sweep
def take_replays(*, at: datetime) -> int:
    """Queue events of the past for endpoints whose owners asked for them."""
    return replay(at=at)


@sweep
def send_notices(*, at: datetime) -> int:
    """Tell staff of endpoints that were disabled."""
    return notify_staff(at=at)


@sweep
def prune_deliveries(*, at: datetime) -> int:
    """Forget deliveries of a month ago, and endpoints that were deleted."""
    return prune(at=at)
