"""Triggers as SQL: which events begin something for the contacts who did them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from contacts import rules
from contacts.models import Segment
from contacts.rule_sql.compiler import event_filter
from contacts.rule_sql.fragments import Sql, sql
from growth.models import Project

_MEMBER = """EXISTS (SELECT FROM contacts_membership member WHERE member.project_id = {}
             AND member.segment_id = {} AND member.contact_id = event.contact_id)"""


def triggering(
    trigger: Mapping[str, Any] | None,
    event: str,
    segment: Segment | None,
    *,
    project: Project,
    at: datetime,
) -> Sql:
    """Return what is true of the rows of a table ``event`` that a trigger means.

    :param trigger: as it was sent; its ``where`` filters properties.
    :param event: the name of the event; empty where the trigger is to enter the segment.
    :param segment: of which the contact must be a member after the event, if there is one.
    """
    if not event and segment:
        entered = orjson.dumps({"segment_id": segment.id}).decode()
        return sql("event.properties @> {}::jsonb", entered)
    passes = [Sql("true")]
    if where := (trigger or {}).get("where"):
        node = rules.parse_where(where, zone=project.zone, path="trigger.where")
        passes.append(event_filter(node, project=project, at=at))
    if segment:
        passes.append(sql(_MEMBER, project.key, segment.key))
    return sql(" AND ".join(["({})"] * len(passes)), *passes)
