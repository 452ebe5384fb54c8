"""What integrators are told of an event, alike in webhooks and in the feed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Max, Min

from growth.api.json import dump
from growth.errors import Gone
from growth.models import DomainEvent, Project
from webhooks.models.delivery import KEPT
from webhooks.models.subscriptions import TYPES


class NoSuchEvent(LookupError):
    """The feed has never shown an event of this id."""


def payload(event: DomainEvent) -> dict[str, Any]:
    """Return the body of the event."""
    return envelope(event.id, event.type, event.data, event.project_id, event.created_at)


def frozen(event: DomainEvent) -> str:
    """Return the body as it is sent and signed, byte for byte."""
    return dump(payload(event)).decode()


def envelope(
    id: str, type: str, data: dict[str, Any], project_id: str, at: datetime
) -> dict[str, Any]:
    """Return what is said of any event."""
    return {
        "id": id,
        "type": type,
        "created_at": at,
        "timestamp": at,
        "project_id": project_id,
        "tenant_id": project_id,
        "data": data,
        "idempotency_key": f"idk_{id.removeprefix('evt_')}",
    }


def fed(
    project: Project, *, after: str, types: Sequence[str], count: int, at: datetime
) -> list[DomainEvent]:
    """Return the next events of the feed after this one, in the order they were told.

    :raises Gone: if the event is older than what is kept.
    :raises NoSuchEvent: if there is no such event.
    """
    told = DomainEvent.objects.filter(project=project, type__in=types or TYPES)
    told = told.filter(position__gt=_position(project, after, at) if after else 0)
    return list(told.filter(created_at__gte=at - KEPT).order_by("position")[:count])


def _position(project: Project, after: str, at: datetime) -> int:
    found = DomainEvent.objects.filter(project=project, pk=after, type__in=TYPES)
    event = found.exclude(position=None).only("position", "created_at").first()
    if event and event.created_at >= at - KEPT:
        return event.position
    if event or _is_forgotten(after):
        raise Gone("The feed keeps 30 days, and this event is older; begin without after.")
    raise NoSuchEvent(after)


def _is_forgotten(after: str) -> bool:
    """Tell whether the id is below all that are kept, in any project."""
    key = DomainEvent._meta.pk.get_prep_value(after)
    if key < 0:
        return False
    kept = DomainEvent.objects.aggregate(first=Min("pk"), last=Max("pk"))
    first = DomainEvent._meta.pk.get_prep_value(kept["first"])
    return first is not None and key < first
