"""The one timeline of messages: those that we were told of, and the mail that we sent."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import QuerySet

from contacts.dialects.growthgenius import searching
from contacts.dialects.growthgenius.searching import Search, worded
from contacts.dialects.growthgenius.showing import wire_time
from contacts.models import Email, EmailActivity, Message
from contacts.models.search import CopyWords, beginning_with
from growth.models import Project

SORTS = (
    "message_last_activity_date",
    "message_email_last_opened_at",
    "message_email_last_clicked_at",
    "message_created_at",
    "message_updated_at",
)
CAMPAIGN_EMAIL = "campaign_email"
CHUNK = 500

_KINDS = {
    "message_email_last_opened_at": EmailActivity.Kind.OPENED,
    "message_email_last_clicked_at": EmailActivity.Kind.CLICKED,
}
_HIT = """(SELECT max(hit.at) FROM contacts_emailactivity hit
            WHERE hit.project_id = %(project)s AND hit.email_id = contacts_email.id
              AND hit.kind = %(kind)s AND NOT hit.is_machine)"""
# Whoever was deleted is hidden, and so is what they were told.
_SHOWN = """EXISTS (SELECT FROM contacts_contact contact
                     WHERE contact.id = {table}.contact_id AND contact.deleted_at IS NULL)"""
_MESSAGES = f"""
    SELECT id, contact_id, message_type, rendered_copy, rendered_subject, sent_at, user_id,
           created_at, updated_at{{place}}
      FROM contacts_message
     WHERE project_id = %(project)s AND {_SHOWN.format(table="contacts_message")}{{where}}"""
_EMAILS = f"""
    SELECT id, contact_id, '{CAMPAIGN_EMAIL}', NULL, nullif(subject, ''), decided_at, NULL::bigint,
           created_at, decided_at{{place}}
      FROM contacts_email
     WHERE project_id = %(project)s AND state = 'sent'
       AND {_SHOWN.format(table="contacts_email")}{{where}}"""


class Row(NamedTuple):
    """A message or a mail, as the database has it."""

    key: int
    contact: int
    type: str
    copy: str | None
    subject: str | None
    sent_at: datetime | None
    user: int | None
    created_at: datetime
    updated_at: datetime


def shown(project: Project, row: Row) -> dict[str, Any]:
    """Return the message as answers show it."""
    zone = project.zone
    return {
        "id": row.key,
        "contact_id": row.contact,
        "created_at": wire_time(row.created_at, zone),
        "message_type": row.type or None,
        "rendered_copy": row.copy,
        "rendered_subject": row.subject,
        "sent_at": wire_time(row.sent_at, zone),
        "team_id": project.key,
        "updated_at": wire_time(row.updated_at, zone),
        "user_id": row.user,
    }


def find_one(project: Project, key: int) -> Row | None:
    """Return what has this id on the timeline, if anything has."""
    one = " AND id = %(key)s"
    text = " UNION ALL ".join(source.format(where=one, place="") for source in (_MESSAGES, _EMAILS))
    rows = _ask(text, {"project": project.key, "key": key})
    return Row(*rows[0]) if rows else None


def find_page(project: Project, search: Search) -> tuple[list[Row], int]:
    """Return the rows of the page, and how many there are in all; one more than the limit stands
    for all numbers beyond it.
    """
    sources, params = _sources(project, search)
    if not sources:
        return [], 0
    params |= {"count": search.per_page, "start": search.start}
    params["last"] = search.start + search.per_page
    way = "ASC" if search.is_ascending else "DESC"
    # Each source ends where the page does, so that each can follow its index.
    heads = " UNION ALL ".join(
        f"({source} ORDER BY {place} {way} NULLS LAST, id {way} LIMIT %(last)s)"
        for source, place in sources
    )
    rows = _ask(
        f"SELECT * FROM ({heads}) timeline (id, contact, type, copy, subject, sent_at, member,"
        f" created_at, updated_at, place) ORDER BY place {way} NULLS LAST, id {way}"
        " LIMIT %(count)s OFFSET %(start)s",
        params,
    )
    if len(rows) < search.per_page and (rows or not search.start):
        return [Row(*row[:-1]) for row in rows], search.start + len(rows)
    limit = searching.LIMIT + 1
    counted = " UNION ALL ".join(f"({source} LIMIT {limit})" for source, _ in sources)
    [(total,)] = _ask(f"SELECT count(*) FROM ({counted}) counted", params)
    return [Row(*row[:-1]) for row in rows], min(total, limit)


def every_row(project: Project, search: Search) -> Iterator[list[Row]]:
    """Yield all rows by their last change, in chunks, as they are at one moment."""
    sources, params = _sources(project, search)
    if not sources:
        return
    text = " UNION ALL ".join(f"({source})" for source, _ in sources)
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(f"{text} ORDER BY 9, 1", params)
        while rows := cursor.fetchmany(CHUNK):
            yield [Row(*row[:-1]) for row in rows]


def _sources(project: Project, search: Search) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """Return the statements of both sources, each with what it is ordered by, and the parameters;
    none if nothing can be found.
    """
    params = {
        "project": project.key,
        "contact": search.contact,
        "since": search.since,
        "until": search.until,
        "kind": _KINDS.get(search.sort),
    }
    if search.words == []:
        return [], params
    statements = []
    for table, text, changed in (
        (Message, _MESSAGES, "updated_at"),
        (Email, _EMAILS, "decided_at"),
    ):
        where = _where(search, changed)
        if search.words:
            asked, words = worded(_worded(table, search.words))
            where, params = where + asked, params | words
        place = _place(search.sort, table, changed)
        statements.append((text.format(where=where, place=f", {place}"), place))
    return statements, params


def _where(search: Search, changed: str) -> str:
    asked = {
        "contact_id = %(contact)s": search.contact,
        f"{changed} >= %(since)s": search.since,
        f"{changed} < %(until)s": search.until,
    }
    return "".join(f" AND {each}" for each, value in asked.items() if value is not None)


def _worded(table: type[Message | Email], words: list[str]) -> QuerySet:
    """Return those of whose subject or copy a word begins with each of these; of a mail only the
    subject is kept.
    """
    texts = ("rendered_subject", "rendered_copy") if table is Message else ("subject", "subject")
    told = table.objects.alias(words=CopyWords(*texts))
    return told.filter(words=beginning_with(words))


def _place(sort: str, table: type[Message | Email], changed: str) -> str:
    if sort in _KINDS:
        return _HIT if table is Email else "NULL::timestamptz"
    return "created_at" if sort == "message_created_at" else changed


def _ask(text: str, params: dict[str, Any]) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(text, params)
        return cursor.fetchall()
