"""The mails of a campaign, in their order."""

from datetime import timedelta
from typing import Any

from django.db import models

from campaigns.models.campaign import Campaign
from contacts.mail.queueing import Mailing
from growth import durations
from growth.models import ProjectModel, PublicIdField


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
