"""Whom a survey asked, or will ask, or did not ask and why."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Case, Exists, IntegerField, OuterRef, Q, Value, When

from contacts.models import Email
from growth import outbox
from growth.models import ProjectModel, ProjectQuerySet
from surveys.models.survey import Survey

STEP = "invitation"
"""The step of the survey's mail stream."""


class InvitationQuerySet(ProjectQuerySet):
    """Invitations, by how far they got."""

    def waiting(self) -> Self:
        """Keep those that are still to be sent, by surveys that are active."""
        return self.filter(due_at__isnull=False, survey__status=Survey.Status.ACTIVE)

    def due(self, at: datetime) -> Self:
        """Keep those whose time has come."""
        return self.waiting().filter(due_at__lte=at)

    def asked(self) -> Self:
        """Keep those that reached the contact, or are on their way."""
        stopped = Email.objects.filter(
            project=OuterRef("project"),
            stream=OuterRef("survey__stream"),
            step_key=STEP,
            contact=OuterRef("contact"),
            entry=OuterRef("entry"),
            state__in=(Email.State.SUPPRESSED, Email.State.FAILED),
        )
        return self.filter(asked_at__isnull=False).exclude(
            Exists(stopped), state=Invitation.State.QUEUED
        )


class Invitation(ProjectModel):
    """A contact that a survey asks; ``entry`` counts from 0 how often it did.

    ``due_at`` is null when nothing follows. ``asked_at`` is when the mail was queued, ``sent_at``
    when a server took it, ``answered_at`` when it was answered. ``event`` is what the contact did.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        QUEUED = "queued"
        SENT = "sent"
        SKIPPED = "skipped"

    class Skip(models.TextChoices):
        """Why a contact was not asked."""

        MOST = "max_surveys_per_contact"
        COOLDOWN = "cooldown"
        DELETED = "deleted"
        SURVEY_DELETED = "survey_deleted"

    id = models.BigAutoField(primary_key=True)
    survey = models.ForeignKey(Survey, models.CASCADE, related_name="invitations", db_index=False)
    contact = models.ForeignKey(
        "contacts.Contact", models.CASCADE, related_name="+", db_index=False
    )
    entry = models.IntegerField(default=0)
    event = models.JSONField(default=dict)
    event_key = models.BigIntegerField(null=True)
    hops = models.SmallIntegerField(default=0)
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    reason = models.CharField(max_length=23, choices=Skip.choices, blank=True)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "survey", "contact", "entry"], name="one_invitation_per_entry"
            ),
            models.UniqueConstraint(
                fields=["project", "survey", "contact", "event_key"],
                name="one_invitation_per_event",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=~Q(due_at=None), name="invitation_due"),
            models.Index(fields=["project", "contact"], name="invitation_of_contact"),
            models.Index(
                fields=["project", "survey", "answered_at"],
                condition=Q(sent_at__isnull=False),
                name="invitation_sent",
            ),  # queries.stats
        ]


outbox.register_due_rows(
    outbox.DueRows("default", "survey invitations", Invitation.objects.waiting, "due_at")
)


def progress() -> Case:
    """Return how far an invitation got, as a number that grows."""
    return Case(
        When(answered_at__isnull=False, then=Value(3)),
        When(state=Invitation.State.SENT, then=Value(2)),
        When(state=Invitation.State.QUEUED, then=Value(1)),
        default=Value(0),
        output_field=IntegerField(),
    )
