"""Programs: who gets what for bringing whom."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import zip_longest
from typing import Any, Self

from django.db import models
from django.db.models import Q

from contacts.models import Runnable
from growth.models import ProjectQuerySet, PublicIdField
from referrals.models.money import from_minor, to_minor

TIER_NAMES = ("bronze", "silver", "gold", "platinum")
PROMPT_TEMPLATE = "tmpl_referral_prompt"


_CONVERSIONS_PER_HOUR = 1000


@dataclass(frozen=True)
class Tier:
    """What a referrer reaches with so many conversions; ``bonus`` is in minor units."""

    referrals: int
    bonus: int
    name: str | None


class ProgramQuerySet(ProjectQuerySet):
    """Programs, by what they do now."""

    def active(self) -> Self:
        """Keep those that record conversions."""
        return self.filter(status=Program.Status.ACTIVE)


class Program(Runnable):
    """What the people of a project get for bringing others, and under which limits.

    An active one records conversions. What is owed stays owed while it is paused.

    ``reward_minor`` is in minor units of ``reward_currency``. ``referee_reward``, ``tiers`` and
    ``limits`` are as the client sent them. ``conversion_event`` converts by itself; without one,
    conversions are recorded by the API alone. The row is the lock of all that is counted in it.
    """

    WINDOW_DAYS = 30
    """How long a person may take, unless the limits say otherwise."""

    id = PublicIdField(prefix="ref_prog")
    name = models.CharField(max_length=200)
    reward_type = models.CharField(max_length=40, default="credit")
    reward_minor = models.BigIntegerField(default=0)
    reward_currency = models.CharField(max_length=3, blank=True)
    referee_reward = models.JSONField(null=True, blank=True)
    tiers = models.JSONField(default=list, blank=True)
    limits = models.JSONField(default=dict, blank=True)
    conversion_event = models.CharField(max_length=256, blank=True)
    landing_url = models.CharField(max_length=2000, blank=True)
    template_code = models.CharField(max_length=64, default=PROMPT_TEMPLATE)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ProgramQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["project", "id"], name="program_list"),
            models.Index(
                fields=["project", "conversion_event"],
                condition=Q(status="active"),
                name="program_by_event",
            ),  # operations.detecting
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def reward_amount(self) -> int | float:
        """What the referrer gets, as the API writes it."""
        return from_minor(self.reward_minor, self.reward_currency)

    @property
    def window(self) -> timedelta:
        """How long after it came by a link a person may convert."""
        return timedelta(days=self.limits.get("conversion_window_days") or self.WINDOW_DAYS)

    @property
    def hold(self) -> timedelta:
        """How long a reward waits before it is owed."""
        return timedelta(days=self.limits.get("hold_days") or 0)

    @property
    def max_rewarded(self) -> int | None:
        """How many conversions of one referrer are rewarded."""
        return self.limits.get("max_referrals_per_contact")

    @property
    def max_per_hour(self) -> int:
        """How many conversions of one link in an hour are believed."""
        return self.limits.get("max_conversions_per_hour") or _CONVERSIONS_PER_HOUR

    @property
    def ladder(self) -> list[Tier]:
        """The tiers, the lowest first. Those without a name are called as metals are."""
        ordered = sorted(self.tiers or [], key=lambda tier: tier["referrals"])
        named = zip_longest(ordered, TIER_NAMES[: len(ordered)])
        return [
            Tier(
                referrals=tier["referrals"],
                bonus=to_minor(tier.get("bonus") or 0, self.reward_currency),
                name=tier.get("name") or metal,
            )
            for tier, metal in named
        ]

    def tier_of(self, conversions: int) -> str | None:
        """Return the name of the highest tier that so many conversions reach."""
        reached = [tier.name for tier in self.ladder if tier.referrals <= conversions]
        return reached[-1] if reached else None

    def set_reward(self, amount: Any, currency: str) -> None:
        """Set what the referrer gets.

        :raises ValueError: if the currency has no such amount.
        """
        self.reward_currency = currency
        self.reward_minor = to_minor(amount, currency)
