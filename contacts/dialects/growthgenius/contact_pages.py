"""Pages of contacts in the orders that a search may ask for, and all of them, row by row.

As in ``contacts.listing``, the first rows of an order are looked at before the conditions' own
indexes are: common words are found among them, rare ones by their index. Creation and last change
have indexes. Who was active last is found by the latest events: an index over last activities would
be written anew by each event.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction

from contacts.dialects.growthgenius import searching
from contacts.dialects.growthgenius.searching import Search, worded
from contacts.dialects.growthgenius.showing import COLUMNS, Row
from contacts.models import Contact, ContactStage, EmailActivity
from growth.models import Project

SORTS = (
    "contact_last_activity_date",
    "contact_email_last_opened_at",
    "contact_email_last_clicked_at",
    "contact_created_at",
    "contact_updated_at",
)
NEAREST = 5000
CHUNK = 500

_SPANS = [timedelta(minutes=2**power) for power in range(21)]  # up to two years

_ALIVE = "contacts_contact.project_id = %(project)s AND contacts_contact.deleted_at IS NULL"
_OWN = {"contact_created_at": "created_at", "contact_updated_at": "updated_at"}
_KINDS = {
    "contact_email_last_opened_at": EmailActivity.Kind.OPENED,
    "contact_email_last_clicked_at": EmailActivity.Kind.CLICKED,
}
_PAGE = "ORDER BY {order} LIMIT %(count)s OFFSET %(start)s"
_NEAREST_BY_COLUMN = f"""
    SELECT {COLUMNS}
      FROM (SELECT * FROM contacts_contact WHERE {_ALIVE}
             ORDER BY {{column}} {{way}}, id {{way}} LIMIT %(nearest)s) contacts_contact
     WHERE true{{where}} {_PAGE}"""
# Sorted are keys alone: thousands may fit, and only the rows of the page are read whole.
_CHOSEN = f"""
    SELECT {COLUMNS}
      FROM unnest(ARRAY({{chosen}})) WITH ORDINALITY place (key, number)
           JOIN contacts_contact ON contacts_contact.id = place.key
     ORDER BY place.number"""
# No index has this order, so PostgreSQL asks those of the conditions first.
_ALL_BY_COLUMN = _CHOSEN.format(
    chosen=f"SELECT id FROM contacts_contact WHERE {_ALIVE}{{where}} {_PAGE}"
)
# Row by row: else PostgreSQL would ask the index of words first, for so few.
_ITS_CONTACT = """
      JOIN LATERAL (SELECT * FROM contacts_contact WHERE id = activity.contact_id OFFSET 0)
           contacts_contact ON true"""
# Since when enough has happened, as far back as the shortest span goes that holds so much.
_SINCE = """
    SELECT %(at)s - span FROM unnest(%(spans)s::interval[]) span
     WHERE %(enough)s = (SELECT count(*) FROM (
           SELECT FROM contacts_event WHERE project_id = %(project)s
              AND timestamp >= %(at)s - span LIMIT %(enough)s) latest)
     LIMIT 1"""
_EVER = "contacts_contactactivity"
# One by one: else PostgreSQL would read the activities of all.
_LATELY = """
           (SELECT DISTINCT contact_id AS key FROM contacts_event
             WHERE project_id = %(project)s AND timestamp >= %(moment)s) recent
           JOIN LATERAL (SELECT * FROM contacts_contactactivity
                          WHERE contact_id = key AND last_activity_at >= %(moment)s OFFSET 0)
                contacts_contactactivity ON true"""
_NEAREST_BY_ACTIVITY = f"""
    SELECT {COLUMNS}
      FROM (SELECT contact_id, last_activity_at FROM {{active}}
             WHERE project_id = %(project)s AND last_activity_at IS NOT NULL
             ORDER BY last_activity_at {{way}}, contact_id {{way}} LIMIT %(nearest)s) activity
           {_ITS_CONTACT}
     WHERE {_ALIVE}{{where}} {_PAGE}"""
_NEAREST_WITHOUT_ACTIVITY = f"""
    SELECT {COLUMNS}
      FROM (SELECT * FROM contacts_contact WHERE {_ALIVE}
             ORDER BY created_at {{way}}, id {{way}} LIMIT %(nearest)s) contacts_contact
     WHERE NOT EXISTS (SELECT FROM contacts_contactactivity activity
                        WHERE activity.contact_id = contacts_contact.id
                          AND activity.last_activity_at IS NOT NULL){{where}} {_PAGE}"""
_ACTIVE = """
    SELECT count(*) FROM (SELECT FROM contacts_contactactivity
                           WHERE project_id = %(project)s AND last_activity_at IS NOT NULL
                           LIMIT %(nearest)s) activity"""
_FITTING = f"""
    SELECT count(*) FROM contacts_contactactivity activity {_ITS_CONTACT}
     WHERE activity.project_id = %(project)s AND activity.last_activity_at IS NOT NULL
       AND {_ALIVE}{{where}}"""
# One by one: who fits but is not among the nearest is one of few, and activities are many.
_ALL_BY_ACTIVITY = _CHOSEN.format(
    chosen=f"""
    SELECT contacts_contact.id FROM contacts_contact
      LEFT JOIN LATERAL (SELECT last_activity_at FROM contacts_contactactivity
                          WHERE contact_id = contacts_contact.id OFFSET 0) activity ON true
     WHERE {_ALIVE}{{where}} {_PAGE}"""
)
_ALL_BY_MAIL = _CHOSEN.format(
    chosen=f"""
    SELECT contacts_contact.id FROM contacts_contact
      LEFT JOIN (SELECT email.contact_id, max(hit.at) AS last_activity_at
                   FROM contacts_emailactivity hit JOIN contacts_email email
                        ON email.id = hit.email_id
                  WHERE hit.project_id = %(project)s AND hit.kind = %(kind)s
                    AND NOT hit.is_machine
                  GROUP BY email.contact_id) activity
           ON activity.contact_id = contacts_contact.id
     WHERE {_ALIVE}{{where}} {_PAGE}"""
)
_COUNT = f"""
    SELECT count(*) FROM (
        SELECT FROM contacts_contact WHERE {_ALIVE}{{where}} LIMIT %(limit)s) counted"""
_STAGED = """ AND contacts_contact.traits ? 'stage'
    AND contacts_contact.traits ->> 'stage' = ANY(%(stages)s)"""
_EVERY = f"""
    SELECT {COLUMNS} FROM contacts_contact WHERE {_ALIVE}{{where}}
     ORDER BY contacts_contact.updated_at, contacts_contact.id"""


class _Conditions(NamedTuple):
    """SQL that goes on with AND, and its parameters; ``is_none`` if nothing can fulfil it."""

    where: str
    params: dict[str, Any]
    is_none: bool = False


def find_page(project: Project, search: Search, *, at: datetime) -> tuple[list[Row], int]:
    """Return the rows of the page, and how many there are in all; one more than the limit stands
    for all numbers beyond it.
    """
    conditions = _conditions(project, search)
    if conditions.is_none:
        return [], 0
    rows = _page(search, conditions, at)
    if len(rows) < search.per_page and (rows or not search.start):
        return rows, search.start + len(rows)
    [(total,)] = _ask(_COUNT, conditions, {"limit": searching.LIMIT + 1})
    return rows, total


def every_row(project: Project, search: Search) -> Iterator[list[Row]]:
    """Yield all rows by their last change, in chunks, as they are at one moment: the server keeps
    the rest.
    """
    conditions = _conditions(project, search)
    if conditions.is_none:
        return
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(_EVERY.format(where=conditions.where), conditions.params)
        while rows := cursor.fetchmany(CHUNK):
            yield [Row(*row) for row in rows]


def _page(search: Search, conditions: _Conditions, at: datetime) -> list[Row]:
    count, way = search.per_page, "ASC" if search.is_ascending else "DESC"
    place = {"count": count, "start": search.start}
    column = _OWN.get(search.sort)
    nearest = NEAREST if column else NEAREST // 2  # No index has those who were active last.
    place["nearest"] = max(nearest, 2 * (search.start + count))
    if column:
        order = f"contacts_contact.{column} {way}, contacts_contact.id {way}"
        found = _rows(_NEAREST_BY_COLUMN, conditions, place, column=column, way=way, order=order)
        if len(found) == count:
            return found
        unindexed = order.replace(f"{column} ", f"{column} + interval '0' ", 1)
        return _rows(_ALL_BY_COLUMN, conditions, place, order=unindexed)
    order = _activity_order(way)
    if kind := _KINDS.get(search.sort):
        return _rows(_ALL_BY_MAIL, conditions, place | {"kind": kind}, order=order)
    moment = None if search.is_ascending else _since(conditions, place, at)
    if moment:
        found = _by_activity(conditions, place | {"moment": moment}, way, active=_LATELY)
        if len(found) == count:
            return found
    found = None if moment and conditions.where else _nearest_by_activity(conditions, place, way)
    return found or _rows(_ALL_BY_ACTIVITY, conditions, place, order=order)


def _since(conditions: _Conditions, place: dict, at: datetime) -> datetime | None:
    """Return a moment since when more contacts were probably active than are looked at."""
    spans = {"at": at, "spans": _SPANS, "enough": 2 * place["nearest"]}
    return next((moment for (moment,) in _ask(_SINCE, conditions, spans)), None)


def _by_activity(
    conditions: _Conditions, place: dict, way: str, *, active: str = _EVER
) -> list[Row]:
    order = f"activity.last_activity_at {way}, activity.contact_id {way}"
    return _rows(_NEAREST_BY_ACTIVITY, conditions, place, way=way, order=order, active=active)


def _nearest_by_activity(conditions: _Conditions, place: dict, way: str) -> list[Row] | None:
    """Return the page if it is among those who were active last, or, where few ever were, among the
    newest of the others.
    """
    found = _by_activity(conditions, place, way)
    if len(found) == place["count"]:
        return found
    [(active,)] = _ask(_ACTIVE, conditions, place)
    if active == place["nearest"]:
        return None
    if found or not place["start"]:
        passed = 0
    else:
        [(fitting,)] = _ask(_FITTING, conditions)
        passed = place["start"] - fitting
    rest = place | {"count": place["count"] - len(found), "start": passed}
    order = f"contacts_contact.created_at {way}, contacts_contact.id {way}"
    found += _rows(_NEAREST_WITHOUT_ACTIVITY, conditions, rest, way=way, order=order)
    return found if len(found) == place["count"] else None


def _activity_order(way: str) -> str:
    never = "CASE WHEN activity.last_activity_at IS NULL THEN contacts_contact.created_at END"
    return f"activity.last_activity_at {way} NULLS LAST, {never} {way}, contacts_contact.id {way}"


def _conditions(project: Project, search: Search) -> _Conditions:
    parts, params = [], {"project": project.key, "since": search.since, "until": search.until}
    if search.since:
        parts.append(" AND contacts_contact.updated_at >= %(since)s")
    if search.until:
        parts.append(" AND contacts_contact.updated_at < %(until)s")
    if search.stages is not None:
        stages = ContactStage.objects.in_project(project).filter(pk__in=search.stages)
        params["stages"] = list(stages.values_list("name", flat=True))
        parts.append(_STAGED)
    if search.words:
        text, words = worded(Contact.objects.having(search.words))
        parts.append(text)
        params |= words
    is_none = search.words == [] or params.get("stages") == []
    return _Conditions("".join(parts), params, is_none)


def _rows(text: str, conditions: _Conditions, place: dict, **words: str) -> list[Row]:
    return [Row(*row) for row in _ask(text, conditions, place, **words)]


def _ask(
    text: str, conditions: _Conditions, place: dict | None = None, **words: str
) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(
            text.format(where=conditions.where, **words),
            conditions.params | (place or {}),
        )
        return cursor.fetchall()
