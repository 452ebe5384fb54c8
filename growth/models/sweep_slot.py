"""How many runs of one sweep there may be at once, over all processes."""

from django.db import models


class SweepSlot(models.Model):
    """A seat for one run of a sweep. It is free again when it is given back, or its lease has
    ended.
    """

    sweep = models.CharField(max_length=200)
    number = models.SmallIntegerField()
    leased_until = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sweep", "number"], name="one_row_per_sweep_slot")
        ]

    def __str__(self) -> str:
        return f"{self.sweep} {self.number}"
