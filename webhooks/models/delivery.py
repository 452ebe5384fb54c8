"""Events on their way to endpoints. The rows are the queue and the log in one."""

from datetime import datetime, timedelta
from typing import Any, Self

from django.contrib.postgres.indexes import BrinIndex
from django.db import models, transaction
from django.db.models import Q

from growth import outbox
from growth.errors import Conflict
from growth.models import DomainEvent, ProjectModel, ProjectQuerySet, PublicIdField
from webhooks.models.endpoint import Endpoint, healthy

ATTEMPT_TASK = "webhooks.tasks.attempt_due_deliveries"
REPLAY_TASK = "webhooks.tasks.take_replays"

LEASE = timedelta(seconds=40)
"""Longer than an attempt can take, with what it waits for in the worker before."""

KEPT = timedelta(days=30)
EXCERPT = 1024


class DeliveryQuerySet(ProjectQuerySet):
    """Deliveries by what is next for them."""

    def waiting(self) -> Self:
        """Keep those that will be attempted at endpoints that take deliveries now."""
        return self.filter(healthy("endpoint__"), ~Q(due_at=None), leased_until=None)


class Delivery(ProjectModel):
    """One event for one endpoint: what is sent, byte for byte, and what became of it.

    ``attempt`` counts the finished ones. ``due_at`` is null when none will follow; while one is
    under way it stays, and ``leased_until`` says so: no index knows the lease, so that to take a
    delivery rewrites no index. ``begun_at`` is the first attempt's time, from which the others are
    counted. The event itself may be forgotten before its delivery is.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"

    id = PublicIdField(prefix="wh_log")
    endpoint = models.ForeignKey(
        Endpoint, models.CASCADE, related_name="deliveries", db_index=False
    )
    domain_event = models.ForeignKey(
        DomainEvent, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    type = models.CharField(max_length=64)
    body = models.TextField()
    is_test = models.BooleanField(default=False)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.PENDING)
    attempt = models.SmallIntegerField(default=0)
    created_at = models.DateTimeField()
    begun_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    http_status = models.SmallIntegerField(null=True)
    response_time_ms = models.IntegerField(null=True)
    response_body = models.CharField(max_length=EXCERPT, blank=True)
    error = models.CharField(max_length=32, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["project", "endpoint", "domain_event"], name="one_delivery_per_endpoint"
            )
        ]
        indexes = [
            models.Index(
                fields=["project", "endpoint", "due_at"],
                condition=~Q(due_at=None),
                name="delivery_due",
            ),  # operations.claiming: the endpoints with deliveries waiting, and the first of each
            models.Index(fields=["project", "endpoint", "id"], name="delivery_log"),
            BrinIndex(fields=["created_at"], name="delivery_age"),  # prune_deliveries
        ]

    @property
    def next_retry_at(self) -> datetime | None:
        """When it is attempted next; while it is, when that attempt began.

        While the endpoint is held back, that is when it is tried again, at the earliest.
        """
        if self.leased_until and self.due_at:
            return self.leased_until - LEASE
        return self.due_at and max(self.due_at, self.endpoint.held_until or self.due_at)

    @transaction.atomic
    def redeliver(self, *, at: datetime) -> None:
        """Send it again from the start, with the same id and the same bytes.

        One that is under way or due anyway is left alone: it is being done.

        :raises Conflict: if the endpoint is disabled.
        """
        if not self.endpoint.is_enabled:
            raise Conflict("This endpoint is disabled; enable it, and what it missed is sent.")
        self.lock()
        if self.leased_until and self.leased_until > at:
            return
        self.status, self.attempt = self.Status.PENDING, 0
        self.begun_at, self.delivered_at, self.due_at = None, None, at
        self.save(update_fields=["status", "attempt", "begun_at", "delivered_at", "due_at"])
        outbox.wake(ATTEMPT_TASK)

    def as_dict(self) -> dict[str, Any]:
        """Return the delivery as the log shows it."""
        shown = {
            "id": self.id,
            "event": self.type,
            "event_id": self.domain_event_id,
            "status": self.status,
            "http_status": self.http_status,
            "attempt": self.attempt,
            "delivered_at": self.delivered_at,
            "response_time_ms": self.response_time_ms,
            "response_body": self.response_body or None,
            "error": self.error or None,
            "test": self.is_test,
            "created_at": self.created_at,
        }
        if self.status != self.Status.DELIVERED:
            shown["next_retry_at"] = self.next_retry_at
        return shown


outbox.register_due_rows(
    outbox.DueRows("webhooks", "deliveries", Delivery.objects.waiting, "due_at")
)
