"""What contacts did, told by the customer's own programs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from django.db import connection

from contacts.models import Event, EventReceipt
from contacts.operations.aliasing import Alias, follow_aliases, prepare_merges, survivor
from contacts.operations.contacts import identify
from contacts.operations.people import Sighting
from contacts.operations.resolving import Outcome
from growth import outbox
from growth.models import DomainEventType, Project
from growth.transactions import atomic_with_retries

HISTORICAL_AGE = timedelta(hours=24)


class Call(NamedTuple):
    """One call of the ingest API: who it speaks of, and the event it tells, if it tells one.

    A historical call is stored and counted, and triggers nothing. An alias names the
    ``previous_id`` that means the same person. A command asks an app above for something: it does
    that, and tells the event itself. ``warnings`` say what of it is not heeded.
    """

    sighting: Sighting
    name: str = ""
    properties: dict[str, Any] | None = None
    timestamp: datetime | None = None
    message_id: str | None = None
    is_historical: bool = False
    previous_id: str = ""
    is_command: bool = False
    warnings: tuple[str, ...] = ()


@atomic_with_retries
def record_calls(project: Project, calls: Sequence[Call], *, at: datetime) -> list[Outcome | None]:
    """Store what the calls say, in a constant number of statements; calls told before are left out.

    Return what became of each call: its outcome, or None if it was told before. Safe to repeat by
    the message ids, at the same time as itself, and to kill: it is one transaction.
    """
    fresh = _fresh(project, calls, at)
    outcomes = _record(project, [calls[index] for index in fresh], at) if fresh else []
    settled = dict(zip(fresh, outcomes, strict=True))
    first = {calls[index].message_id: index for index in fresh if calls[index].message_id}
    return [settled.get(first.get(call.message_id, i)) for i, call in enumerate(calls)]


def _record(project: Project, fresh: list[Call], at: datetime) -> list[Outcome]:
    prepare_merges(project, {call.previous_id for call in fresh if call.previous_id})
    identified = identify(project, [call.sighting for call in fresh], at=at)
    judged = list(zip(fresh, identified.outcomes, strict=True))
    _forget(project, [call for call, outcome in judged if outcome.violations])
    meant = [(call, outcome.contact) for call, outcome in judged if not outcome.violations]
    aliases = [Alias(call.previous_id, contact) for call, contact in meant if call.previous_id]
    merged = follow_aliases(project, aliases, at=at)
    named = [(call, survivor(contact, merged)) for call, contact in meant if call.name]
    outbox.emit(project, *_commands(named), at=at)
    told = [(call, contact) for call, contact in named if not call.is_command]
    live, historical = (_rows(told, is_historical=each) for each in (False, True))
    Event.objects.store(project, live, changes=identified.changes, at=at)
    Event.objects.store(project, historical, is_quiet=True, at=at)
    return identified.outcomes


def _fresh(project: Project, calls: Sequence[Call], at: datetime) -> list[int]:
    """Return the places of the calls that are told for the first time, by their message ids."""
    numbered = list(enumerate(calls))
    first = {call.message_id: index for index, call in reversed(numbered) if call.message_id}
    if not first:
        return list(range(len(calls)))
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
        index
        for index, call in numbered
        if not call.message_id or (call.message_id in new and first[call.message_id] == index)
    ]


def _forget(project: Project, calls: list[Call]) -> None:
    """Let calls that were refused be told again, under the same message ids."""
    if ids := [call.message_id for call in calls if call.message_id]:
        EventReceipt.objects.filter(project=project, message_id__in=ids).delete()


def _commands(named: list[tuple[Call, int]]) -> list[outbox.News]:
    return [
        outbox.News(
            DomainEventType.EVENT_COMMANDED,
            {"name": call.name, "properties": call.properties},
            subject=contact,
        )
        for call, contact in named
        if call.is_command and not call.is_historical
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
