"""What may be said of programs, links and people: counts of rows, never kept apart from them."""

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from contacts.models import Contact
from growth.models import Project
from referrals.models import Click, Conversion, Link, Program, Referral, Reward
from referrals.models.referral import IS_KNOWN

_REFERRED_BY = f"""
    SELECT count(DISTINCT people.contact_id),
           count(*) FILTER (WHERE people.is_conversion) FROM (
        SELECT referral.contact_id, false AS is_conversion
          FROM referrals_link link
          JOIN referrals_referral referral ON referral.project_id = %(project)s
               AND referral.link_id = link.id AND referral.contact_id <> link.contact_id
          JOIN contacts_contact person ON person.id = referral.contact_id
         WHERE link.project_id = %(project)s AND link.contact_id = %(contact)s
           AND {IS_KNOWN}
         UNION ALL
        SELECT contact_id, true FROM referrals_conversion
         WHERE project_id = %(project)s AND referrer_id = %(contact)s AND status = 'recorded'
    ) people
"""


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
