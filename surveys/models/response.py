"""What contacts answered."""

from typing import Any

from django.db import models
from django.db.models import Q

from growth.models import ProjectModel, PublicIdField
from surveys.models.invitation import Invitation
from surveys.models.survey import Survey


class Response(ProjectModel):
    """One answer of a contact to a survey, by its invitation or without one.

    ``answers`` are those to the survey's own questions, by their ids. ``category`` is what the
    score was called when it was given. The answer of an erased contact keeps what counts, and
    nothing that the contact wrote.
    """

    id = PublicIdField(prefix="resp")
    survey = models.ForeignKey(Survey, models.CASCADE, related_name="responses", db_index=False)
    contact = models.ForeignKey(
        "contacts.Contact", models.CASCADE, related_name="+", db_index=False
    )
    invitation = models.OneToOneField(
        Invitation, models.SET_NULL, null=True, related_name="response"
    )
    score = models.SmallIntegerField(null=True)
    comment = models.TextField(blank=True)
    answers = models.JSONField(default=dict)
    category = models.CharField(max_length=12, blank=True)
    responded_at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["project", "survey", "id"], name="response_list"),
            models.Index(
                fields=["project", "survey", "score"], name="response_scores"
            ),  # queries.stats
            models.Index(fields=["project", "contact"], name="response_of_contact"),
            models.Index(
                fields=["project", "responded_at"],
                include=["survey", "score"],
                condition=Q(score__isnull=False),
                name="response_by_time",
            ),  # the NPS of a project
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return the answer as the API shows it."""
        return {
            "id": self.id,
            "contact_id": self.contact_id,
            "score": self.score,
            "comment": self.comment or None,
            "category": self.category or None,
            "answers": self.answers,
            "responded_at": self.responded_at,
            "edited_at": self.edited_at,
        }
