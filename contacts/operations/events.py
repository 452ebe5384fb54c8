"""What contacts did, told by the customer's own programs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from django.db import connection

from contacts.models import Event
from contacts.models.event import announce
from contacts.operations.aliasing import Alias, follow_aliases, prepare_merges, survivor
from contacts.operations.contacts import identify
from contacts.operations.people import Sighting
from growth.models import Project
from growth.transactions import atomic_with_retries

HISTORICAL_AGE = timedelta(hours=24)


class Call(NamedTuple):
    """One call of the ingest API: who it speaks of, and the event it tells, if it tells one.

    A historical call is stored and counted, and triggers nothing. An alias names the
    ``previous_id`` that means the same person.
    """

    sighting: Sighting
    name: str = ""
    properties: dict[str, Any] | None = None
    timestamp: datetime | None = None
    message_id: str | None = None
    is_historical: bool = False
    previous_id: str = ""


@atomic_with_retries
def record_calls(project: Project, calls: Sequence[Call], *, at: datetime) -> None:
    """Store what the calls say, in a constant number of statements; calls told before are left out.

    Safe to repeat by the message ids, at the same time as itself, and to kill: it is one
    transaction.
    """
    fresh = _fresh(project, calls, at)
    if not fresh:
        return
    prepare_merges(project, {call.previous_id for call in fresh if call.previous_id})
    identified = identify(project, [call.sighting for call in fresh], at=at)
    meant = list(zip(fresh, identified.contacts, strict=True))
    aliases = [Alias(call.previous_id, contact) for call, contact in meant if call.previous_id]
    merged = follow_aliases(project, aliases, at=at)
    told = [(call, survivor(contact, merged)) for call, contact in meant if call.name]
    live = Event.objects.store(project, _rows(told, is_historical=False), at=at)
    historical = Event.objects.store(project, _rows(told, is_historical=True), at=at)
    announce(project, live, changes=identified.changes, at=at)
    announce(project, historical, is_quiet=True, at=at)


def _fresh(project: Project, calls: Sequence[Call], at: datetime) -> list[Call]:
    """Return the calls that are told for the first time, by their message ids, in their order."""
    first = {call.message_id: call for call in reversed(calls) if call.message_id}
    if not first:
        return list(calls)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO contacts_eventreceipt (project_id, message_id, received_at)
            SELECT %s, message_id, %s FROM jsonb_array_elements_text(%s) message_id
            ON CONFLICT DO NOTHING RETURNING message_id
            """,
            [project.key, at, orjson.dumps(sorted(first)).decode()],
        )
        new = {message_id for (message_id,) in cursor.fetchall()}
    return [
        call
        for call in calls
        if not call.message_id or (call.message_id in new and first[call.message_id] is call)
    ]


def _rows(told: list[tuple[Call, int]], *, is_historical: bool) -> list[dict[str, Any]]:
    return [
        {
            "contact_id": contact,
            "name": call.name,
            "properties": call.properties or {},
            "timestamp": call.timestamp,
            "message_id": call.message_id,
        }
        for call, contact in told
        if call.is_historical == is_historical
    ]
