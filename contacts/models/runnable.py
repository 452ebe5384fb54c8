"""What is begun and paused, and mails by a stream of its own meanwhile."""

from datetime import datetime

from django.db import models, transaction

from contacts.models.mail import MailStream
from growth.errors import Conflict
from growth.models import ProjectModel


class Runnable(ProjectModel):
    """Begins as a draft, and does what it is for while it is active."""

    class Status(models.TextChoices):
        DRAFT = "draft"
        ACTIVE = "active"
        PAUSED = "paused"

    stream = models.OneToOneField(MailStream, models.PROTECT, editable=False, related_name="+")
    status = models.CharField(max_length=6, choices=Status.choices, default=Status.DRAFT)

    class Meta:
        abstract = True

    @transaction.atomic
    def activate(self, *, at: datetime) -> None:
        """Begin, or go on after a pause. Told twice, it is done once."""
        self.lock()
        if self.status == self.Status.ACTIVE:
            return
        self.status = self.Status.ACTIVE
        self.save(update_fields=["status", "updated_at"])
        self.stream.resume()

    @transaction.atomic
    def pause(self, *, at: datetime) -> None:
        """Stop for now, and let no mail begin to be sent. Told twice, it is done once.

        :raises Conflict: if it is a draft.
        """
        self.lock()
        if self.status == self.Status.PAUSED:
            return
        if self.status == self.Status.DRAFT:
            noun = self._meta.verbose_name
            raise Conflict(f"This {noun} is a draft; only an active one can be paused.")
        self.status = self.Status.PAUSED
        self.save(update_fields=["status", "updated_at"])
        self.stream.pause(at=at)
