"""How many wait in each stretch of a list, so that nobody counts a million to tell one place."""

from django.db import models

from growth.models import ProjectModel
from waitlists.models.waitlist import Waitlist

BUCKET_BITS = 10
"""A bucket holds the ranks that are equal but for so many of their last bits."""


class Bucket(ProjectModel):
    """So many entries of the list wait whose ``sort_key >> BUCKET_BITS`` is ``number``."""

    id = models.BigAutoField(primary_key=True)
    waitlist = models.ForeignKey(
        Waitlist, models.CASCADE, related_name="buckets", db_index=False, db_constraint=False
    )
    number = models.BigIntegerField()
    count = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "waitlist", "number"], name="one_bucket_per_stretch"
            )
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.count}"
