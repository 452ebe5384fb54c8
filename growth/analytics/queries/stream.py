"""The stream of events, latest first."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from contacts.models import Event
from contacts.rule_sql import sql
from growth.analytics.queries.sources import all_of
from growth.analytics.statements import statement
from growth.models import Project

NEWEST_FIRST = ("-timestamp", "-id")


def recent_events(
    project: Project,
    *,
    event: str | None = None,
    contact_id: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Callable[[list | None, int], list[dict[str, Any]]]:
    """Return what fetches pages of the events of the name and of the contact, from the start on and
    before the end.
    """

    def fetch(after: list | None, count: int) -> list[dict[str, Any]]:
        parts = [sql("event.timestamp >= {}", start)] if start else []
        parts += [sql("event.timestamp < {}", end)] if end else []
        if after:
            key = Event._meta.pk.get_prep_value(after[1])
            parts += [
                sql("event.timestamp <= {}::timestamptz", after[0]),
                sql("(event.timestamp, event.id) < ({}::timestamptz, {})", after[0], key),
            ]
        if event is not None:
            parts.append(sql("event.name = {}", event))
        if contact_id is not None:
            key = Event._meta.get_field("contact").get_prep_value(contact_id)
            parts.append(sql("event.contact_id = {}", key))
        is_all = event is None and contact_id is None
        chosen = statement(
            "recent_events" if is_all else "chosen_events",
            project=project.key,
            chosen=all_of(parts or [sql("true")]),
            limit=count,
        )
        return [each.as_dict() for each in Event.objects.raw(chosen.text, chosen.params)]

    return fetch
