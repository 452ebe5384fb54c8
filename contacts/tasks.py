"""What the clock does for contacts."""

from datetime import datetime, timedelta

from contacts.mail import sending, verdicts
from contacts.models import EventReceipt, partitions
from contacts.operations import erasing, memberships, merging, nightly_audit, scoring
from growth.sweeps import sweep

MONTHS_AHEAD = timedelta(days=62)
KEEP_RECEIPTS = timedelta(days=7)


@sweep
def send_due_emails(*, at: datetime) -> int:
    """Send the mails that are due."""
    return sending.send_due(at=at)


@sweep
def tell_activities(*, at: datetime) -> int:
    """Decide whether people or machines opened mails and followed links, and tell the system."""
    return verdicts.tell_due(at=at)


@sweep
def recheck_memberships(*, at: datetime) -> int:
    """Let contacts enter and leave segments whom time alone moves."""
    return memberships.follow_time(at=at)


@sweep
def build_segments(*, at: datetime) -> int:
    """Write the memberships of segments that are new, or whose rules were changed."""
    return memberships.build_next(at=at)


@sweep
def audit_segments(*, at: datetime) -> int:
    """Log where stored memberships are not what their rule says."""
    return nightly_audit.audit_next(at=at)


@sweep
def decay_scores(*, at: datetime) -> int:
    """Let engagement go down at the midnight of each project."""
    return scoring.decay_next(at=at)


@sweep
def rescore_contacts(*, at: datetime) -> int:
    """Score the contacts of projects whose rules changed."""
    return scoring.rescore_next(at=at)


@sweep
def settle_merges(*, at: datetime) -> int:
    """Give survivors what was written for contacts at the moment they were merged."""
    return merging.settle_merges(at=at)


@sweep
def settle_erasures(*, at: datetime) -> int:
    """Strip what was written of contacts at the moment they were erased."""
    return erasing.settle_erasures(at=at)


@sweep
def purge_contacts(*, at: datetime) -> int:
    """Erase contacts that were deleted thirty days ago."""
    return erasing.purge(at=at)


@sweep
def make_partitions(*, at: datetime) -> int:
    """Make the months that events will come into, before they come."""
    partitions.ensure(at, at + MONTHS_AHEAD)
    return 0


@sweep
def prune_receipts(*, at: datetime) -> int:
    """Forget message ids of over a week ago: nobody sends the same event again that late."""
    return EventReceipt.objects.prune(at - KEEP_RECEIPTS)
