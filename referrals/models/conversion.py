"""Referred people who did what a program waits for."""

from typing import Any, Self

from django.db import models
from django.db.models import Q

from growth.models import ProjectModel, ProjectQuerySet, PublicIdField
from referrals.models.link import Link
from referrals.models.program import Program


class ConversionQuerySet(ProjectQuerySet):
    """Conversions, by whether they hold."""

    def standing(self) -> Self:
        """Keep those that count."""
        return self.filter(status=Conversion.Status.RECORDED)


class Conversion(ProjectModel):
    """A referred ``contact`` converted, by the link of the ``referrer``; or why it does not count.

    A person converts once in a program. What was rejected is kept, with its reason.
    """

    class Status(models.TextChoices):
        RECORDED = "recorded"
        REJECTED = "rejected"
        REVERSED = "reversed"

    class Reason(models.TextChoices):
        """Why a conversion does not count."""

        SELF = "self_referral"
        LOOP = "loop"
        VELOCITY = "velocity"
        REFERRER_GONE = "referrer_deleted"
        DUPLICATE = "duplicate_person"

    id = PublicIdField(prefix="ref_conv")
    program = models.ForeignKey(Program, models.CASCADE, related_name="+", db_index=False)
    link = models.ForeignKey(Link, models.CASCADE, related_name="conversions", db_index=False)
    referrer = models.ForeignKey(
        "contacts.Contact", models.CASCADE, related_name="+", db_index=False
    )
    contact = models.ForeignKey(
        "contacts.Contact", models.CASCADE, related_name="+", db_index=False
    )
    conversion_event = models.CharField(max_length=256)
    metadata = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.RECORDED)
    reason = models.CharField(max_length=200, blank=True)
    converted_at = models.DateTimeField()
    created_at = models.DateTimeField()
    reversed_at = models.DateTimeField(null=True)

    objects = ConversionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "program", "contact"],
                condition=~Q(status="rejected"),
                name="one_conversion_per_person",
            )
        ]
        indexes = [
            models.Index(fields=["project", "link", "id"], name="conversion_of_link"),
            models.Index(
                fields=["project", "program", "referrer"],
                include=["converted_at"],
                condition=Q(status="recorded"),
                name="conversion_count",
            ),  # standings.refresh
            models.Index(fields=["project", "contact"], name="conversion_of_contact"),
            models.Index(fields=["project", "referrer"], name="conversion_of_referrer"),
            models.Index(
                fields=["project", "link", "created_at"],
                condition=Q(status="recorded"),
                name="conversion_pace",
            ),  # operations.conversions: velocity
        ]

    def as_news(self) -> dict[str, Any]:
        """Return what the world is told of it."""
        return {
            "id": self.id,
            "program_id": self.program_id,
            "link_code": self.link.code,
            "referrer_contact_id": self.referrer_id,
            "referred_contact_id": self.contact_id,
            "conversion_event": self.conversion_event,
            "status": self.status,
            "reason": self.reason or None,
            "converted_at": self.converted_at.isoformat(),
        }
