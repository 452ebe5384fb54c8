"""What webhooks do when something happened that integrators may hear of."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.dispatch import receiver

from growth import outbox
from growth.models import DomainEvent, DomainEventType, Project
from webhooks.models import Delivery
from webhooks.operations.planning import plan
from webhooks.operations.redacting import redact


@outbox.listen(*(type for type in DomainEventType if type.is_public))
def plan_deliveries(news: Sequence[DomainEvent], *, at: datetime) -> None:
    """Queue a delivery for every endpoint that wants to hear of it."""
    plan(news, at=at)


@receiver(outbox.news_redacted)
def redact_deliveries(project: Project, subjects: Sequence[int], **_: Any) -> dict[str, int]:
    """Let deliveries say no more of the subjects than the news does that they were made of."""
    return {Delivery._meta.db_table: redact(project, subjects)}
