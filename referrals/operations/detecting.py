"""Conversions that happen by themselves: a person came by a link, and did what a program waits for.

The last link by which it came within the program's window counts.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

from contacts.models import Contact
from growth import ids
from growth.models import Project
from referrals.models import Link, Program
from referrals.operations.book import Claim
from referrals.operations.conversions import record_conversions

_FOUND = """
    SELECT DISTINCT ON (program.id, contact.id)
           program.id, came.link_id, contact.id, event.name, event.properties::text,
           event.timestamp
      FROM contacts_event event
      JOIN referrals_program program ON program.project_id = %(project)s
           AND program.status = 'active' AND program.conversion_event = event.name
      JOIN contacts_contact contact ON contact.id = event.contact_id
           AND contact.project_id = %(project)s AND contact.deleted_at IS NULL
      JOIN LATERAL (
           SELECT referral.link_id FROM referrals_referral referral
            WHERE referral.project_id = %(project)s AND referral.contact_id = contact.id
              AND referral.program_id = program.id AND referral.seen_at <= event.received_at
              AND event.timestamp <= referral.seen_at + interval '1 day'
                  * coalesce((program.limits->>'conversion_window_days')::integer, %(days)s)
            ORDER BY referral.seen_at DESC, referral.id DESC LIMIT 1) came ON true
     WHERE event.id = ANY(%(events)s::bigint[]) AND event.project_id = %(project)s
       AND event.timestamp BETWEEN %(first)s AND %(last)s
       AND NOT EXISTS (
           SELECT FROM referrals_conversion conversion
            WHERE conversion.project_id = %(project)s AND conversion.program_id = program.id
              AND conversion.contact_id = contact.id AND conversion.status <> 'rejected')
     ORDER BY program.id, contact.id, event.timestamp, event.id
"""


def detect_conversions(
    project: Project, events: Sequence[Sequence[Any]], *, at: datetime, hops: int
) -> int:
    """Record the conversions that these events are; return how many were looked at.

    ``events`` are the ``[key, timestamp]`` pairs of news. Safe to repeat: a person converts once.
    """
    waiting = Program.objects.in_project(project).active().exclude(conversion_event="")
    programs = {program.key: program for program in waiting.select_related("project")}
    if not programs or not events:
        return 0
    claims: dict[int, list[Claim]] = defaultdict(list)
    for program, link, contact, name, properties, happened in _found(project, events):
        claim = Claim(
            ids.encode(_LINK, link), ids.encode(_CONTACT, contact), name, properties, happened
        )
        claims[program].append(claim)
    for program, told in sorted(claims.items()):
        record_conversions(programs[program], told, at=at, hops=hops)
    return sum(map(len, claims.values()))


def _found(project: Project, events: Sequence[Sequence[Any]]) -> list[tuple]:
    times = [datetime.fromisoformat(time) for _, time in events]
    params = {
        "project": project.key,
        "events": [key for key, _ in events],
        "first": min(times),
        "last": max(times),
        "days": Program.WINDOW_DAYS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_FOUND, params)
        return [(*rest, orjson.loads(said), at) for *rest, said, at in cursor.fetchall()]


_LINK, _CONTACT = Link._meta.pk.prefix, Contact._meta.pk.prefix
