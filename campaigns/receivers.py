"""What campaigns do when something happened to contacts, and their segments know of it."""

from collections.abc import Sequence
from datetime import datetime

from campaigns.operations.journeys import enroll
from growth import outbox
from growth.models import DomainEvent, DomainEventType


@outbox.listen(DomainEventType.EVENTS_EVALUATED)
def enroll_contacts(news: Sequence[DomainEvent], *, at: datetime) -> None:
    """Enroll whoever did what a campaign waits for."""
    for hops in sorted({event.hops for event in news}):
        pairs = [pair for event in news if event.hops == hops for pair in event.data["events"]]
        enroll(news[0].project, pairs, at=at, hops=hops)
