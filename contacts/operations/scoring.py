"""Scores are stored beside the contact's last activity, and follow what happens and the calendar.

Whoever writes scores of a project holds its segments, so writers follow each other and each sees
every event that is committed; none undoes what a later one saw.
"""

from collections.abc import Collection
from datetime import date, datetime

from django.db import connection
from django.db.models import Q

from contacts.models import Contact, ContactActivity, Rescoring
from contacts.models.event import Changes, announce
from contacts.operations.memberships import hold_segments
from contacts.scores import ENGAGEMENT_PARTS, FULL, LEAD_PARTS, day_of, movers, parameters
from growth.models import Project
from growth.transactions import atomic_with_retries

_BATCH = 1000

_WRITE = """
    WITH score AS (
        SELECT asked.id, least(%(full)s, coalesce(sum(part.points), 0))::smallint AS score
          FROM contacts_contact asked LEFT JOIN ({parts}) part ON part.contact_id = asked.id
         WHERE asked.project_id = %(project)s AND asked.id = ANY(%(contacts)s)
         GROUP BY asked.id
    ), before AS (
        SELECT contact_id, {columns} FROM contacts_contactactivity
         WHERE contact_id = ANY(%(contacts)s)
    ), written AS (  -- only what differs: a row that is written keeps ingest waiting for it
        INSERT INTO contacts_contactactivity (project_id, contact_id, {columns})
        SELECT %(project)s, id, {values}
          FROM score LEFT JOIN before ON before.contact_id = score.id
         WHERE contact_id IS NULL OR ({old}) IS DISTINCT FROM ({values})
         ORDER BY id
        ON CONFLICT (contact_id) DO UPDATE SET ({columns}) = ROW({new})
        RETURNING contact_id, engagement, lead
    ), moved AS (
        SELECT written.* FROM written LEFT JOIN before USING (contact_id)
         WHERE written.{column} <> coalesce(before.{column}, 0)
    ), kept AS (
        INSERT INTO contacts_contactscore (project_id, contact_id, day, engagement, lead)
        SELECT %(project)s, contact_id, %(today)s, engagement, lead FROM moved ORDER BY contact_id
        ON CONFLICT (project_id, contact_id, day)
        DO UPDATE SET engagement = excluded.engagement, lead = excluded.lead
    )
    SELECT contact_id FROM moved ORDER BY contact_id
"""


def _statement(column: str, parts: str, others: dict[str, str]) -> str:
    """Return the statement that writes the score of this column, and these others with it."""
    columns = {column: "score.score", **others}
    filled = {
        "parts": parts,
        "column": column,
        "columns": ", ".join(columns),
        "values": ", ".join(columns.values()),
        "old": ", ".join(f"before.{name}" for name in columns),
        "new": ", ".join(f"excluded.{name}" for name in columns),
    }
    return _WRITE.format(**filled)


_STATEMENTS = {
    "engagement": _statement("engagement", ENGAGEMENT_PARTS, {"decayed_on": "%(today)s"}),
    "lead": _statement("lead", LEAD_PARTS, {}),
}


def follow_scores(project: Project, changes: Changes, *, at: datetime) -> Changes:
    """Bring stored scores in line with what changed; return whose scores that changed.

    The number of statements is the same however many the contacts are.
    """
    engagement, lead = movers(project, changes)
    if not engagement | lead:
        return {}
    hold_segments(project)
    return _rescore(project, engagement, lead, at)


def postpone_scores(project: Project, changes: Changes) -> None:
    """Leave the scores of so many contacts to ``decay_next``, which takes them batch by batch: in
    one transaction they would keep ingest waiting for its contacts.
    """
    engagement, lead = movers(project, changes)
    rows = ContactActivity.objects.in_project(project).filter(contact__in=engagement | lead)
    rows.exclude(decayed_on=None).update(decayed_on=None)


def are_many(project: Project, changes: Changes) -> bool:
    """Tell whether the scores of more contacts changed than are written in one transaction."""
    engagement, lead = movers(project, changes)
    return len(engagement | lead) > _BATCH


@atomic_with_retries
def decay_next(*, at: datetime) -> int:
    """Write the scores of contacts whose day is over; return how many contacts they were."""
    for project in Project.objects.order_by("id"):
        if due := _due(project, at):
            hold_segments(project)
            unknown = {contact for contact, day in due.items() if day is None}
            for keys, is_quiet in ((due.keys() - unknown, False), (unknown, True)):
                changes = _rescore(project, keys, (), at) if keys else {}
                announce(project, changes=changes, is_quiet=is_quiet, at=at)
            return len(due)
    return 0


def rescore_all(project: Project) -> None:
    """Let all contacts be scored anew, batch by batch, because the rules of the project changed."""
    Rescoring.objects.update_or_create(project=project, defaults={"reached": 0})


@atomic_with_retries
def rescore_next(*, at: datetime) -> int:
    """Score the next contacts of a project anew; return how many. Nobody is told of them."""
    running = Rescoring.objects.select_for_update(skip_locked=True).order_by("id").first()
    if running is None:
        return 0
    project = running.project
    hold_segments(project)
    contacts = Contact.objects.in_project(project).alive().filter(pk__gt=running.reached)
    keys = [contact.key for contact in contacts.only("id").order_by("id")[:_BATCH]]
    if not keys:
        running.delete()
        return 0
    changes = _rescore(project, keys, keys, at)
    announce(project, changes=changes, is_quiet=True, at=at)
    running.reached = keys[-1]
    running.save(update_fields=["reached"])
    return len(keys)


def _due(project: Project, at: datetime) -> dict[int, date | None]:
    """Return the next contacts whose engagement is of another day, or is not known, with that day.

    Those that are not known came by an import: nobody is told of them.
    """
    rows = ContactActivity.objects.in_project(project).waning()
    stale = rows.filter(Q(decayed_on=None) | Q(decayed_on__lt=day_of(project, at)))
    contacts = stale.order_by("contact").values_list("contact", "decayed_on")[:_BATCH]
    key_of = ContactActivity._meta.pk.get_prep_value
    return {key_of(contact): day for contact, day in contacts}


def _rescore(
    project: Project, engagement: Collection[int], lead: Collection[int], at: datetime
) -> Changes:
    lead = {*lead, *_never_scored(engagement)}
    changes: Changes = {}
    for name, keys in (("engagement", engagement), ("lead", lead)):
        if keys and (moved := _write(name, project, keys, at)):
            changes[f"scores.{name}"] = moved
    return changes


def _never_scored(contacts: Collection[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id FROM unnest(%s::bigint[]) id WHERE NOT EXISTS (
                   SELECT FROM contacts_contactactivity
                    WHERE contact_id = id AND decayed_on IS NOT NULL)
            """,
            [list(contacts)],
        )
        return [key for (key,) in cursor.fetchall()]


def _write(name: str, project: Project, keys: Collection[int], at: datetime) -> list[int]:
    params = parameters(project, sorted(keys), at=at) | {"full": FULL}
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENTS[name], params)
        return [key for (key,) in cursor.fetchall()]
