"""What may be said of programs, links and people: counts of rows, never kept apart from them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from contacts.models import Contact
from growth import ids
from growth.models import Project
from referrals.models import Click, Conversion, Link, Program, Referral, Reward

_IS_KNOWN = """
    person.merged_into_id IS NULL
    AND (person.email_key <> '' OR person.external_id <> '' OR person.phone <> ''
         OR person.erased_at IS NOT NULL)
"""
"""Who came is no visitor any more."""

_CONVERTED = """
    WITH converted AS MATERIALIZED (
        SELECT referrer_id, conversions, reached_at, email
          FROM (SELECT referrer_id, count(*) AS conversions, max(converted_at) AS reached_at
                  FROM referrals_conversion
                 WHERE project_id = %(project)s AND program_id = %(program)s
                   AND status = 'recorded'
                 GROUP BY referrer_id) counted
          JOIN contacts_contact contact ON contact.id = referrer_id
         WHERE contact.deleted_at IS NULL
    )
"""
"""Who brought people that converted, and how many."""

# So many from the cursor's number of conversions downwards, and all who are level with the last:
# only of these it must be known whom else they brought.
_FIRST = f"""
    {_CONVERTED}, chosen AS MATERIALIZED (
        SELECT * FROM converted
         WHERE conversions <= %(conversions)s
           AND conversions >= coalesce((SELECT conversions FROM converted
                WHERE conversions < %(conversions)s
                ORDER BY conversions DESC OFFSET %(count)s - 1 LIMIT 1), 0)
    ), people AS (
        SELECT link.contact_id AS referrer_id, referral.contact_id
          FROM chosen
          JOIN referrals_link link ON link.project_id = %(project)s
               AND link.contact_id = chosen.referrer_id AND link.program_id = %(program)s
          JOIN referrals_referral referral ON referral.project_id = %(project)s
               AND referral.program_id = %(program)s AND referral.link_id = link.id
               AND referral.contact_id <> link.contact_id
          JOIN contacts_contact person ON person.id = referral.contact_id
         WHERE {_IS_KNOWN}
         UNION
        SELECT referrer_id, conversion.contact_id
          FROM chosen JOIN referrals_conversion conversion USING (referrer_id)
         WHERE conversion.project_id = %(project)s AND conversion.program_id = %(program)s
           AND conversion.status = 'recorded'
    ), ranked AS (
        SELECT (SELECT count(*) FROM converted WHERE conversions > %(conversions)s)
               + row_number() OVER (ORDER BY conversions DESC, referrals DESC, reached_at,
                                             referrer_id) AS rank,
               referrer_id, email, referrals, conversions, reached_at
          FROM chosen
          JOIN (SELECT referrer_id, count(*) AS referrals FROM people GROUP BY referrer_id) brought
               USING (referrer_id)
    )
    SELECT rank, referrer_id, email, referrals, conversions, reached_at FROM ranked
     WHERE (-conversions, -referrals, reached_at, referrer_id)
           > (-%(conversions)s::bigint, -%(referrals)s::bigint, %(reached_at)s::timestamptz,
              %(referrer)s::bigint)
     ORDER BY rank LIMIT %(count)s
"""
_OTHERS = f"""
    {_CONVERTED}, brought AS (
        SELECT link.contact_id AS referrer_id, count(DISTINCT referral.contact_id) AS referrals,
               max(referral.created_at) AS reached_at
          FROM referrals_referral referral
          JOIN referrals_link link ON link.id = referral.link_id
          JOIN contacts_contact person ON person.id = referral.contact_id
         WHERE referral.project_id = %(project)s AND referral.program_id = %(program)s
           AND referral.contact_id <> link.contact_id AND {_IS_KNOWN}
           AND NOT EXISTS (SELECT FROM converted WHERE converted.referrer_id = link.contact_id)
         GROUP BY link.contact_id
    ), ranked AS (
        SELECT (SELECT count(*) FROM converted)
               + row_number() OVER (ORDER BY referrals DESC, reached_at, referrer_id) AS rank,
               referrer_id, email, referrals, reached_at
          FROM brought JOIN contacts_contact contact ON contact.id = referrer_id
         WHERE contact.deleted_at IS NULL
    )
    SELECT rank, referrer_id, email, referrals, 0, reached_at FROM ranked
     WHERE %(conversions)s > 0 OR (-referrals, reached_at, referrer_id)
           > (-%(referrals)s::bigint, %(reached_at)s::timestamptz, %(referrer)s::bigint)
     ORDER BY rank LIMIT %(rest)s
"""
"""Who brought people of whom none has converted; they stand behind all others."""

_REFERRED_BY = f"""
    SELECT count(DISTINCT people.contact_id),
           count(*) FILTER (WHERE people.is_conversion) FROM (
        SELECT referral.contact_id, false AS is_conversion
          FROM referrals_link link
          JOIN referrals_referral referral ON referral.project_id = %(project)s
               AND referral.link_id = link.id AND referral.contact_id <> link.contact_id
          JOIN contacts_contact person ON person.id = referral.contact_id
         WHERE link.project_id = %(project)s AND link.contact_id = %(contact)s
           AND {_IS_KNOWN}
         UNION ALL
        SELECT contact_id, true FROM referrals_conversion
         WHERE project_id = %(project)s AND referrer_id = %(contact)s AND status = 'recorded'
    ) people
"""


class Place(NamedTuple):
    """Where a referrer stands among those of a program."""

    rank: int
    contact_id: str
    email: str
    referrals: int
    conversions: int
    reached_at: datetime


_MOST, _NEVER = 2**62, datetime.max.replace(tzinfo=UTC)
"""Where nobody stands: before the first."""

PLACES = ("conversions", "referrals", "reached_at", "contact_id")
"""The order of the leaderboard: the most of the first two, then who had them first."""


def leaderboard(program: Program, after: Sequence[Any] | None, count: int) -> list[Place]:
    """Return so many places, from the first on or after the one with those ``PLACES``.

    Conversions are counted for each page, so ranks hold whatever is read before; people who came
    only of those who may stand on it.
    """
    conversions, referrals, reached_at, contact = after or (_MOST, 0, _NEVER, "")
    params = {
        "project": program.project_key,
        "program": program.key,
        "conversions": conversions,
        "referrals": referrals,
        "reached_at": reached_at,
        "referrer": ids.decode(_PREFIX, contact) if contact else 0,
        "count": count,
    }
    rows: list[tuple] = []
    with connection.cursor() as cursor:
        if conversions:
            cursor.execute(_FIRST, params)
            rows = cursor.fetchall()
        if len(rows) < count:
            cursor.execute(_OTHERS, params | {"rest": count - len(rows)})
            rows += cursor.fetchall()
    return [Place(rank, ids.encode(_PREFIX, who), *rest) for rank, who, *rest in rows]


def stats_of(programs: Sequence[Program]) -> dict[str, dict[str, int]]:
    """Return the counts of each of the programs, by its id, in three statements."""
    counts = {
        "total_links": _by_program(Link.objects.all(), programs),
        "total_conversions": _by_program(Conversion.objects.standing(), programs),
        "total_rewards_issued": _by_program(
            Reward.objects.filter(status=Reward.Status.ISSUED), programs
        ),
    }
    return {
        program.id: {name: found.get(program.id, 0) for name, found in counts.items()}
        for program in programs
    }


def _by_program(rows: QuerySet, programs: Sequence[Program]) -> dict[str, int]:
    projects = {program.project_id for program in programs}
    found = rows.filter(project__in=projects, program__in=programs).order_by()
    return dict(found.values_list("program_id").annotate(number=Count("pk")))


def counted_links(links: QuerySet) -> QuerySet:
    """Return the links with how many conversions each has, and how often people followed it."""
    return links.annotate(
        conversions_count=_per_link(Conversion.objects.standing()),
        clicks_count=_per_link(Click.objects.filter(is_machine=False)),
    )


def _per_link(rows: QuerySet) -> Coalesce:
    own = rows.filter(project=OuterRef("project"), link=OuterRef("pk")).order_by()
    number = own.values("link").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(number, output_field=IntegerField()), 0)


def referral_stats(contact: Contact) -> dict[str, int]:
    """Return how many people the contact brought, and how many of them converted."""
    params = {"project": contact.project_key, "contact": contact.key}
    with connection.prepared_cursor() as cursor:
        cursor.execute(_REFERRED_BY, params)
        referred, conversions = cursor.fetchone()
    return {"referrals_made": referred, "conversions": conversions}


def conversion_rate(project: Project) -> float | None:
    """Return conversions for each person who was referred to any program; None without any.

    Who converted without having been seen before was referred by that conversion.
    """
    standing = Conversion.objects.in_project(project).standing()
    referred = Referral.objects.in_project(project).order_by().values("contact")
    people = referred.union(standing.order_by().values("contact")).count()
    return round(standing.count() / people, 2) if people else None


def everything_of(contact: Contact) -> dict[str, Any]:
    """Return all that is held of the contact's referrals."""
    own = {"project": contact.project_id}
    links = Link.objects.filter(**own, contact=contact).order_by("id")
    came = Referral.objects.filter(**own, contact=contact).order_by("id")
    conversions = Conversion.objects.filter(**own, contact=contact).order_by("id")
    rewards = Reward.objects.filter(**own, contact=contact).order_by("id")
    return {
        "links": list(links.values("id", "code", "channel", "program_id", "created_at")),
        "came_by": list(came.values("link_id", "program_id", "seen_at")),
        "conversions": list(
            conversions.values(
                "id", "program_id", "conversion_event", "metadata", "status", "converted_at"
            )
        ),
        "rewards": [reward.as_news() for reward in rewards],
    }


_PREFIX = Contact._meta.pk.prefix
