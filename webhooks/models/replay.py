"""Events of the past that an endpoint is to get again."""

from typing import Self

from django.db import models
from django.db.models import Q

from growth.models import ProjectModel, ProjectQuerySet, PublicIdField
from webhooks.models.endpoint import Endpoint


class ReplayQuerySet(ProjectQuerySet):
    """Replays by whether they are done."""

    def running(self) -> Self:
        """Keep those that are not."""
        return self.filter(due_at__isnull=False)


class Replay(ProjectModel):
    """A range of events that is gone through once, in batches; ``position`` says how far."""

    class Which(models.TextChoices):
        MISSING = "missing"
        FAILED = "failed"
        ALL = "all"

    id = PublicIdField(prefix="wh_replay")
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="+", db_index=False)
    which = models.CharField(max_length=7, choices=Which.choices, default=Which.MISSING)
    since = models.DateTimeField()
    until = models.DateTimeField()
    position = models.BigIntegerField(default=0)
    queued = models.IntegerField(default=0)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)

    objects = ReplayQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["project", "endpoint"], name="replay_of_endpoint"),
            models.Index(
                fields=["due_at"], condition=~Q(due_at=None), name="replay_due"
            ),  # operations.replaying
        ]
