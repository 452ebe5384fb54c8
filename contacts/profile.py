"""All that is known of one contact, across every part of the system."""

from datetime import datetime
from typing import Any

import orjson
from django.db import connection

from contacts.models import Contact, Event, Segment
from contacts.scores import ENGAGEMENT_PARTS, FULL, LEAD_PARTS, parameters
from contacts.signals import contact_described
from growth import ids

RECENT_EVENTS = 10

_TIME = """'YYYY-MM-DD"T"HH24:MI:SS"Z"'"""  # as JSON shows it
_SCORE = f"least({FULL}, coalesce(sum(points) FILTER (WHERE points > 0), 0))::int"

# One statement for all that contacts know of one of them: single calls are many.
_RECORDS = f"""
    SELECT (SELECT {_SCORE} FROM ({ENGAGEMENT_PARTS}) part),
           (SELECT {_SCORE} FROM ({LEAD_PARTS}) part),
           ARRAY(SELECT segment_id FROM contacts_membership
                  WHERE project_id = %(project)s AND contact_id = %(contact)s ORDER BY id),
           (SELECT json_agg(json_build_object(
                     'topic', topic.code, 'state', said.state, 'source', said.source,
                     'at', to_char(said.at AT TIME ZONE 'UTC', {_TIME})) ORDER BY said.id)::text
              FROM contacts_consent said JOIN contacts_topic topic ON topic.id = said.topic_id
             WHERE said.project_id = %(project)s AND said.contact_id = %(contact)s),
           (SELECT json_agg(json_build_array(
                     id, name, properties,
                     to_char(timestamp AT TIME ZONE 'UTC', {_TIME}),
                     to_char(received_at AT TIME ZONE 'UTC', {_TIME}), message_id)
                     ORDER BY timestamp DESC, id DESC)::text
              FROM (SELECT * FROM contacts_event
                     WHERE project_id = %(project)s AND contact_id = %(contact)s
                     ORDER BY timestamp DESC, id DESC LIMIT {RECENT_EVENTS}) event)
"""


def profile(contact: Contact, *, at: datetime) -> dict[str, Any]:
    """Return the contact with its scores, segments, consents, latest events, and what other apps
    add.
    """
    described: dict[str, Any] = {"referral_stats": {"referrals_made": 0, "conversions": 0}}
    for _, addition in contact_described.send(sender=Contact, contact=contact):
        described |= addition
    return {**contact.snapshot(), **_records(contact, at), **described}


def _records(contact: Contact, at: datetime) -> dict[str, Any]:
    params = parameters(contact.project, [contact.key], at=at) | {"contact": contact.key}
    with connection.prepared_cursor() as cursor:
        cursor.execute(_RECORDS, params)
        engagement, lead, segments, consents, events = cursor.fetchone()
    return {
        "scores": {"engagement": engagement, "lead": lead},
        "segments": [ids.encode(_SEGMENT, key) for key in segments],
        "consents": orjson.loads(consents or "[]"),
        "recent_events": [_event(contact, *row) for row in orjson.loads(events or "[]")],
    }


def _event(contact: Contact, key: int, name: str, properties: Any, *rest: Any) -> dict[str, Any]:
    timestamp, received_at, message_id = rest
    return {
        "id": ids.encode(_EVENT, key),
        "event": name,
        "properties": properties,
        "timestamp": timestamp,
        "received_at": received_at,
        "message_id": message_id,
        "contact_id": contact.id,
    }


_EVENT, _SEGMENT = Event._meta.pk.prefix, Segment._meta.pk.prefix
