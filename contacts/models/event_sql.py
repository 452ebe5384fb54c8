"""The SQL that stores events and tells of them in one statement, wherever its events come from."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from growth.models import DomainEventType, Project

_STORING = """
    stored AS (
        INSERT INTO contacts_event
               (project_id, contact_id, name, properties, timestamp, received_at, message_id, hops)
        SELECT %(project)s, contact_id, name, properties, timestamp, %(at)s, message_id, %(hops)s
          FROM ({source}) told
        RETURNING id, contact_id, name, timestamp
    ), latest AS MATERIALIZED (
        SELECT contact_id, max(timestamp) AS moment FROM stored WHERE %(is_own_act)s
         GROUP BY contact_id ORDER BY contact_id
    ), moved AS (
        UPDATE contacts_contactactivity activity SET last_activity_at = moment
          FROM latest WHERE activity.contact_id = latest.contact_id
           AND coalesce(last_activity_at < moment, true)
        RETURNING activity.contact_id
    ), active AS (
        INSERT INTO contacts_contactactivity AS activity (project_id, contact_id, last_activity_at)
        SELECT %(project)s, contact_id, moment FROM latest
         WHERE contact_id NOT IN (SELECT contact_id FROM moved) ORDER BY contact_id
        ON CONFLICT (contact_id) DO UPDATE SET last_activity_at = excluded.last_activity_at
         WHERE coalesce(activity.last_activity_at < excluded.last_activity_at, true)
    ), change AS (
        SELECT jsonb_object_agg('events.' || name, contacts) AS all_of_them
          FROM (SELECT name, jsonb_agg(DISTINCT contact_id) AS contacts
                  FROM stored GROUP BY name) by_name
    ), news AS (
        INSERT INTO growth_domainevent (project_id, type, data, hops, created_at)
        SELECT %(project)s, %(type)s, jsonb_build_object(
                   'changes', %(changes)s::jsonb || all_of_them, 'quiet', %(is_quiet)s::boolean,
                   'events', (SELECT jsonb_agg(jsonb_build_array(id, timestamp)) FROM stored)),
               %(news_hops)s, %(at)s
          FROM change WHERE all_of_them IS NOT NULL
    )
"""


def storing(source: str) -> str:
    """Return the common table expressions that store the events of ``source`` and tell of them.

    :param source: a SELECT of contact_id, name, properties, timestamp and message_id.
    """
    return _STORING.format(source=source)


def storing_parameters(
    project: Project,
    *,
    at: datetime,
    changes: Mapping[str, list[int]] | None = None,
    hops: int = 0,
    news_hops: int = 0,
    is_quiet: bool = False,
    is_own_act: bool = True,
) -> dict[str, Any]:
    """Return what the expressions of ``storing`` are to be run with.

    :param changes: what else changed of contacts, to be told with the events.
    :param hops: how many causes the events have; ``news_hops`` are those of the news of them.
    :param is_own_act: whether contacts did it themselves: it is their last activity then.
    """
    return {
        "project": project.key,
        "at": at,
        "hops": hops,
        "changes": orjson.dumps(changes or {}).decode(),
        "is_quiet": is_quiet,
        "is_own_act": is_own_act,
        "news_hops": news_hops,
        "type": DomainEventType.EVENTS_RECORDED.value,
    }
