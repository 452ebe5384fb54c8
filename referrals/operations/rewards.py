"""The ledger moves on: what is due is issued, unless somebody objected."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from growth import outbox
from growth.errors import Conflict
from growth.models import DomainEventType
from growth.transactions import atomic_with_retries
from referrals.models import Reward

_BATCH = 500

_Status = Reward.Status


@atomic_with_retries
def issue_matured(*, at: datetime, limit: int = _BATCH) -> int:
    """Issue the rewards that are due; return how many there were.

    Safe at the same time as itself, and to repeat: each row is taken by one, and issued once.
    """
    due = Reward.objects.waiting().filter(due_at__lte=at).select_related("project")
    rows = due.select_for_update(skip_locked=True, of=("self",)).order_by("due_at", "pk")[:limit]
    rewards = sorted(rows, key=attrgetter("project_id"))
    for reward in rewards:
        reward.status, reward.issued_at, reward.due_at = _Status.ISSUED, at, None
        reward.approved_at = reward.approved_at or at
    Reward.objects.bulk_update(rewards, ["status", "issued_at", "approved_at", "due_at"])
    for _, group in groupby(rewards, key=attrgetter("project_id")):
        _tell(list(group), at)
    return len(rewards)


@atomic_with_retries
def approve_reward(reward: Reward, *, at: datetime) -> None:
    """Let the reward be issued now, before it is held to its end. Told twice, it is done once.

    :raises Conflict: if it is not owed.
    """
    reward.lock()
    if reward.status in (_Status.APPROVED, _Status.ISSUED):
        return
    if reward.status != _Status.PENDING:
        raise Conflict(f"This reward was {reward.status}; only a pending one can be approved.")
    reward.status, reward.approved_at, reward.due_at = _Status.APPROVED, at, at
    reward.save(update_fields=["status", "approved_at", "due_at"])


@atomic_with_retries
def reject_reward(reward: Reward, *, reason: str = Reward.Reason.STAFF, at: datetime) -> None:
    """Do not issue the reward. Told twice, it is done once.

    :raises Conflict: if it was issued or reversed.
    """
    reward.lock()
    if reward.status == _Status.REJECTED:
        return
    if reward.status not in Reward.WAITING:
        raise Conflict(f"This reward was {reward.status}; reverse its conversion to take it back.")
    reward.status, reward.reason, reward.due_at = _Status.REJECTED, reason, None
    reward.save(update_fields=["status", "reason", "due_at"])


def _tell(rewards: Sequence[Reward], at: datetime) -> None:
    news = [
        outbox.News(DomainEventType.REFERRAL_REWARD_ISSUED, each.as_news(), subject=_subject(each))
        for each in rewards
    ]
    outbox.emit(rewards[0].project, *news, at=at)


def _subject(reward: Reward) -> int:
    return reward._meta.get_field("contact").get_prep_value(reward.contact_id)
