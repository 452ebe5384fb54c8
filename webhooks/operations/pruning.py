"""What is forgotten: old deliveries, and all of endpoints that were deleted."""

from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from webhooks.models import Delivery, Endpoint, Replay
from webhooks.models.delivery import KEPT

_BATCH = 5000


def prune(*, at: datetime) -> int:
    """Forget a batch; return how many rows that were."""
    old = Delivery.objects.filter(created_at__lt=at - KEPT).order_by("created_at")
    orphans = Delivery.objects.filter(endpoint__deleted_at__isnull=False).order_by("id")
    replays = Replay.objects.filter(created_at__lt=at - KEPT).order_by("id")
    deleted = Endpoint.objects.exclude(deleted_at=None).order_by("id")
    empty = deleted.exclude(Exists(Delivery.objects.filter(endpoint=OuterRef("pk"))))
    return sum(_forget(rows) for rows in (old, orphans, replays, empty))


def _forget(rows: QuerySet) -> int:
    return rows.model.objects.filter(
        pk__in=list(rows.values_list("pk", flat=True)[:_BATCH])
    ).delete()[0]
