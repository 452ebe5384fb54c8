"""What the clock does for campaigns."""

from datetime import datetime

from campaigns.operations.broadcasts import complete_broadcasts, start_broadcasts
from campaigns.operations.campaigns import end_removed
from campaigns.operations.journeys import take_steps
from growth.sweeps import sweep


@sweep
def take_due_steps(*, at: datetime) -> int:
    """Queue the mails of journeys whose next step is due."""
    return take_steps(at=at)


@sweep
def start_due_broadcasts(*, at: datetime) -> int:
    """Start broadcasts whose time has come, and complete those that are sent."""
    complete_broadcasts(at=at)
    return start_broadcasts(at=at)


@sweep(slots=1)
def end_removed_campaigns(*, at: datetime) -> int:
    """End the journeys and suppress the mails that wait in deleted campaigns."""
    return end_removed(at=at)
