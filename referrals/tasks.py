"""What the clock does for referrals."""

from datetime import datetime

from growth.sweeps import sweep
from referrals.operations.rewards import issue_matured


@sweep
def issue_matured_rewards(*, at: datetime) -> int:
    """Issue the rewards that were held to their end."""
    return issue_matured(at=at)
