"""Surveys: what they ask, whom, when, and how often."""

from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models, transaction
from django.db.models import Q

from contacts.models import Runnable, Segment
from growth import durations
from growth.models import ProjectQuerySet, PublicIdField
from surveys.models.scales import SCALES

TEMPLATE = "tmpl_survey_invite"


class SurveyQuerySet(ProjectQuerySet):
    """Surveys, by what they do now."""

    def alive(self) -> Self:
        """Keep those that were not deleted."""
        return self.filter(deleted_at=None)

    def active(self) -> Self:
        """Keep those that invite now."""
        return self.filter(status=Survey.Status.ACTIVE)


class Survey(Runnable):
    """One question, or some, for contacts to whom something happens.

    ``trigger``, ``frequency_cap`` and ``questions`` are as the client sent them; ``trigger_event``,
    ``segment``, ``wait``, ``most`` and ``cooldown`` say the same for SQL. ``most`` is how often the
    survey may ask one contact, ``cooldown`` how long after any survey it leaves a contact alone.
    A survey without a cap asks each contact once. Who has an invitation may answer in a pause, too.
    """

    class Type(models.TextChoices):
        NPS = "nps", "NPS"
        CSAT = "csat", "CSAT"
        CUSTOM = "custom"

    id = PublicIdField(prefix="srvy")
    name = models.CharField(max_length=200)
    type = models.CharField(max_length=6, choices=Type.choices)
    question = models.CharField(max_length=1000)
    follow_up = models.CharField(max_length=1000, null=True, blank=True)
    questions = models.JSONField(null=True, blank=True)
    trigger = models.JSONField(null=True, blank=True)
    trigger_event = models.CharField(max_length=256, blank=True, editable=False)
    segment = models.ForeignKey(Segment, models.PROTECT, null=True, blank=True, related_name="+")
    wait = models.DurationField(default=timedelta, editable=False)
    frequency_cap = models.JSONField(null=True, blank=True)
    most = models.IntegerField(null=True, editable=False)
    cooldown = models.DurationField(default=timedelta, editable=False)
    template_code = models.CharField(max_length=64, default=TEMPLATE)
    activated_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = SurveyQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["project", "id"], name="survey_list"),
            models.Index(
                fields=["project", "trigger_event"],
                condition=Q(status="active"),
                name="survey_triggered",
            ),  # operations.inviting
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, **options: Any) -> None:
        """Store the survey; SQL finds it by its trigger, and heeds its cap."""
        trigger = self.trigger or {}
        self.trigger_event = trigger.get("event") or ""
        self.wait = durations.parse(trigger["delay"]) if trigger.get("delay") else timedelta()
        cap = {"max_surveys_per_contact": 1} if self.frequency_cap is None else self.frequency_cap
        self.most = cap.get("max_surveys_per_contact")
        self.cooldown = timedelta(days=cap.get("cooldown_days") or 0)
        super().save(**options)

    @property
    def scale(self) -> range | None:
        """The whole numbers that may be a score; None if the survey has none."""
        return SCALES.get(self.type)

    @property
    def has_trigger(self) -> bool:
        """Whether it invites anybody by itself."""
        return bool(self.trigger_event or self.segment_id)

    @transaction.atomic
    def activate(self, *, at: datetime) -> None:
        """Begin to invite. Who waited during a pause is asked now."""
        super().activate(at=at)
        if self.activated_at is None:
            self.activated_at = at
            self.save(update_fields=["activated_at"])
