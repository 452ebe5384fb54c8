"""How engaged a contact is, and how near to buying: 0 to 100, from facts that can be listed.

Engagement counts the events of the last thirty days in the project's zone: one of today earns its
points in full, and a thirtieth less for each day since, until nothing is left. Lead counts what is
known of the person, and milestones they ever reached. All is whole numbers, so a score changes only
when something happens, or at midnight.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Self

import orjson
from django.db import connection

from contacts.models import Contact
from contacts.models.event import Changes
from growth.models import Project

FULL = 100

_EVENTS = {
    "page": 1,
    "screen": 1,
    "$email_opened": 2,
    "$email_clicked": 5,
    "$referral_converted": 10,
    "$survey_responded": 10,
}
_TRAITS = {"name": 10, "company": 15, "title": 10, "plan": 10}
_MILESTONES = {"$email_clicked": 5, "$survey_responded": 10, "$referral_converted": 10}


@dataclass(frozen=True)
class ScoreRules:
    """What earns how many points.

    Engagement: ``events`` maps names to the points of one event; the system's own events that are
    not in it earn nothing, all others ``other_event``. One name earns ``most_per_event`` at most,
    and of a contact's events of the last ``days`` the newest ``newest_events`` are looked at.

    Lead: ``email``, ``phone``, ``traits`` that are known, and ``milestones``: events that happened
    once or more. By default, whoever has all of them has 100 points.
    """

    days: int = 30
    events: Mapping[str, int] = field(default_factory=lambda: _EVENTS)
    other_event: int = 5
    most_per_event: int = 50
    newest_events: int = 1000
    email: int = 20
    phone: int = 10
    traits: Mapping[str, int] = field(default_factory=lambda: _TRAITS)
    milestones: Mapping[str, int] = field(default_factory=lambda: _MILESTONES)

    @classmethod
    def of(cls, project: Project) -> Self:
        """Return the rules of the project: what its settings say, and the usual for the rest."""
        engagement, lead = (project.scoring.get(part, {}) for part in ("engagement", "lead"))
        return cls(**engagement, **lead)

    def moves_engagement(self, what: str) -> bool:
        """Tell whether a change, as rules call it, may change engagement."""
        name = what.removeprefix("events.")
        is_event = name != what
        return what == "created" or (is_event and (name in self.events or name[:1] != "$"))

    def moves_lead(self, what: str) -> bool:
        """Tell whether a change, as rules call it, may change the lead score."""
        root, _, name = what.partition(".")
        known = {"traits": self.traits, "events": self.milestones}.get(root, {})
        return what in ("created", "email", "phone") or name in known


# Each statement yields contact_id, because, count and points: one row for each contribution.
ENGAGEMENT_PARTS = """
    SELECT asked.id AS contact_id, 'events.' || event.name AS because, count(*) AS count,
           least(%(most_per_event)s, sum(event.points * event.freshness) / %(days)s) AS points
      FROM unnest(%(contacts)s::bigint[]) asked (id)
     CROSS JOIN LATERAL (
           SELECT name, coalesce((%(events)s::jsonb ->> name)::integer,
                       CASE WHEN starts_with(name, '$') THEN 0 ELSE %(other_event)s END) AS points,
                  greatest(0, %(days)s - (%(today)s::date
                                   - (timestamp AT TIME ZONE %(zone)s)::date)) AS freshness
             FROM contacts_event
            WHERE project_id = %(project)s AND contact_id = asked.id
              AND timestamp > %(since)s AND timestamp <= %(at)s
            ORDER BY timestamp DESC LIMIT %(newest_events)s) event
     GROUP BY asked.id, event.name
"""
LEAD_PARTS = """
    SELECT contact.id AS contact_id, fact.because, 1 AS count, fact.points
      FROM contacts_contact contact
     CROSS JOIN LATERAL (
           SELECT 'email' AS because, %(email)s AS points WHERE contact.email <> ''
           UNION ALL SELECT 'phone', %(phone)s WHERE contact.phone <> ''
           UNION ALL
           SELECT 'traits.' || key, value::integer FROM jsonb_each_text(%(traits)s)
            WHERE coalesce(contact.traits -> key, 'null')
                  NOT IN ('null', '""', 'false', '0', '[]', '{}')
           UNION ALL
           SELECT 'events.' || key, value::integer FROM jsonb_each_text(%(milestones)s)
            WHERE EXISTS (SELECT FROM contacts_event
                           WHERE project_id = %(project)s AND contact_id = contact.id
                             AND name = key AND timestamp <= %(at)s)) fact
     WHERE contact.project_id = %(project)s AND contact.id = ANY(%(contacts)s)
"""
_EXPLAIN = """
    SELECT because, count, points FROM ({}) part WHERE points > 0 ORDER BY points DESC, because
"""


def explain_scores(contact: Contact, *, at: datetime) -> dict[str, dict[str, Any]]:
    """Return the contact's scores at this moment, each with the contributions it is the sum of."""
    params = parameters(contact.project, [contact.key], at=at)
    return {
        "engagement": _explained(ENGAGEMENT_PARTS, params),
        "lead": _explained(LEAD_PARTS, params),
    }


def parameters(project: Project, contacts: Sequence[int], *, at: datetime) -> dict[str, Any]:
    """Return what the statements of parts need to know."""
    rules, today = ScoreRules.of(project), day_of(project, at)
    first = datetime.combine(today - timedelta(days=rules.days), time.min, project.zone)
    return {
        "project": project.key,
        "zone": project.timezone,
        "contacts": list(contacts),
        "at": at,
        "today": today,
        "since": first - timedelta(days=1),  # Days are told apart by PostgreSQL alone.
        **{name: getattr(rules, name) for name in _NUMBERS},
        **{name: orjson.dumps(dict(getattr(rules, name))).decode() for name in _TABLES},
    }


_NUMBERS = ("days", "other_event", "most_per_event", "newest_events", "email", "phone")
_TABLES = ("events", "traits", "milestones")


def day_of(project: Project, at: datetime) -> date:
    """Return the day that it is in the project's zone."""
    return at.astimezone(project.zone).date()


def movers(project: Project, changes: Changes) -> tuple[set[int], set[int]]:
    """Return the contacts whose engagement the changes may have changed, and those whose lead."""
    rules = ScoreRules.of(project)
    engagement = {key for what in changes if rules.moves_engagement(what) for key in changes[what]}
    return engagement, {key for what in changes if rules.moves_lead(what) for key in changes[what]}


def _explained(parts: str, params: dict[str, Any]) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(_EXPLAIN.replace("{}", parts), params)
        rows = cursor.fetchall()
    found = [{"because": why, "count": n, "points": int(points)} for why, n, points in rows]
    total = sum(each["points"] for each in found)
    if total > FULL:
        found.append({"because": "limit", "count": 1, "points": FULL - total})
    return {"score": min(total, FULL), "contributions": found}
