"""How far each contact has come in a sequence."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from campaigns.models.campaign import Campaign
from campaigns.models.step import Step
from growth.models import ProjectModel, ProjectQuerySet


class EnrollmentQuerySet(ProjectQuerySet):
    """Journeys, by what is next in them."""

    def due(self, at: datetime) -> Self:
        """Keep those whose next step's time has come, in campaigns that are running."""
        return self.filter(due_at__lte=at, campaign__status=Campaign.Status.ACTIVE)


class Enrollment(ProjectModel):
    """A contact's journey through a lifecycle campaign; ``entry`` numbers its journeys from 0.

    ``done`` holds the keys of the steps that it has taken, and of those that were put in behind its
    back; the next one is the first of the campaign's steps that is not among them. ``position``
    counts the steps taken. ``step_key`` is the last of them, ``step_wait`` the delay that it had,
    ``stepped_at`` when it was taken. ``due_at`` is null when nothing follows.
    """

    class State(models.TextChoices):
        ACTIVE = "active"
        COMPLETED = "completed"
        EXITED = "exited"

    class Exit(models.TextChoices):
        """Why a journey ended before its last step. Mail that still waited bears it as its reason.

        That of an address that gets no mail any more is the suppression's own.
        """

        GOAL = "goal_reached"
        SEGMENT = "left_segment"
        CONSENT = "consent"
        DELETED = "deleted"
        CAMPAIGN_DELETED = "campaign_deleted"
        UNSUBSCRIBED = "unsubscribed"
        BOUNCED = "bounced"
        COMPLAINED = "complained"
        MANUAL = "manual"
        DND = "dnd"

    id = models.BigAutoField(primary_key=True)
    campaign = models.ForeignKey(
        Campaign, models.CASCADE, related_name="enrollments", db_index=False
    )
    contact = models.ForeignKey(
        "contacts.Contact", models.CASCADE, related_name="+", db_index=False
    )
    entry = models.IntegerField(default=0)
    event = models.JSONField(default=dict)
    event_key = models.BigIntegerField(null=True)
    hops = models.SmallIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    reason = models.CharField(max_length=20, choices=Exit.choices, blank=True)
    position = models.SmallIntegerField(default=0)
    done = ArrayField(models.BigIntegerField(), default=list)
    step_key = models.CharField(max_length=32, blank=True)
    step_wait = models.DurationField(default=timedelta)
    stepped_at = models.DateTimeField(null=True)
    enrolled_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    converted_at = models.DateTimeField(null=True)

    objects = EnrollmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "campaign", "contact", "entry"], name="one_enrollment_per_entry"
            ),
            models.UniqueConstraint(
                fields=["project", "campaign", "contact", "event_key"],
                name="one_enrollment_per_event",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=~Q(due_at=None), name="enrollment_due"),
            models.Index(fields=["project", "contact"], name="enrollment_of_contact"),
            models.Index(
                fields=["project", "campaign", "id"],
                condition=Q(state="active"),
                name="enrollment_active",
            ),  # operations.campaigns.end_removed
        ]

    def next_step(self, steps: Sequence[Step]) -> Step | None:
        """Return the first of the campaign's steps that the journey has not had."""
        return next((step for step in steps if step.key not in self.done), None)

    def take(self, step: Step, at: datetime) -> None:
        """Note that the step was taken."""
        self.done = [*self.done, step.key]
        self.position += 1
        self.step_key, self.step_wait, self.stepped_at = step.id, step.wait, at

    def complete(self, at: datetime) -> None:
        """Note that no step follows."""
        self.state, self.due_at, self.ended_at = self.State.COMPLETED, None, at
