"""Campaigns: what they send, to whom, and whether they do."""

from datetime import datetime
from typing import Any, Self

from django.db import models, transaction
from django.db.models import Q

from contacts.mail.hours import WIDEST, first_moment
from contacts.models import MailStream, Segment
from growth import durations, outbox
from growth.errors import Conflict
from growth.models import DomainEventType, ProjectModel, ProjectQuerySet, PublicIdField


class CampaignQuerySet(ProjectQuerySet):
    """Campaigns, by what they do now."""

    def alive(self) -> Self:
        """Keep those that were not deleted."""
        return self.filter(deleted_at=None)

    def ending(self) -> Self:
        """Keep those that were deleted and in which somebody or some mail may still wait."""
        return self.exclude(deleted_at=None).filter(emptied_at=None)

    def active(self) -> Self:
        """Keep those that send now."""
        return self.filter(status=Campaign.Status.ACTIVE)

    def lifecycle(self) -> Self:
        """Keep those that write to each contact when something happens to it."""
        return self.filter(type=Campaign.Type.LIFECYCLE)

    def to_be_started(self, at: datetime) -> Self:
        """Keep broadcasts whose time has come, or may have come somewhere, whose segment is built,
        and whose audience is not frozen yet.
        """
        early = Q(send_at_local_time=True, scheduled_at__lte=at + WIDEST)
        return self.filter(
            Q(scheduled_at=None) | Q(scheduled_at__lte=at) | early,
            type=Campaign.Type.BROADCAST,
            status__in=(Campaign.Status.ACTIVE, Campaign.Status.SCHEDULED),
            started_at=None,
            segment__status=Segment.Status.READY,
        )


class Campaign(ProjectModel):
    """A sequence of mails for contacts to whom something happens, or one mail to a segment.

    ``trigger`` and ``goal`` are as the client sent them; ``trigger_event``, ``segment``,
    ``goal_event`` and ``goal_window`` say the same for SQL. ``activated_at`` is when it was
    activated first, ``resumed_at`` when it was last. ``emptied_at`` is when nothing waited any more
    in a deleted one. ``status_reason`` says why it stopped by
    itself.
    """

    class Type(models.TextChoices):
        LIFECYCLE = "lifecycle"
        BROADCAST = "broadcast"

    class Status(models.TextChoices):
        DRAFT = "draft"
        SCHEDULED = "scheduled"
        ACTIVE = "active"
        PAUSED = "paused"
        COMPLETED = "completed"

    class Reentry(models.TextChoices):
        """When a contact who had a journey gets another."""

        NEVER = "never"
        AFTER_EXIT = "after_exit"
        EVERY_EVENT = "every_event"

    class DelayFrom(models.TextChoices):
        """From when the delay of a step counts."""

        ENROLLMENT = "enrollment"
        PREVIOUS_STEP = "previous_step"

    id = PublicIdField(prefix="cmpgn")
    stream = models.OneToOneField(MailStream, models.PROTECT, editable=False, related_name="+")
    name = models.CharField(max_length=200)
    type = models.CharField(max_length=10, choices=Type.choices)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    trigger = models.JSONField(null=True, blank=True)
    trigger_event = models.CharField(max_length=256, blank=True, editable=False)
    segment = models.ForeignKey(Segment, models.PROTECT, null=True, blank=True, related_name="+")
    reentry = models.CharField(max_length=11, choices=Reentry.choices, default=Reentry.NEVER)
    delay_from = models.CharField(
        max_length=13, choices=DelayFrom.choices, default=DelayFrom.ENROLLMENT
    )
    goal = models.JSONField(null=True, blank=True)
    goal_event = models.CharField(max_length=256, blank=True, editable=False)
    goal_window = models.DurationField(null=True, editable=False)
    exit_on_segment_leave = models.BooleanField(default=False)
    scheduled_at = models.DateTimeField(null=True, blank=True)
    start_within = models.CharField(max_length=12, default="24h")
    status_reason = models.CharField(max_length=500, blank=True, editable=False)
    send_at_local_time = models.BooleanField(default=False)
    activated_at = models.DateTimeField(null=True, editable=False)
    resumed_at = models.DateTimeField(null=True, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    completed_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)
    emptied_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["project", "id"], name="campaign_list"),
            models.Index(
                fields=["project", "trigger_event"],
                condition=Q(status="active"),
                name="campaign_triggered",
            ),  # operations.enrolling
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, **options: Any) -> None:
        """Store the campaign; SQL finds it by the events that its trigger and its goal name."""
        self.trigger_event = (self.trigger or {}).get("event") or ""
        goal = self.goal or {}
        self.goal_event = goal.get("event") or ""
        self.goal_window = durations.parse(goal["window"]) if goal.get("window") else None
        super().save(**options)

    @property
    def is_on(self) -> bool:
        """Whether it sends, or will by itself."""
        return self.status in (self.Status.ACTIVE, self.Status.SCHEDULED)

    @property
    def wall(self) -> datetime | None:
        """The time of the clock at which each contact gets the mail, if it is not one moment."""
        if not (self.send_at_local_time and self.scheduled_at):
            return None
        return self.scheduled_at.astimezone(self.project.zone).replace(tzinfo=None)

    def is_time(self, at: datetime) -> bool:
        """Tell whether the broadcast's time has come, where it comes first."""
        if self.wall:
            return first_moment(self.wall) <= at
        return self.scheduled_at is None or self.scheduled_at <= at

    @transaction.atomic
    def activate(self, *, at: datetime) -> None:
        """Begin to send, now or when it is scheduled; what was paused goes on where it stood.

        :raises Conflict: if it has been completed.
        """
        self.lock()
        if self.status in (self.Status.ACTIVE, self.Status.SCHEDULED):
            return
        if self.status == self.Status.COMPLETED:
            raise Conflict("This campaign has been sent; make a new one to send again.")
        waits = self.scheduled_at and self.scheduled_at > at and not self.started_at
        self.status = self.Status.SCHEDULED if waits else self.Status.ACTIVE
        self.activated_at = self.activated_at or at
        self.resumed_at, self.status_reason = at, ""
        self.save(
            update_fields=["status", "status_reason", "activated_at", "resumed_at", "updated_at"]
        )
        self.stream.resume()
        self.tell(DomainEventType.CAMPAIGN_ACTIVATED, at)

    @transaction.atomic
    def pause(self, *, at: datetime, reason: str = "") -> None:
        """Stop sending. Whoever is in the middle keeps its place.

        :raises Conflict: if it is not running.
        """
        self.lock()
        if self.status == self.Status.PAUSED:
            return
        if self.status not in (self.Status.ACTIVE, self.Status.SCHEDULED):
            raise Conflict(f"This campaign is {self.status}; only a running one can be paused.")
        self.status, self.status_reason = self.Status.PAUSED, reason
        self.save(update_fields=["status", "status_reason", "updated_at"])
        self.stream.pause(at=at)
        self.tell(DomainEventType.CAMPAIGN_PAUSED, at)

    def tell(self, type: DomainEventType, at: datetime) -> None:
        """Emit news of the campaign."""
        data = {"id": self.id, "name": self.name, "type": self.type, "status": self.status}
        outbox.emit(self.project, outbox.News(type, data), at=at)
