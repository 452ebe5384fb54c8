"""How far the import of a file has come."""

from django.db import models

from growth.models import ProjectModel


class ImportedFile(ProjectModel):
    """A file of events that was imported, or is being imported: its first ``rows_done`` rows are
    in.

    A row of a file is known by its place, so the number says all: it moves in the transaction that
    stores the rows.
    """

    id = models.BigAutoField(primary_key=True)
    digest = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    options = models.JSONField()
    shift_days = models.IntegerField(default=0)
    rows_done = models.BigIntegerField(default=0)
    rows_rejected = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "digest"], name="one_import_per_file")
        ]

    def __str__(self) -> str:
        return self.name
