"""What becomes of links, conversions and rewards when people are merged or erased."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Case, F, Value, When

from contacts.models import Absorption, Merge
from growth.models import Project
from referrals.models import Conversion, Link, Program, Referral, Reward, Standing
from referrals.models.link import blank_code
from referrals.operations.conversions import take_back_rewards
from referrals.operations.links import lock_program
from referrals.standings import stale_by_people

# Of several conversions that turn out to be one person's in a program, the first one counts; nobody
# refers themselves.
_LOSERS = """
    WITH person AS (
        SELECT source, target FROM unnest(%(sources)s::bigint[], %(targets)s::bigint[])
               AS pair (source, target)
         UNION SELECT target, target FROM unnest(%(targets)s::bigint[]) target
    ), conversion AS (
        SELECT own.id, own.program_id, own.referrer_id, person.target,
               coalesce(referrer.target, own.referrer_id) AS referred_by
          FROM referrals_conversion own
          JOIN person ON person.source = own.contact_id
          LEFT JOIN person referrer ON referrer.source = own.referrer_id
         WHERE own.project_id = %(project)s AND own.status <> 'rejected'
    ), ranked AS (
        SELECT conversion.*, row_number() OVER (PARTITION BY program_id, target
               ORDER BY referred_by = target, id) AS place FROM conversion
    )
    SELECT id, referred_by = target FROM ranked WHERE referred_by = target OR place > 1
"""
_TOUCHED = """
    SELECT DISTINCT program_id FROM referrals_conversion
     WHERE project_id = %(project)s
       AND (contact_id = ANY(%(people)s::bigint[]) OR referrer_id = ANY(%(people)s::bigint[]))
"""

_CODES = ["", *Conversion.Reason.values]


def follow_merge(merge: Merge | Absorption, *, at: datetime) -> None:
    """Give all that is the sources' to the targets, and reject what cannot be any more: a second
    conversion of the one person, and a referral of oneself.
    """
    into = merge.into
    _reject_losers(merge.project, into, at)
    merge.move(Link.objects.all())
    merge.move_entries(Referral.objects.all(), ("link",), F("seen_at"))
    merge.move(Conversion.objects.all())
    merge.move(Conversion.objects.all(), "referrer")
    merge.move(Reward.objects.all())
    stale_by_people(merge.project, [*into, *into.values()])


def _reject_losers(project: Project, into: dict[int, int], at: datetime) -> None:
    people = [*into, *into.values()]
    programs = _rows(_TOUCHED, {"project": project.key, "people": people})
    touched = Program.objects.filter(pk__in=[key for (key,) in programs]).select_related("project")
    programs_by_id = {program.pk: program for program in touched.order_by("pk")}
    for program in programs_by_id.values():
        lock_program(program)
    if not programs_by_id:
        return
    params = {"project": project.key, "sources": [*into], "targets": [*into.values()]}
    lost = dict(_rows(_LOSERS, params))
    conversions = Conversion.objects.filter(project=project, pk__in=[*lost]).select_related("link")
    for program in programs_by_id.values():
        losers = list(conversions.filter(program=program).order_by("pk"))
        if not losers:
            continue
        for each in losers:
            is_self = lost[each.key]
            each.status = Conversion.Status.REJECTED
            each.reason = Conversion.Reason.SELF if is_self else Conversion.Reason.DUPLICATE
        Conversion.objects.bulk_update(losers, ["status", "reason"])
        take_back_rewards(program, losers, at=at)


def strip(project: Project, contacts: Sequence[int]) -> dict[str, int]:
    """Take from the rows of erased people what names them; rows and amounts go on to be counted.

    Their links end: the codes may have been their names.
    """
    stale_by_people(project, contacts)
    own = {"project": project, "contact__in": contacts}
    standings, _ = Standing.objects.filter(**own).delete()
    links = list(Link.objects.filter(**own).exclude(code__startswith="GONE-"))
    for link in links:
        link.code, link.channel = blank_code(), ""
    Link.objects.bulk_update(links, ["code", "channel"])
    conversions = Conversion.objects.filter(**own).exclude(metadata={}, reason__in=_CODES)
    rewards = Reward.objects.filter(**own).exclude(reason__in=["", *Reward.Reason.values])
    referrals = Referral.objects.filter(**own).exclude(click=None)
    return {
        Link._meta.db_table: len(links),
        Conversion._meta.db_table: conversions.update(
            metadata={}, reason=Case(When(reason__in=_CODES, then=F("reason")), default=Value(""))
        ),
        Referral._meta.db_table: referrals.update(click=None),
        Reward._meta.db_table: rewards.update(reason=""),
        Standing._meta.db_table: standings,
    }


def _rows(statement: str, params: dict[str, Any]) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall()
