"""The leaderboard, and the books that it is read from.

``Standing`` holds what each referrer of a program has brought. A fact that may change it makes it
stale in its own transaction, which costs the same however much was brought; ``refresh`` counts what
is stale before the board is read. Both lock the rows, so nothing is counted without being seen: who
writes at that very moment makes them stale again afterwards.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction

from contacts.models import Contact
from growth import ids
from growth.models import Project
from referrals.models import Program, Standing
from referrals.models.referral import IS_KNOWN

_STALE = """
    INSERT INTO referrals_standing (project_id, program_id, contact_id, conversions, referrals,
                                    is_stale)
    SELECT DISTINCT %(project)s::bigint, program_id, contact_id, 0, 0, true FROM ({owners}) owner
     ORDER BY program_id, contact_id
    ON CONFLICT (project_id, program_id, contact_id) DO UPDATE SET is_stale = true
"""
# Shared: whoever moves the links to another contact waits, or is waited for.
_OF_LINKS = _STALE.format(
    owners="""
    SELECT program_id, contact_id FROM referrals_link
     WHERE project_id = %(project)s AND id = ANY(%(links)s) ORDER BY id FOR SHARE"""
)
_OF_PEOPLE = _STALE.format(
    owners="""
    SELECT program_id, contact_id FROM referrals_link
     WHERE project_id = %(project)s AND contact_id = ANY(%(people)s)
     UNION ALL
    SELECT link.program_id, link.contact_id FROM referrals_referral referral
      JOIN referrals_link link ON link.id = referral.link_id
     WHERE referral.project_id = %(project)s AND referral.contact_id = ANY(%(people)s)
     UNION ALL
    SELECT program_id, referrer_id FROM referrals_conversion
     WHERE project_id = %(project)s AND contact_id = ANY(%(people)s)
     UNION ALL
    SELECT program_id, referrer_id FROM referrals_conversion
     WHERE project_id = %(project)s AND referrer_id = ANY(%(people)s)
     UNION ALL
    SELECT program.id, standing.contact_id FROM referrals_program program
      JOIN referrals_standing standing ON standing.project_id = program.project_id
           AND standing.program_id = program.id AND standing.contact_id = ANY(%(people)s)
     WHERE program.project_id = %(project)s"""
)
# A conversion is of somebody known; who is gone stands nowhere.
_COUNTED = f"""
    WITH referrer AS MATERIALIZED (
        SELECT id FROM contacts_contact WHERE id = ANY(%(referrers)s) AND deleted_at IS NULL
    ), converted AS (
        SELECT referrer_id, count(*) AS conversions, max(converted_at) AS reached_at
          FROM referrer JOIN referrals_conversion ON referrer_id = referrer.id
         WHERE project_id = %(project)s AND program_id = %(program)s AND status = 'recorded'
         GROUP BY 1
    ), people AS (
        SELECT link.contact_id AS referrer_id, referral.contact_id, referral.created_at
          FROM referrer
          JOIN referrals_link link ON link.contact_id = referrer.id
               AND link.project_id = %(project)s AND link.program_id = %(program)s
          JOIN referrals_referral referral ON referral.project_id = %(project)s
               AND referral.program_id = %(program)s AND referral.link_id = link.id
               AND referral.contact_id <> link.contact_id
          JOIN contacts_contact person ON person.id = referral.contact_id
         WHERE {IS_KNOWN}
         UNION ALL
        SELECT referrer_id, contact_id, NULL
          FROM referrer JOIN referrals_conversion ON referrer_id = referrer.id
         WHERE project_id = %(project)s AND program_id = %(program)s AND status = 'recorded'
    ), brought AS (
        SELECT referrer_id, count(DISTINCT contact_id) AS referrals, max(created_at) AS came_at
          FROM people GROUP BY 1
    ), counted AS (
        SELECT referrer_id, coalesce(conversions, 0) AS conversions, referrals,
               coalesce(reached_at, came_at) AS reached_at
          FROM brought LEFT JOIN converted USING (referrer_id)
    )
"""
_REFRESH = f"""
    {_COUNTED}
    UPDATE referrals_standing standing
       SET conversions = coalesce(counted.conversions, 0), reached_at = counted.reached_at,
           referrals = coalesce(counted.referrals, 0), is_stale = false
      FROM unnest(%(referrers)s::bigint[]) stale (id)
      LEFT JOIN counted ON counted.referrer_id = stale.id
     WHERE standing.project_id = %(project)s AND standing.program_id = %(program)s
       AND standing.contact_id = stale.id
"""
_DRIFTS = f"""
    {_COUNTED}
    SELECT who, coalesce(standing.conversions, 0), coalesce(standing.referrals, 0),
           coalesce(counted.conversions, 0), coalesce(counted.referrals, 0)
      FROM unnest(%(referrers)s::bigint[]) who
      LEFT JOIN counted ON counted.referrer_id = who
      LEFT JOIN referrals_standing standing ON standing.contact_id = who
           AND standing.project_id = %(project)s AND standing.program_id = %(program)s
     WHERE standing.is_stale IS NOT TRUE
       AND (coalesce(standing.conversions, 0), coalesce(standing.referrals, 0), standing.reached_at)
           IS DISTINCT FROM
           (coalesce(counted.conversions, 0), coalesce(counted.referrals, 0), counted.reached_at)
"""
_OWNERS = """
    SELECT array_agg(DISTINCT contact_id) FROM (
        SELECT contact_id FROM referrals_link
         WHERE project_id = %(project)s AND program_id = %(program)s
         UNION ALL
        SELECT contact_id FROM referrals_standing
         WHERE project_id = %(project)s AND program_id = %(program)s) owner
"""
_BOARD = """
      FROM referrals_standing standing JOIN contacts_contact contact ON contact.id = contact_id
     WHERE standing.project_id = %(project)s AND program_id = %(program)s AND referrals > 0
       AND contact.deleted_at IS NULL
"""
_RANK = "(conversions * -1, referrals * -1, reached_at, contact_id)"
_CURSOR = """
    (%(conversions)s * -1, %(referrals)s * -1, %(reached_at)s::timestamptz, %(contact)s)
"""
_PAGE = f"""
    SELECT contact_id, contact.email, referrals, conversions, reached_at {_BOARD} {{after}}
     ORDER BY conversions * -1, referrals * -1, reached_at, contact_id LIMIT %(count)s
"""
_AHEAD = f"""
    SELECT count(*) FROM referrals_standing
     WHERE project_id = %(project)s AND program_id = %(program)s AND referrals > 0
       AND {_RANK} <= {_CURSOR}
"""


class Place(NamedTuple):
    """Where a referrer stands among those of a program."""

    rank: int
    contact_id: str
    email: str
    referrals: int
    conversions: int
    reached_at: datetime


class Drift(NamedTuple):
    """A standing that is not stale, and not what a recount says."""

    program: str
    contact: str
    stored: tuple[int, int]
    counted: tuple[int, int]

    def __str__(self) -> str:
        names = f"program={self.program} contact={self.contact}"
        return f"{names} conversions, referrals stored={self.stored} counted={self.counted}"


PLACES = ("conversions", "referrals", "reached_at", "contact_id")
"""The order of the leaderboard: the most of the first two, then who had them first."""


def stale_by_links(project: Project, links: Collection[int]) -> None:
    """Have counted anew what the owners of these links, by their keys, have brought."""
    _execute(_OF_LINKS, {"project": project.key, "links": sorted(links)})


def stale_by_people(project: Project, people: Collection[int]) -> None:
    """Have counted anew what these contacts have brought, and what those who brought them have."""
    _execute(_OF_PEOPLE, {"project": project.key, "people": sorted(people)})


def refresh(program: Program) -> None:
    """Count what is stale. Safe to repeat, at the same time as itself, and to kill."""
    stale = Standing.objects.filter(project=program.project_id, program=program, is_stale=True)
    if not stale.exists():
        return
    with transaction.atomic():
        locked = stale.order_by("id").select_for_update().values_list("contact", flat=True)
        referrers = [Contact._meta.pk.get_prep_value(contact) for contact in locked]
        _execute(_REFRESH, _own(program) | {"referrers": referrers})


def leaderboard(program: Program, after: Sequence[Any] | None, count: int) -> list[Place]:
    """Return so many places, from the first on or after the one with those ``PLACES``.

    Who was deleted is hidden at once; the ranks behind close up when the news of it were told.
    """
    refresh(program)
    params = _own(program) | {"count": count}
    ahead = 0
    if after:
        conversions, referrals, reached_at, contact = after
        params |= {"conversions": conversions, "referrals": referrals, "reached_at": reached_at}
        params["contact"] = ids.decode(_PREFIX, contact)
        [(ahead,)] = _rows(_AHEAD, params)
    rows = _rows(_PAGE.format(after=f"AND {_RANK} > {_CURSOR}" if after else ""), params)
    return [
        Place(ahead + number, ids.encode(_PREFIX, who), *rest)
        for number, (who, *rest) in enumerate(rows, 1)
    ]


def drifts(project: Project) -> Iterator[Drift]:
    """Recount the standings of all programs, and tell of those that are wrong, or not there."""
    for program in Program.objects.in_project(project).order_by("id"):
        own = _own(program)
        [(referrers,)] = _rows(_OWNERS, own)
        for who, *counts in _rows(_DRIFTS, own | {"referrers": referrers or []}):
            stored, counted = tuple(counts[:2]), tuple(counts[2:])
            yield Drift(program.id, ids.encode(_PREFIX, who), stored, counted)


_PREFIX = Contact._meta.pk.prefix


def _own(program: Program) -> dict[str, Any]:
    return {"project": program.project_key, "program": program.key}


def _execute(statement: str, params: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


def _rows(statement: str, params: dict[str, Any]) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall()
