"""Endpoints and events for tests."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from growth import outbox
from growth.models import DomainEvent, DomainEventType, Project
from tests.factories import AT
from webhooks.models import Delivery, Endpoint
from webhooks.models.subscriptions import canonical
from webhooks.operations.endpoints import create_endpoint

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def make_endpoint(
    project: Project,
    url: str = "https://example.com/hooks",
    events: Sequence[str] = ("*",),
    **fields: Any,
) -> Endpoint:
    """Return a new endpoint."""
    types = sorted({canonical(name) for name in events})
    defaults = {"secret": SECRET, "at": AT}
    return create_endpoint(project, url=url, events=list(events), types=types, **defaults | fields)


def emit(
    project: Project,
    *data: dict[str, Any],
    type: DomainEventType = DomainEventType.CONTACT_CREATED,
    at: datetime = AT,
) -> None:
    """Let something happen; nobody is told of it yet."""
    outbox.emit(project, *(outbox.News(type, each) for each in data or ({"n": 1},)), at=at)


def make_delivery(endpoint: Endpoint, at: datetime = AT, **data: Any) -> Delivery:
    """Return the delivery of a new event to the endpoint."""
    emit(endpoint.project, data or {"n": 1}, at=at)
    newest = DomainEvent.objects.latest("id")
    while outbox.relay(at=at):
        pass
    return Delivery.objects.get(endpoint=endpoint, domain_event=newest)
