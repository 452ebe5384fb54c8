"""Questions about many contacts at once."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, QuerySet
from django.db.models.expressions import RawSQL

from contacts import rules
from contacts.models import Contact, Membership, Segment
from contacts.rule_sql import joined, matching, sql, verdicts
from growth.models import Project
from growth.transactions import statements_within

_PATIENCE = 3
_TOO_SLOW = "To count these contacts takes longer than 3 seconds; try again, or ask for less."
_MEMBERS = """
    SELECT contact_id FROM contacts_membership WHERE project_id = {} AND segment_id = {}
"""


def contacts_matching(project: Project, rule: rules.Group, *, at: datetime) -> QuerySet[Contact]:
    """Return the contacts that match the rule at this moment."""
    keys = matching(rule, project=project, at=at)
    alive = Contact.objects.in_project(project).alive()
    return alive.filter(id__in=RawSQL(keys.text, keys.params))


def count_matching(project: Project, rule: rules.Group, *, at: datetime) -> int:
    """Return how many contacts match the rule at this moment."""
    keys = matching(rule, project=project, at=at)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({keys.text}) matching", keys.params)
        return cursor.fetchone()[0]


def members(segment: Segment, *, at: datetime) -> QuerySet[Contact]:
    """Return the contacts in the segment; while it is being built, those that match its rule."""
    if not segment.is_ready:
        return contacts_matching(segment.project, read_rule(segment), at=at)
    alive = Contact.objects.in_project(segment.project).alive()
    memberships = Membership.objects.filter(project=segment.project, segment=segment)
    return alive.filter(id__in=memberships.values("contact"))


def count_members(segments: Iterable[Segment], *, at: datetime) -> dict[str, int]:
    """Return how many contacts are in each segment, by its id: one statement for all that are
    ready.
    """
    segments = list(segments)
    ready = [segment for segment in segments if segment.is_ready]
    counted = dict.fromkeys((segment.id for segment in ready), 0) | dict(_membership_counts(ready))
    for segment in segments:
        if not segment.is_ready:
            rule = read_rule(segment)
            counted[segment.id] = count_matching(segment.project, rule, at=at)
    return counted


def estimate(
    project: Project, rule: rules.Group | None, *, segment: Segment | None = None, at: datetime
) -> dict[str, Any]:
    """Return how many contacts match the rule, and what share of all they are; with a segment, also
    how many would enter and leave it if the rule became its own. Without a rule it is the segment.

    :raises TooSlow: if that takes longer than somebody who edits a rule waits.
    """
    with statements_within(_PATIENCE, _TOO_SLOW):
        total = Contact.objects.in_project(project).alive().count()
        if rule is None:
            return _share(count_members([segment], at=at)[segment.id], total)
        if segment is None:
            return _share(count_matching(project, rule, at=at), total)
        count, entering, inside = _compared(rule, segment, at)
        leaving = inside - (count - entering)
        return {**_share(count, total), "changes": {"enter": entering, "leave": leaving}}


def explain(segment: Segment, contact: Contact, *, at: datetime) -> dict[str, Any]:
    """Return why the contact is in the segment or is not: what each condition says of it."""
    is_member = members(segment, at=at).filter(pk=contact.pk).exists()
    answer = {"contact_id": contact.id, "segment_id": segment.id, "is_member": is_member}
    if not segment.is_dynamic:
        return {**answer, "matches": is_member, "recheck_at": None, "conditions": []}
    rule = read_rule(segment)
    leaves = list(rules.conditions(rule))
    alone = [rules.Group(rules.Operator.AND, (leaf,)) for leaf in leaves]
    (matches, recheck_at), *each = _verdicts_on(contact, [rule, *alone], segment.project, at)
    return {
        **answer,
        "matches": matches,
        "recheck_at": recheck_at,
        "conditions": [
            {"path": leaf.path, "matches": matches, "changes_at": changes_at}
            for leaf, (matches, changes_at) in zip(leaves, each, strict=True)
        ],
    }


def read_rule(segment: Segment) -> rules.Group:
    """Return the rule that describes the segment."""
    return rules.parse(segment.rules, zone=segment.project.zone)


def _share(count: int, total: int) -> dict[str, Any]:
    share = round(100 * count / total, 1) if total else 0.0
    return {"estimated_count": count, "total_contacts": total, "percentage": share}


def _compared(rule: rules.Group, segment: Segment, at: datetime) -> tuple[int, int, int]:
    """Return how many match the rule, how many of them are not in the segment, and who is in it."""
    project = segment.project
    inside = _MEMBERS
    scope: tuple[Any, ...] = (project.key, segment.key)
    if not segment.is_ready:
        inside, scope = "{}", (matching(read_rule(segment), project=project, at=at),)
    statement = sql(
        f"""WITH matching AS MATERIALIZED ({{}}), inside (id) AS MATERIALIZED ({inside})
            SELECT count(matching.id), count(*) FILTER (WHERE inside.id IS NULL), count(inside.id)
              FROM matching FULL JOIN inside ON inside.id = matching.id""",
        *(matching(rule, project=project, at=at), *scope),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        return cursor.fetchone()


def _verdicts_on(
    contact: Contact, asked: list[rules.Group], project: Project, at: datetime
) -> list[tuple[bool, datetime | None]]:
    """Return what each rule says of the contact, and when time alone may change it."""
    found = [verdicts(rule, project=project, at=at, among=[contact.key]) for rule in asked]
    numbered = [
        sql("SELECT {}::int, verdict.* FROM ({}) verdict", *each) for each in enumerate(found)
    ]
    together = joined(" UNION ALL ", numbered)
    with connection.cursor() as cursor:
        cursor.execute(together.text, together.params)
        told = {number: (matches, at) for number, _, matches, at in cursor.fetchall()}
    return [told.get(number, (False, None)) for number in range(len(asked))]


def _membership_counts(segments: list[Segment]) -> QuerySet:
    found = Membership.objects.filter(
        project__in={segment.project_id for segment in segments}, segment__in=segments
    )
    return found.order_by().values_list("segment_id").annotate(Count("id"))
