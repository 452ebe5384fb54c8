"""What contacts agreed to hear of."""

from django.db import models
from django.db.models import Q

from growth.models import ProjectModel, PublicIdField


class Topic(ProjectModel):
    """Something that mail is about. Of a topic with double opt-in, nobody hears unasked.

    The ``code`` is what integrations call it, and stays.
    """

    class OptIn(models.TextChoices):
        NONE = "none"
        DOUBLE = "double"

    id = PublicIdField(prefix="topic")
    code = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    opt_in = models.CharField(max_length=6, choices=OptIn.choices, default=OptIn.NONE)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "code"], name="one_topic_per_code")
        ]
        indexes = [models.Index(fields=["project", "id"], name="topic_list")]

    def __str__(self) -> str:
        return self.code

    def allows(self, state: str | None) -> bool:
        """Tell whether a contact whose consent is in this state may get mail of the topic."""
        if self.opt_in == self.OptIn.DOUBLE:
            return state == Consent.State.GRANTED
        return state != Consent.State.WITHDRAWN


class Consent(ProjectModel):
    """Where a contact stands on a topic now. Without a row, the topic's ``opt_in`` decides.

    ``evidence`` is whatever shows that they said so: a form, its text, an address.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        GRANTED = "granted"
        WITHDRAWN = "withdrawn"

    id = models.BigAutoField(primary_key=True)
    contact = models.ForeignKey(
        "Contact", models.CASCADE, related_name="consents", db_index=False
    )  # The constraint's index finds them.
    topic = models.ForeignKey(Topic, models.PROTECT, related_name="consents")
    state = models.CharField(max_length=9, choices=State.choices)
    source = models.CharField(max_length=64)
    evidence = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "contact", "topic"], name="one_consent_per_topic"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "granted", "withdrawn"]), name="consent_state"
            ),
        ]


class ConsentChange(ProjectModel):
    """What a consent became, and when: written with each change, and never changed itself."""

    id = models.BigAutoField(primary_key=True)
    consent = models.ForeignKey(Consent, models.CASCADE, related_name="changes")
    state = models.CharField(max_length=9, choices=Consent.State.choices)
    source = models.CharField(max_length=64)
    evidence = models.JSONField(default=dict)
    at = models.DateTimeField()
