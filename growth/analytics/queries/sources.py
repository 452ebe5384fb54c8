"""Where questions find events, and by what these are grouped: pieces of SQL that all share."""

from collections.abc import Sequence
from datetime import datetime

from contacts import rules
from contacts.rule_sql import Sql, event_filters, joined, sql
from growth.analytics.questions import NONE, GroupBy, GroupKind, Step
from growth.models import Project

MICROS = "(extract(epoch FROM {}) * 1000000)::bigint"
"""Microseconds since 1970, as a format of the moment."""

_ONLY_OWN = Sql("NOT starts_with(event.name, '$')")
_CONTACT = Sql("JOIN contacts_contact contact ON contact.id = event.contact_id")


def named(event: str | None) -> Sql:
    """Return what is true of the events of the name; without one, of all but the system's own."""
    return _ONLY_OWN if event is None else sql("event.name = {}", event)


def source(
    project: Project,
    step: Step,
    start: datetime | None,
    end: datetime,
    *,
    at: datetime,
    group_by: GroupBy | None = None,
    contact: Sql | None = None,
) -> Sql:
    """Return FROM and WHERE of the step's events from the start on and before the end, as
    ``event``, with what their groups need.

    :param contact: a filter of ``event.contact_id``.
    """
    joins, [passes] = event_filters([step.filters], project=project, at=at)
    parts = [sql("event.project_id = {}", project.key), named(step.event)]
    if start is not None:
        parts.append(sql("event.timestamp >= {}", start))
    parts += [sql("event.timestamp < {}", end), *([contact] if contact else [])]
    if step.filters is not None:
        parts.append(passes)
    return sql(
        "FROM contacts_event event {} {} WHERE {}",
        *(joins, grouping(group_by, joins), all_of(parts)),
    )


def all_of(parts: Sequence[Sql]) -> Sql:
    """Return what is true if all parts are."""
    return joined(" AND ", [sql("({})", part) for part in parts])


def label(group_by: GroupBy | None) -> Sql:
    """Return the name of the group of an ``event``, or of a ``contact``."""
    if group_by is None:
        return Sql("NULL::text")
    if group_by.kind is GroupKind.PROPERTY:
        return _value("event.properties", group_by.path)
    if group_by.kind is GroupKind.TRAIT:
        return _value("contact.traits", group_by.path)
    if group_by.kind is GroupKind.REFERRED:
        return _BY_WHOM
    return sql("coalesce(grouped.label, {})", NONE)


def grouping(group_by: GroupBy | None, joins: Sql | None = None) -> Sql:
    """Return what must be joined to ``event`` for its label, beside the joins that are there."""
    if group_by is None or group_by.kind is GroupKind.PROPERTY:
        return Sql("")
    contact = Sql("") if joins and joins.text else _CONTACT
    if group_by.kind is GroupKind.TRAIT:
        return contact
    return sql("{} {}", contact, _LABELLED[group_by.kind])


_TAGS = Sql(
    """LEFT JOIN LATERAL (SELECT DISTINCT tag AS label FROM unnest(contact.tags) tag) grouped
            ON true"""
)
_SEGMENTS = Sql(
    """LEFT JOIN LATERAL (SELECT member.segment_id::text AS label FROM contacts_membership member
                          WHERE member.project_id = contact.project_id
                            AND member.contact_id = contact.id) grouped ON true"""
)
_REFERRALS = Sql(
    """LEFT JOIN (SELECT DISTINCT project_id, contact_id FROM referrals_referral) referral
            ON referral.project_id = contact.project_id AND referral.contact_id = contact.id"""
)
_BY_WHOM = Sql("CASE WHEN referral.contact_id IS NULL THEN 'organic' ELSE 'referred' END")
_LABELLED = {
    GroupKind.TAGS: _TAGS,
    GroupKind.SEGMENTS: _SEGMENTS,
    GroupKind.REFERRED: _REFERRALS,
}


def _value(column: str, path: Sequence[str]) -> Sql:
    return sql(f"coalesce({column} #>> {{}}::text[], {{}})", list(path), NONE)


def uses_contact(filters: rules.Node | None) -> bool:
    """Tell whether the filter looks at more than the event itself."""
    if filters is None:
        return False
    return any(each.field.kind is not rules.Kind.PROPERTY for each in rules.conditions(filters))
