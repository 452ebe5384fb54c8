"""The proof that a contact was erased."""

from typing import Any

from django.db import models
from django.db.models import Q

from contacts.models.contact import wire_time
from growth.models import ProjectModel


class Erasure(ProjectModel):
    """A contact was erased, and so many rows were deleted or stripped, by their tables.

    ``due_at`` is when rows are looked for that somebody was writing at that very moment.
    """

    id = models.BigAutoField(primary_key=True)
    contact = models.ForeignKey("Contact", models.CASCADE, related_name="+", db_index=False)
    counts = models.JSONField()
    erased_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "contact"], name="one_erasure_each")
        ]
        indexes = [
            models.Index(
                fields=["due_at"], condition=~Q(due_at=None), name="erasure_due"
            ),  # operations.erasing.settle_erasures
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return the receipt."""
        return {
            "id": self.contact_id,
            "erased_at": wire_time(self.erased_at),
            "counts": self.counts,
        }
