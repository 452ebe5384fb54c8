"""Campaigns, their steps, and how far each contact has come in them."""

from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models, transaction
from django.db.models import Q

from contacts.mail.hours import WIDEST, first_moment
from contacts.mail.queueing import Mailing
from contacts.models import MailStream, Segment
from growth import durations, outbox
from growth.errors import Conflict
from growth.models import DomainEventType, ProjectModel, ProjectQuerySet, PublicIdField


class CampaignQuerySet(ProjectQuerySet):
    """Campaigns, by what they do now."""

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

    ``trigger`` is as the client sent it; ``trigger_event`` and ``segment`` say the same for SQL.
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

    id = PublicIdField(prefix="cmpgn")
    stream = models.OneToOneField(MailStream, models.PROTECT, editable=False, related_name="+")
    name = models.CharField(max_length=200)
    type = models.CharField(max_length=10, choices=Type.choices)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    trigger = models.JSONField(null=True, blank=True)
    trigger_event = models.CharField(max_length=256, blank=True, editable=False)
    segment = models.ForeignKey(Segment, models.PROTECT, null=True, blank=True, related_name="+")
    scheduled_at = models.DateTimeField(null=True, blank=True)
    send_at_local_time = models.BooleanField(default=False)
    activated_at = models.DateTimeField(null=True, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    completed_at = models.DateTimeField(null=True, editable=False)
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
            ),  # operations.enroll
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, **options: Any) -> None:
        """Store the campaign; SQL finds it by the event that its trigger names."""
        self.trigger_event = (self.trigger or {}).get("event") or ""
        super().save(**options)

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
        self.save(update_fields=["status", "activated_at", "updated_at"])
        self.stream.resume()
        self.tell(DomainEventType.CAMPAIGN_ACTIVATED, at)

    @transaction.atomic
    def pause(self, *, at: datetime) -> None:
        """Stop sending. Whoever is in the middle keeps its place.

        :raises Conflict: if it is not running.
        """
        self.lock()
        if self.status == self.Status.PAUSED:
            return
        if self.status not in (self.Status.ACTIVE, self.Status.SCHEDULED):
            raise Conflict(f"This campaign is {self.status}; only a running one can be paused.")
        self.status = self.Status.PAUSED
        self.save(update_fields=["status", "updated_at"])
        self.stream.pause(at=at)
        self.tell(DomainEventType.CAMPAIGN_PAUSED, at)

    def tell(self, type: DomainEventType, at: datetime) -> None:
        """Emit news of the campaign."""
        data = {"id": self.id, "name": self.name, "type": self.type, "status": self.status}
        outbox.emit(self.project, outbox.News(type, data), at=at)


class Step(ProjectModel):
    """One mail of a campaign. It keeps its id over edits of the steps, so nobody gets it twice."""

    id = PublicIdField(prefix="step")
    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="steps")
    position = models.SmallIntegerField()
    delay = models.CharField(max_length=12, blank=True)
    subject = models.CharField(max_length=500, null=True)
    template_code = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "campaign", "position"],
                name="one_step_per_position",
                deferrable=models.Deferrable.DEFERRED,
            )
        ]

    @property
    def wait(self) -> timedelta:
        """How long after the enrollment the step is due."""
        return durations.parse(self.delay) if self.delay else timedelta()

    def mailing(self) -> Mailing:
        """Return the mail that the step sends."""
        return Mailing(self.id, self.template_code, self.subject or "")

    def as_dict(self) -> dict[str, Any]:
        """Return the step as it was sent, with its id."""
        sent = {
            "delay": self.delay or None,
            "subject": self.subject,
            "template_id": self.template_code,
        }
        return {"id": self.id, **{name: value for name, value in sent.items() if value is not None}}


class EnrollmentQuerySet(ProjectQuerySet):
    """Journeys, by what is next in them."""

    def due(self, at: datetime) -> Self:
        """Keep those whose next step's time has come, in campaigns that are running."""
        return self.filter(due_at__lte=at, campaign__status=Campaign.Status.ACTIVE)


class Enrollment(ProjectModel):
    """A contact's journey through a lifecycle campaign; ``entry`` numbers its journeys from 0.

    ``position`` is the step that comes next. ``due_at`` is null when none does.
    """

    class State(models.TextChoices):
        ACTIVE = "active"
        COMPLETED = "completed"
        EXITED = "exited"

    id = models.BigAutoField(primary_key=True)
    campaign = models.ForeignKey(
        Campaign, models.CASCADE, related_name="enrollments", db_index=False
    )
    contact = models.ForeignKey(
        "contacts.Contact", models.CASCADE, related_name="+", db_index=False
    )
    entry = models.IntegerField(default=0)
    event = models.JSONField(default=dict)
    hops = models.SmallIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    position = models.SmallIntegerField(default=0)
    enrolled_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)

    objects = EnrollmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "campaign", "contact", "entry"], name="one_enrollment_per_entry"
            )
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=~Q(due_at=None), name="enrollment_due"),
            models.Index(fields=["project", "contact"], name="enrollment_of_contact"),
        ]
