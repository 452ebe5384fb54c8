"""Where a project's events are sent to, and how it goes there."""

from datetime import datetime, timedelta
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models, transaction
from django.db.models import Q

from growth.models import ProjectModel, ProjectQuerySet, PublicIdField
from webhooks.models.subscriptions import patterns_of

BREAKER = 10
"""So many failures in a row open the circuit: then one attempt at a time, further and further
apart.
"""

OVERLAP = timedelta(hours=24)
"""How long deliveries bear a second signature, by the secret before."""


class EndpointQuerySet(ProjectQuerySet):
    """Endpoints by what they take."""

    def alive(self) -> Self:
        """Keep those that were not deleted."""
        return self.filter(deleted_at=None)

    def subscribed(self, type: str) -> Self:
        """Keep those that want events of this type, enabled or not."""
        return self.filter(types__overlap=patterns_of(type))


class Endpoint(ProjectModel):
    """An address of the customer's that wants to hear of events.

    ``events`` is as the client sent it, ``types`` says the same in our names. ``failures`` counts
    those since the last success; ``held_until`` keeps the next attempt back; ``latency`` is what an
    attempt takes, in seconds, lately.
    """

    class Reason(models.TextChoices):
        ASKED = "asked"
        GONE = "gone"
        FAILING = "failing"

    id = PublicIdField(prefix="whep")
    url = models.TextField()
    description = models.CharField(max_length=500, blank=True)
    events = models.JSONField()
    types = ArrayField(models.CharField(max_length=64), editable=False)
    secret = models.CharField(max_length=256)
    previous_secret = models.CharField(max_length=256, blank=True)
    previous_secret_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)
    disabled_at = models.DateTimeField(null=True)
    disabled_reason = models.CharField(max_length=8, choices=Reason.choices, blank=True)
    failures = models.IntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    held_until = models.DateTimeField(null=True)
    latency = models.FloatField(null=True)
    notice_due_at = models.DateTimeField(null=True)

    objects = EndpointQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["project", "id"], condition=Q(deleted_at=None), name="endpoint_list"
            ),
            models.Index(
                fields=["notice_due_at"],
                condition=~Q(notice_due_at=None),
                name="endpoint_notice_due",
            ),  # operations.notices
        ]

    def __str__(self) -> str:
        return self.url

    @property
    def is_enabled(self) -> bool:
        """Whether events are sent; if not, they are kept."""
        return self.disabled_at is None

    @transaction.atomic
    def revise(self, *, at: datetime, is_enabled: bool | None = None, **fields: object) -> None:
        """Change what is given; what was kept while it was disabled is sent once it is enabled."""
        self.lock()
        for name, value in fields.items():
            setattr(self, name, value)
        self.updated_at = at
        if is_enabled is True and not self.is_enabled:
            self._begin_anew()
        elif is_enabled is False and self.is_enabled:
            self.disabled_at, self.disabled_reason = at, self.Reason.ASKED
        if "url" in fields:
            self.held_until = None  # The circuit was that of the old address.
        self.save()

    @transaction.atomic
    def rotate(self, secret: str, *, at: datetime) -> None:
        """Sign with the new secret, and for a day with the old one too."""
        self.lock()
        if secret != self.secret:
            self.previous_secret, self.previous_secret_until = self.secret, at + OVERLAP
            self.secret = secret
        self.updated_at = at
        self.save(
            update_fields=["secret", "previous_secret", "previous_secret_until", "updated_at"]
        )

    def remove(self, *, at: datetime) -> None:
        """Send nothing more, and forget the endpoint with its log."""
        Endpoint.objects.filter(pk=self.pk, deleted_at=None).update(
            deleted_at=at, disabled_at=at, notice_due_at=None
        )

    def _begin_anew(self) -> None:
        self.disabled_at, self.disabled_reason = None, ""
        self.failures, self.failing_since, self.held_until = 0, None, None
        self.notice_due_at = None


def healthy(prefix: str = "") -> Q:
    """Return the condition that an endpoint takes deliveries now."""
    return Q(**{f"{prefix}disabled_at": None, f"{prefix}failures__lt": BREAKER})
