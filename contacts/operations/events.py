"""What contacts did, told by the customer's own programs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

from contacts.models import Event, EventReceipt
from contacts.operations.aliasing import Alias, follow_aliases, prepare_merges, survivor
from contacts.operations.calls import Call
from contacts.operations.contacts import identify
from contacts.operations.known import store_known
from contacts.operations.resolving import Outcome
from growth import outbox
from growth.models import DomainEventType, Project
from growth.transactions import atomic_with_retries


def record_calls(project: Project, calls: Sequence[Call], *, at: datetime) -> list[Outcome | None]:
    """Store what the calls say, in a constant number of statements; calls told before are left out.

    Return what became of each call; None if there is nothing to say of it, because it was told
    before or is no more than an event of somebody known. Safe to repeat by the message ids, at the
    same time as itself, and to kill: what has no message id is in one transaction.
    """
    told = dict(reversed([(call.message_id or place, place) for place, call in enumerate(calls)]))
    first = {place: calls[place] for place in sorted(told.values())}
    left = store_known(project, first, at=at)
    settled = _record(project, {place: first[place] for place in left}, at) if left else {}
    return [settled.get(told[call.message_id or place]) for place, call in enumerate(calls)]


@atomic_with_retries
def _record(project: Project, calls: dict[int, Call], at: datetime) -> dict[int, Outcome]:
    fresh = _fresh(project, calls, at)
    outcomes = _store(project, list(fresh.values()), at) if fresh else []
    return dict(zip(fresh, outcomes, strict=True))


def _store(project: Project, fresh: list[Call], at: datetime) -> list[Outcome]:
    prepare_merges(project, {call.previous_id for call in fresh if call.previous_id})
    identified = identify(project, [call.sighting for call in fresh], at=at)
    judged = list(zip(fresh, identified.outcomes, strict=True))
    _forget(project, [call for call, outcome in judged if outcome.violations])
    meant = [(call, outcome.contact) for call, outcome in judged if not outcome.violations]
    aliases = [Alias(call.previous_id, contact) for call, contact in meant if call.previous_id]
    merged = follow_aliases(project, aliases, at=at)
    named = [(call, survivor(contact, merged)) for call, contact in meant if call.name]
    _tell_referrals(project, meant, merged, at)
    outbox.emit(project, *_commands(named), at=at)
    told = [(call, contact) for call, contact in named if not call.is_command]
    live, historical = (_rows(told, is_historical=each) for each in (False, True))
    Event.objects.store(project, live, changes=identified.changes, at=at)
    Event.objects.store(project, historical, is_quiet=True, at=at)
    return identified.outcomes


def _tell_referrals(
    project: Project, meant: list[tuple[Call, int]], merged: dict[int, int], at: datetime
) -> None:
    """Tell by whose links people came, before anybody hears what they did."""
    news = [
        outbox.News(DomainEventType.REFERRAL_SEEN, call.referral, subject=survivor(contact, merged))
        for call, contact in meant
        if call.referral and not call.is_historical
    ]
    outbox.emit(project, *news, at=at)


def _fresh(project: Project, calls: dict[int, Call], at: datetime) -> dict[int, Call]:
    """Return the calls that are told for the first time, by their message ids."""
    told = sorted(call.message_id for call in calls.values() if call.message_id)
    if not told:
        return calls
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO contacts_eventreceipt (project_id, message_id, received_at)
            SELECT %s, message_id, %s FROM jsonb_array_elements_text(%s) message_id
            ON CONFLICT DO NOTHING RETURNING message_id
            """,
            [project.key, at, orjson.dumps(told).decode()],
        )
        new = {message_id for (message_id,) in cursor.fetchall()}
    return {
        place: call
        for place, call in calls.items()
        if not call.message_id or call.message_id in new
    }


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
