"""What is owed for conversions: a ledger, of which no row is ever deleted."""

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import Q

from growth import outbox
from growth.models import ProjectModel, ProjectQuerySet, PublicIdField
from referrals.models.conversion import Conversion
from referrals.models.money import from_minor
from referrals.models.program import Program


class RewardQuerySet(ProjectQuerySet):
    """Rewards, by how far they got."""

    def waiting(self) -> Self:
        """Keep those that are still to be issued."""
        return self.filter(status__in=Reward.WAITING)

    def owed(self) -> Self:
        """Keep those that were neither rejected nor reversed."""
        return self.filter(status__in=Reward.OWED)


class Reward(ProjectModel):
    """What a contact gets because of a conversion: who referred, who was referred, or the bonus of
    a tier, whose threshold is ``tier``.

    ``due_at`` is when it is issued, unless somebody objects before.
    """

    class Kind(models.TextChoices):
        REFERRER = "referrer"
        REFEREE = "referee"
        TIER = "tier"

    class Status(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        ISSUED = "issued"
        REJECTED = "rejected"
        REVERSED = "reversed"

    class Reason(models.TextChoices):
        """Why nothing is owed."""

        LIMIT = "max_referrals_per_contact"
        CONVERSION = "conversion_reversed"
        TIER_LOST = "tier_lost"
        STAFF = "rejected_by_staff"

    WAITING = (Status.PENDING, Status.APPROVED)
    OWED = (*WAITING, Status.ISSUED)

    id = PublicIdField(prefix="ref_rwd")
    program = models.ForeignKey(Program, models.CASCADE, related_name="+", db_index=False)
    conversion = models.ForeignKey(
        Conversion, models.CASCADE, related_name="rewards", db_index=False
    )
    contact = models.ForeignKey(
        "contacts.Contact", models.CASCADE, related_name="+", db_index=False
    )
    kind = models.CharField(max_length=8, choices=Kind.choices)
    tier = models.IntegerField(default=0)
    type = models.CharField(max_length=40)
    minor = models.BigIntegerField()
    currency = models.CharField(max_length=3, blank=True)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.PENDING)
    reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    approved_at = models.DateTimeField(null=True)
    issued_at = models.DateTimeField(null=True)
    reversed_at = models.DateTimeField(null=True)

    objects = RewardQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "conversion", "kind", "tier"], name="one_reward_each"
            )
        ]
        indexes = [
            models.Index(fields=["project", "program", "id"], name="reward_of_program"),
            models.Index(fields=["project", "id"], name="reward_list"),
            models.Index(
                fields=["project", "program", "contact", "kind"],
                condition=Q(status__in=["pending", "approved", "issued"]),
                name="reward_seats",
            ),  # operations.conversions: limits and tiers
            models.Index(fields=["project", "contact", "id"], name="reward_of_contact"),
            models.Index(
                fields=["due_at"],
                condition=Q(status__in=["pending", "approved"]),
                name="reward_due",
            ),  # operations.rewards.issue_matured
        ]

    @property
    def amount(self) -> int | float:
        """What it is worth, as the API writes it."""
        return from_minor(self.minor, self.currency)

    def as_news(self) -> dict[str, Any]:
        """Return what the world is told of it."""
        return {
            "id": self.id,
            "program_id": self.program_id,
            "conversion_id": self.conversion_id,
            "contact_id": self.contact_id,
            "role": self.kind,
            "tier": self.tier or None,
            "type": self.type,
            "amount": self.amount,
            "currency": self.currency or None,
            "status": self.status,
            "reason": self.reason or None,
        }

    def take_back(self, reason: str, *, at: datetime) -> None:
        """Owe it no more; the row has to be saved."""
        self.status, self.reason = self.Status.REVERSED, reason
        self.reversed_at, self.due_at = at, None


outbox.register_due_rows(
    outbox.DueRows("default", "referral rewards", Reward.objects.waiting, "due_at")
)
