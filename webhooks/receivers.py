"""What webhooks do when something happened that integrators may hear of."""

from collections.abc import Sequence
from datetime import datetime

from growth import outbox
from growth.models import DomainEvent, DomainEventType
from webhooks.operations.planning import plan


@outbox.listen(*(type for type in DomainEventType if type.is_public))
def plan_deliveries(news: Sequence[DomainEvent], *, at: datetime) -> None:
    """Queue a delivery for every endpoint that wants to hear of it."""
    plan(news, at=at)
