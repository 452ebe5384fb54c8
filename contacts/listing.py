"""Pages of contacts, newest first: one statement each, or two where words are searched for."""

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from contacts.models import Contact
from growth.ids import encode
from growth.models import Project

NEWEST_FIRST = ("-created_at", "-id")
NEAREST = 1000

_PREFIX = Contact._meta.pk.prefix
_ALIVE = "contacts_contact.project_id = %s AND contacts_contact.deleted_at IS NULL"
_ONWARD = " AND (contacts_contact.created_at, contacts_contact.id) < (%s::timestamptz, %s)"
_NEWEST = "contacts_contact.created_at DESC, contacts_contact.id DESC"
# No index has this order, so PostgreSQL asks the index of words first.
_SORTED = "contacts_contact.created_at + interval '0' DESC, contacts_contact.id DESC"
_PAGE = f"""
    SELECT contacts_contact.created_at::text, contacts_contact.id,
           contacts_contact.updated_at::text, concat(
            '"email":', coalesce(to_json(nullif(contacts_contact.email, '')), 'null'),
            ',"external_id":', coalesce(to_json(nullif(contacts_contact.external_id, '')), 'null'),
            ',"phone":', coalesce(to_json(nullif(contacts_contact.phone, '')), 'null'),
            ',"traits":', contacts_contact.traits,
            ',"tags":', to_json(contacts_contact.tags))
      FROM {{source}}
     WHERE {_ALIVE}{{onward}}{{where}}
     ORDER BY {{order}}
     LIMIT {{count}}"""
_NEAREST = f"""
    (SELECT * FROM contacts_contact WHERE {_ALIVE}{{onward}} ORDER BY {_NEWEST} LIMIT {{nearest}})
    contacts_contact"""


ContactRow = tuple[str, str, str, str]
"""A contact as lists show it: when it was created, its id, when it was changed, JSON of the rest.

PostgreSQL wrote the JSON, and the times as exact as it has them, because the next page starts at
one. Rows are plain tuples: nothing costs more of a page than what is made for each of them.
"""


def contact_rows(
    project: Project, filtered: QuerySet[Contact] | None, after: list | None, count: int
) -> list[ContactRow]:
    """Return so many contacts of the project, newest first, from after this creation and id on.

    Only the conditions come from the queryset: for Django to put the whole statement together and
    to make objects of its rows takes as long as everything else that a page needs.

    :param filtered: conditions on contacts and nothing else, without joins; or None.
    """
    return _page(project, conditions_of(filtered), after, count)


def worded_rows(
    project: Project, filtered: QuerySet[Contact], after: list | None, count: int
) -> list[ContactRow]:
    """Return what ``contact_rows`` returns, of contacts that are filtered by words.

    The index of words knows no order: of common words it finds a million rows, which must be
    sorted. To walk the list until rare words have come 25 times takes even longer, and PostgreSQL
    cannot tell one from the other. So the nearest of the list are looked at first, and the index
    where they do not do.
    """
    conditions = conditions_of(filtered)
    rows = _page(project, conditions, after, count, nearest=True)
    return rows if len(rows) == count else _page(project, conditions, after, count, order=_SORTED)


def _page(
    project: Project,
    conditions: tuple[str, list[Any]] | None,
    after: list | None,
    count: int,
    *,
    nearest: bool = False,
    order: str = _NEWEST,
) -> list[ContactRow]:
    if conditions is None:
        return []
    where, params = conditions
    onward, start = _ONWARD if after else "", _start(project, after)
    source = _NEAREST.format(onward=onward, nearest=NEAREST) if nearest else "contacts_contact"
    text = _PAGE.format(source=source, onward=onward, where=where, order=order, count=count)
    # Pages without conditions are of one text, and most of all: they are planned once.
    with connection.cursor() if where else connection.prepared_cursor() as cursor:
        cursor.execute(text, [*(start if nearest else []), *start, *params])
        return [
            (created_at, encode(_PREFIX, key), updated_at, body)
            for created_at, key, updated_at, body in cursor.fetchall()
        ]


def _start(project: Project, after: list | None) -> list[Any]:
    if after is None:
        return [project.key]
    created_at, contact = after
    return [project.key, created_at, Contact._meta.pk.get_prep_value(contact)]


def conditions_of(filtered: QuerySet[Contact] | None) -> tuple[str, list[Any]] | None:
    """Return what the queryset asks for as SQL that goes on with AND; None if that is nothing that
    can be.
    """
    if filtered is None:
        return "", []
    query = filtered.query
    try:
        where, params = query.get_compiler(connection=connection).compile(query.where)
    except EmptyResultSet:
        return None
    return f" AND ({where})" if where else "", list(params)
