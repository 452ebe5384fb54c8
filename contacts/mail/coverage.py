"""For how many members of a segment a mail has a hole where a trait should be."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from contacts.mail.rendering import NAMES
from contacts.mail.variables import Location, Variable
from contacts.models import Segment
from contacts.queries import members

MAX_PLACES = 50
MAX_MEMBERS = 10_000
"""All of so many members are asked; of more, so many from all over the segment."""

_PARTS = 20
_COLUMNS = ("external_id", "phone")
_ALWAYS_THERE = ("id", "email", "tags", "traits")  # Whoever has no address gets no mail.
_OF_LISTS = ("size", "first", "last")

# Each part begins at another place of the ids, so that old and new members are asked alike; the
# index of memberships answers min, max and each part.
_MEMBERS = """
    SELECT picked.contact_id AS id
      FROM (SELECT count(*) > %(most)s AS is_large
              FROM (SELECT FROM contacts_membership
                     WHERE project_id = %(project)s AND segment_id = %(segment)s
                     LIMIT %(most)s + 1) counted) size
     CROSS JOIN (SELECT min(contact_id) AS first, max(contact_id) AS last
                   FROM contacts_membership
                  WHERE project_id = %(project)s AND segment_id = %(segment)s) span
     CROSS JOIN LATERAL (SELECT CASE WHEN is_large THEN %(parts)s ELSE 1 END AS parts) cut
     CROSS JOIN LATERAL generate_series(0, parts - 1) part
     CROSS JOIN LATERAL (
           SELECT contact_id FROM contacts_membership
            WHERE project_id = %(project)s AND segment_id = %(segment)s
              AND contact_id >= first + (last - first + 1) * part / parts
              AND contact_id < first + (last - first + 1) * (part + 1) / parts
            ORDER BY contact_id LIMIT %(most)s / parts) picked
"""


def gaps(segment: Segment, spoken_of: Iterable[Variable], *, at: datetime) -> dict[Location, float]:
    """Return the share of members who have none, for each bare variable that somebody lacks.

    It is one statement, of a cost that does not grow with the segment.
    """
    wanted = list(dict.fromkeys(places(spoken_of)))[:MAX_PLACES]
    if not wanted:
        return {}
    total, *missing = _count(segment, wanted, at)
    return {place: count / total for place, count in zip(wanted, missing, strict=True) if count}


def said_of(place: Location, share: float) -> str:
    """Return the sentence about one gap."""
    name = ".".join(place)
    if share == 1:
        among = "everybody in"
    else:
        among = f"{min(share, 0.99):.0%} of" if share >= 0.01 else "less than 1% of"
    return (
        f"{name if name in _COLUMNS else f'traits.{name}'} is missing for {among} this segment;"
        f' write a default, as in {{{{ contact.{name} | default: "there" }}}}.'
    )


def places(spoken_of: Iterable[Variable]) -> Iterator[Location]:
    """Yield where the contact's bare values are: below the traits, or in a column."""
    for each in spoken_of:
        root, *below = each.location
        while len(below) > 1 and below[-1] in _OF_LISTS:
            below.pop()
        is_told = root == "contact" and below and "*" not in below
        if each.is_bare and is_told and below[0] not in _ALWAYS_THERE:
            yield tuple(below)


def _count(segment: Segment, places: Sequence[Location], at: datetime) -> list[int]:
    source, params = _members(segment, at)
    columns = []
    for number, place in enumerate(places):
        columns.append(f"count(*) FILTER (WHERE {_is_missing(place, number, params)})")
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT count(*), {", ".join(columns)}
                  FROM (SELECT contact.traits, contact.external_id, contact.phone
                          FROM ({source}) member
                          JOIN contacts_contact contact ON contact.id = member.id
                         WHERE contact.project_id = %(project)s AND contact.deleted_at IS NULL
                           AND contact.email_key <> '') person""",
            params,
        )
        return list(cursor.fetchone())


def _members(segment: Segment, at: datetime) -> tuple[str, dict[str, Any]]:
    params = {"project": segment.project.key, "segment": segment.key}
    if segment.is_ready:
        return _MEMBERS, params | {"most": MAX_MEMBERS, "parts": _PARTS}
    keys = members(segment, at=at).values_list("id", flat=True)[:MAX_MEMBERS]
    return _named(*keys.query.sql_with_params(), params)


def _named(sql: str, values: Sequence[Any], params: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the statement with names for its parameters, which have only an order."""
    named = {f"value_{number}": value for number, value in enumerate(values)}
    names = iter(named)
    text = re.sub("%%|%s", lambda each: f"%({next(names)})s" if each[0] == "%s" else "%%", sql)
    return text, params | named


def _is_missing(place: Location, number: int, params: dict[str, Any]) -> str:
    if place[0] in _COLUMNS:
        return f"{place[0]} = ''"
    traits = [[name] for name in NAMES[place[0]]] if place[0] in NAMES else [list(place)]
    values = []
    for index, trait in enumerate(traits):
        params[f"place_{number}_{index}"] = trait
        values.append(f"nullif(traits #>> %(place_{number}_{index})s, '')")
    return f"coalesce({', '.join(values)}) IS NULL"
