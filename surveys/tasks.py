"""What the clock does for surveys."""

from datetime import datetime

from growth.sweeps import sweep
from surveys.operations.sending import send_due


@sweep
def send_due_surveys(*, at: datetime) -> int:
    """Queue the mail of invitations that are due."""
    return send_due(at=at)
