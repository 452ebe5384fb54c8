"""What happened to our own data, written in the transaction that changed it."""

from datetime import datetime
from typing import Self

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from growth.models.tenancy import ProjectModel, ProjectQuerySet, PublicIdField


class DomainEventType(models.TextChoices):
    """Every type there is. Those with ``is_public`` are told to webhooks and the feed."""

    CONTACT_CREATED = "contact.created"
    CONTACT_UPDATED = "contact.updated"
    CONTACT_DELETED = "contact.deleted"
    CONTACT_MERGED = "contact.merged"
    SEGMENT_ENTERED = "segment.entered"
    SEGMENT_EXITED = "segment.exited"
    CAMPAIGN_ACTIVATED = "campaign.activated"
    CAMPAIGN_PAUSED = "campaign.paused"
    CAMPAIGN_COMPLETED = "campaign.completed"
    CAMPAIGN_EMAIL_SENT = "campaign.email.sent"
    CAMPAIGN_EMAIL_DELIVERED = "campaign.email.delivered"
    CAMPAIGN_EMAIL_OPENED = "campaign.email.opened"
    CAMPAIGN_EMAIL_CLICKED = "campaign.email.clicked"
    CAMPAIGN_EMAIL_BOUNCED = "campaign.email.bounced"
    CAMPAIGN_EMAIL_COMPLAINED = "campaign.email.complained"
    CAMPAIGN_EMAIL_UNSUBSCRIBED = "campaign.email.unsubscribed"
    REFERRAL_LINK_CREATED = "referral.link.created"
    REFERRAL_CLICKED = "referral.clicked"
    REFERRAL_CONVERTED = "referral.converted"
    REFERRAL_REWARD_ISSUED = "referral.reward.issued"
    REFERRAL_REVERSED = "referral.reversed"
    SURVEY_SENT = "survey.sent"
    SURVEY_RESPONSE_CREATED = "survey.response.created"
    WAITLIST_ENTRY_CREATED = "waitlist.entry.created"
    WAITLIST_ENTRY_VERIFIED = "waitlist.entry.verified"
    WAITLIST_ENTRY_APPROVED = "waitlist.entry.approved"
    EVENT_COMMANDED = "event.commanded"
    EVENTS_RECORDED = "events.recorded"
    EVENTS_EVALUATED = "events.evaluated"
    SETTINGS_UPDATED = "settings.updated"
    REFERRAL_SEEN = "referral.seen"

    @property
    def is_public(self) -> bool:
        """Whether integrators may hear of it."""
        return self not in (
            *(self.EVENT_COMMANDED, self.EVENTS_RECORDED, self.EVENTS_EVALUATED),
            self.REFERRAL_SEEN,
            self.SETTINGS_UPDATED,
        )


class DomainEventQuerySet(ProjectQuerySet):
    """Domain events by how far they got."""

    def waiting(self) -> Self:
        """Keep those that the relay has not told yet, in the order they are told."""
        return self.filter(position=None).order_by("id")


class DomainEvent(ProjectModel):
    """One fact about our own data, on its way to whoever listens.

    ``position`` is given by the relay after the commit, so that whoever reads by position misses
    nothing. ``subject`` is the contact it speaks of, so that erasing the contact can redact it.
    ``hops`` counts its causes: 0 came from outside.
    """

    id = PublicIdField(prefix="evt")
    # The check of a foreign key would lock the row of the project, which all writers share.
    project = models.ForeignKey(
        "growth.Project",
        models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
        editable=False,
    )
    type = models.CharField(max_length=64, choices=DomainEventType.choices)
    data = models.JSONField(default=dict)
    subject = models.BigIntegerField(null=True)
    hops = models.SmallIntegerField(default=0)
    created_at = models.DateTimeField()
    position = models.BigIntegerField(null=True, editable=False)

    objects = DomainEventQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "position"], name="domain_event_position")
        ]
        indexes = [
            models.Index(
                fields=["id"], condition=Q(position=None), name="domain_event_waiting"
            ),  # outbox.relay
            BrinIndex(fields=["created_at"], name="domain_event_age"),  # prune_domain_events
            models.Index(
                fields=["project", "subject"],
                condition=~Q(subject=None),
                name="domain_event_subject",
            ),  # what erasing a contact must redact
        ]


class ListenerFailureQuerySet(ProjectQuerySet):
    """Failures by whether they are tried again."""

    def due(self, at: datetime) -> Self:
        """Keep those whose next attempt has come."""
        return self.filter(parked_at=None, due_at__lte=at)


class ListenerFailure(ProjectModel):
    """A domain event that a listener could not take; after ten attempts it waits for staff."""

    id = models.BigAutoField(primary_key=True)
    domain_event = models.ForeignKey(DomainEvent, models.CASCADE, related_name="failures")
    listener = models.CharField(max_length=200)
    error = models.TextField()
    attempts = models.SmallIntegerField(default=1)
    due_at = models.DateTimeField()
    parked_at = models.DateTimeField(null=True)

    objects = ListenerFailureQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "domain_event", "listener"], name="one_failure_per_listener"
            )
        ]
        indexes = [
            models.Index(
                fields=["due_at"], condition=Q(parked_at=None), name="listener_failure_due"
            )
        ]
