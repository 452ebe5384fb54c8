"""The events of people who are known: most of what comes in, stored by a single statement."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

from contacts.models import partitions
from contacts.models.event_sql import storing, storing_parameters
from contacts.operations.calls import Call
from contacts.operations.people import ANONYMOUS_ID, EXTERNAL_ID
from growth import outbox
from growth.models import Project
from growth.transactions import with_retries

_SIMPLE = ([EXTERNAL_ID], [ANONYMOUS_ID], [EXTERNAL_ID, ANONYMOUS_ID])

# A call that was told before has no receipt. One whose ids are not all known, and one person's, has
# no contact; it takes no receipt, so that it can be told once more.
_FRESH = """
    call AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(%(calls)s) AS call (place int, external_id text,
               anonymous_id text, name text, properties jsonb, timestamp timestamptz,
               message_id text)
    ), known AS (
        SELECT value, contact_id AS key FROM contacts_identity
         WHERE project_id = %(project)s AND kind = 'external_id'
           AND value = ANY(ARRAY(SELECT external_id FROM call))
    ), visitor AS (
        SELECT value, contact_id AS key FROM contacts_identity
         WHERE project_id = %(project)s AND kind = 'anonymous_id'
           AND value = ANY(ARRAY(SELECT anonymous_id FROM call))
    ), owned AS MATERIALIZED (
        SELECT call.*,
               CASE WHEN external_id IS NULL THEN visitor.key
                    WHEN anonymous_id IS NULL OR visitor.key = known.key THEN known.key
                     END AS contact_id
          FROM call LEFT JOIN known ON known.value = external_id
               LEFT JOIN visitor ON visitor.value = anonymous_id
    ), receipt AS (
        INSERT INTO contacts_eventreceipt (project_id, message_id, received_at)
        SELECT %(project)s, message_id, %(at)s FROM owned WHERE contact_id IS NOT NULL
         ORDER BY message_id
        ON CONFLICT DO NOTHING RETURNING message_id
    )
"""
_KNOWN = """
    SELECT contact_id, name, properties, timestamp, message_id FROM owned
     WHERE message_id IN (SELECT message_id FROM receipt) ORDER BY place
"""
_STORE = f"""
    WITH {_FRESH}, {storing(_KNOWN)}
    SELECT coalesce(array_agg(place), '{{}}') FROM owned WHERE contact_id IS NULL
"""


def store_known(project: Project, calls: Mapping[int, Call], *, at: datetime) -> list[int]:
    """Store the events of people who are known, where that is all that a call says.

    Safe to repeat, because only calls with a message id are taken; at the same time as itself; and
    to kill: it is one statement.

    :param calls: by their places in the batch, no two of the same message id.
    :return: the places of all other calls, in order.
    """
    if any(call.previous_id for call in calls.values()):
        return list(calls)  # An alias may merge those who are known.
    rows = [_row(place, call) for place, call in calls.items() if _is_simple(call)]
    taken = {row["place"] for row in rows}
    if rows:
        taken -= set(_store(project, rows, at))
    return [place for place in calls if place not in taken]


@with_retries
def _store(project: Project, rows: list[dict[str, Any]], at: datetime) -> list[int]:
    times = [row["timestamp"] for row in rows]
    partitions.ensure(min(times), max(times))
    params = storing_parameters(project, at=at) | {"calls": orjson.dumps(rows).decode()}
    with connection.prepared_cursor() as cursor:
        cursor.execute(_STORE, params)
        [(unknown,)] = cursor.fetchall()
    if len(unknown) < len(rows):
        outbox.wake(outbox.RELAY_TASK)
    return unknown


def _is_simple(call: Call) -> bool:
    return (
        bool(call.name and call.message_id)
        and not call.is_historical
        and not call.is_command
        and call.referral is None
        and not call.sighting.tells
        and [kind for kind, _ in call.sighting.claims] in _SIMPLE
    )


def _row(place: int, call: Call) -> dict[str, Any]:
    return {
        "place": place,
        **dict(call.sighting.claims),
        "name": call.name,
        "properties": call.properties or {},
        "timestamp": call.timestamp,
        "message_id": call.message_id,
    }
