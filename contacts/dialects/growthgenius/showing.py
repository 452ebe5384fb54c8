"""Contacts as answers show them: all 58 keys, whatever is known."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import orjson
from django.db import connection

from contacts.dialects.growthgenius.fields import KEYS, TRAITS
from contacts.models import Contact
from contacts.operations.names import company_of, names_of
from growth.models import Project

COLUMNS = """contacts_contact.id, contacts_contact.email, contacts_contact.phone,
    contacts_contact.traits::text, contacts_contact.tags, contacts_contact.created_at,
    contacts_contact.updated_at"""

_ACCOUNTS = """
    SELECT id, status, name FROM contacts_account WHERE project_id = %s AND id = ANY(%s)
"""
_LISTS = """
    SELECT contact_id, array_agg(segment.name ORDER BY segment.id)
      FROM contacts_membership membership JOIN contacts_segment segment
           ON segment.id = membership.segment_id AND segment.type = 'static'
     WHERE membership.project_id = %s AND membership.contact_id = ANY(%s) GROUP BY contact_id
"""
_UNKNOWN = dict.fromkeys(KEYS)


class Row(NamedTuple):
    """A contact as the database has it, in the order of the columns."""

    key: int
    email: str
    phone: str
    traits: str
    tags: list[str]
    created_at: datetime
    updated_at: datetime


def shown(project: Project, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the contacts as answers show them; the rows of a page cost two statements."""
    told = [orjson.loads(row.traits) for row in rows]
    accounts = _accounts(project, told)
    lists = _lists(project, [row.key for row in rows])
    return [
        _shown(row, traits, accounts, lists.get(row.key), project.zone)
        for row, traits in zip(rows, told, strict=True)
    ]


def shown_one(contact: Contact) -> dict[str, Any]:
    """Return the contact as answers show it."""
    row = Row(
        contact.key,
        contact.email,
        contact.phone,
        orjson.dumps(contact.traits).decode(),
        contact.tags,
        contact.created_at,
        contact.updated_at,
    )
    return shown(contact.project, [row])[0]


def wire_time(moment: datetime | None, zone: ZoneInfo) -> str | None:
    """Return the moment with milliseconds and the offset of the team's zone."""
    return moment.astimezone(zone).isoformat(timespec="milliseconds") if moment else None


def _shown(
    row: Row,
    traits: Mapping[str, Any],
    accounts: Mapping[int, tuple[str, str]],
    lists: list[str] | None,
    zone: ZoneInfo,
) -> dict[str, Any]:
    names, account = names_of(traits), traits.get("contact_account_id")
    status, company = (
        accounts.get(account, (None, None)) if isinstance(account, int) else (None,) * 2
    )
    return {
        **_UNKNOWN,
        **{name: traits[name] for name in TRAITS if name in traits},
        "first_name": names.first or None,
        "last_name": names.last or None,
        "name": names.whole or None,
        "full_name": _text(traits.get("full_name")) or names.whole or None,
        "company_name": company_of(traits) or company,
        "contact_account": {"id": account, "status": status} if status else None,
        "contact_account_id": account if status else None,
        "linkedin_username": traits.get("linkedin_username") or _username(traits),
        "user_id": traits.get("user_id"),
        "id": row.key,
        "email": row.email or None,
        "first_phone": row.phone or None,
        "label_names": row.tags or None,
        "lists": lists,
        "created_at": wire_time(row.created_at, zone),
        "updated_at": wire_time(row.updated_at, zone),
    }


def _accounts(project: Project, told: Iterable[Mapping[str, Any]]) -> dict[int, tuple[str, str]]:
    named = [traits.get("contact_account_id") for traits in told]
    keys = {key for key in named if isinstance(key, int)}
    found = _rows(_ACCOUNTS, project, sorted(keys))
    return {key: (status, name) for key, status, name in found}


def _lists(project: Project, keys: list[int]) -> dict[int, list[str]]:
    return dict(_rows(_LISTS, project, keys))


def _rows(statement: str, project: Project, keys: list[int]) -> list[tuple]:
    if not keys:
        return []
    with connection.cursor() as cursor:
        cursor.execute(statement, [project.key, keys])
        return cursor.fetchall()


def _username(traits: Mapping[str, Any]) -> str | None:
    """Return the last part of the address of a person's page."""
    _, found, rest = (_text(traits.get("linkedin_url")) or "").partition("linkedin.com/in/")
    return rest.partition("?")[0].strip("/") or None if found else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
