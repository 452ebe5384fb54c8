"""Answers that are kept, so that a repeated request is answered again and not done again."""

from datetime import timedelta

from django.db import models

from growth.models.tenancy import ProjectModel

KEEP = timedelta(hours=24)


class IdempotencyKey(ProjectModel):
    """The answer to the first request that bore the key, kept for a day.

    ``fingerprint`` is the SHA-256 of that request's body.
    """

    id = models.BigAutoField(primary_key=True)
    route = models.CharField(max_length=500)
    key = models.CharField(max_length=255)
    fingerprint = models.BinaryField(max_length=32)
    status = models.SmallIntegerField()
    answer = models.BinaryField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "route", "key"], name="one_answer_per_key")
        ]
        indexes = [
            models.Index(fields=["created_at"], name="idempotency_age")  # prune_idempotency_keys
        ]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
