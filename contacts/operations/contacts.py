"""The births and meetings of contacts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

import orjson
from django.db import connection

from contacts.models import Contact
from contacts.models.contact import wire_time
from contacts.models.event import Changes, announce
from contacts.models.segment import leave_segments
from contacts.operations.claims import insert_claims, owners_of
from contacts.operations.consents import Stance, record_consents, unite_consents
from contacts.operations.people import (
    Conflict,
    Person,
    Resolver,
    Sighting,
    unsettled,
)
from contacts.operations.tombstones import bury
from growth import ids, outbox
from growth.models import DomainEventType, Project
from growth.models.tenancy import next_keys
from growth.transactions import RaceLost, atomic_with_retries


@dataclass(frozen=True)
class Identified:
    """The contacts that a batch of sightings means, in their order, and what that changed."""

    contacts: list[int]
    conflicts: list[list[Conflict]]
    created: set[int] = field(default_factory=set)
    changes: Changes = field(default_factory=dict)


@atomic_with_retries
def upsert_contact(
    project: Project,
    sighting: Sighting,
    stances: Mapping[str, Stance] = MappingProxyType({}),
    *,
    at: datetime,
) -> Identified:
    """Make the contact that the sighting means, or bring it up to date, and tell the system.

    ``stances`` is what the contact says of topics, by their codes.

    :raises Invalid: if there is no topic of a code; then nothing is stored.
    """
    identified = identify(project, [sighting], at=at)
    if stances:
        record_consents(Contact.objects.get(pk=identified.contacts[0]), stances, at=at)
    announce(project, [], changes=identified.changes, at=at)
    return identified


def identify(
    project: Project, sightings: Sequence[Sighting], *, at: datetime, is_quiet: bool = False
) -> Identified:
    """Find or make the contacts that the sightings mean, and store what they say of them.

    To be called in a transaction that runs again on ``RaceLost``: of two that make the same person
    at the same time, one waits for the other and then finds it. The news of contacts that were made
    or changed are written; the changes are the caller's to announce, together with events.
    """
    owners = owners_of(project, {claim for sighting in sightings for claim in sighting.claims})
    people = _locked(project, unsettled(sightings, owners))
    unknown = sum(1 for s in sightings if not any(claim in owners for claim in s.claims))
    resolver = Resolver(owners, people, next_keys(Contact, unknown) if unknown else [])
    outcomes = [resolver.resolve(sighting) for sighting in sightings]
    keys = [resolver.absorbed.get(key, key) for key, _ in outcomes]
    created_at = _store(project, resolver, at)
    if not is_quiet:
        news = [_news(resolver.people[key], since, at) for key, since in created_at.items()]
        outbox.emit(project, *news, at=at)
    return Identified(
        contacts=keys,
        conflicts=[conflicts for _, conflicts in outcomes],
        created={person.key for person in resolver.people.values() if person.is_new},
        changes=_changes(resolver),
    )


def _locked(project: Project, keys: set[int]) -> list[Person]:
    if not keys:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, email, email_key, phone, external_id, traits::text, tags
              FROM contacts_contact
             WHERE project_id = %s AND id = ANY(%s) AND deleted_at IS NULL
             ORDER BY id FOR UPDATE
            """,
            [project.key, sorted(keys)],
        )
        rows = cursor.fetchall()
    if len(rows) < len(keys):
        raise RaceLost  # One of them was deleted or merged since its claim was read.
    return [
        Person(key, False, email, email_key, phone, external_id, orjson.loads(traits), tags)
        for key, email, email_key, phone, external_id, traits, tags in rows
    ]


def _store(project: Project, resolver: Resolver, at: datetime) -> dict[int, datetime]:
    """Write what was resolved; return when each contact that is new or different was made."""
    insert_claims(project, resolver.attached)
    people = [p for p in resolver.people.values() if p.key not in resolver.absorbed]
    new = [person for person in people if person.is_new]
    revised = [person for person in people if person.changed and not person.is_new]
    created_at = _insert(project, new, at) | _update(revised, at)
    _absorb(project, resolver.absorbed, at)
    unite_consents(project, resolver.absorbed, at=at)
    return created_at


def _insert(project: Project, people: list[Person], at: datetime) -> dict[int, datetime]:
    if not people:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO contacts_contact (project_id, id, email, email_key, phone, external_id,
                                          traits, tags, created_at, updated_at)
            SELECT %s, row.*, %s, %s FROM jsonb_to_recordset(%s) AS row (id bigint, email text,
                   email_key text, phone text, external_id text, traits jsonb, tags text[])
            """,
            [project.key, at, at, _rows(people)],
        )
    return {person.key: at for person in people}


def _update(people: list[Person], at: datetime) -> dict[int, datetime]:
    if not people:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE contacts_contact contact
               SET email = row.email, email_key = row.email_key, phone = row.phone,
                   external_id = row.external_id, traits = row.traits, tags = row.tags,
                   updated_at = %s
              FROM jsonb_to_recordset(%s) AS row (id bigint, email text, email_key text,
                   phone text, external_id text, traits jsonb, tags text[])
             WHERE contact.id = row.id
            RETURNING contact.id, contact.created_at
            """,
            [at, _rows(people)],
        )
        return dict(cursor.fetchall())


def _rows(people: list[Person]) -> str:
    return _json(
        [
            {
                "id": person.key,
                "email": person.email,
                "email_key": person.email_key,
                "phone": person.phone,
                "external_id": person.external_id,
                "traits": person.traits,
                "tags": person.tags,
            }
            for person in people
        ]
    )


def _json(rows: list[dict[str, Any]]) -> str:
    return orjson.dumps(rows).decode()


def _absorb(project: Project, absorbed: dict[int, int], at: datetime) -> None:
    """Give all that anonymous visitors did to the people they turned out to be."""
    if not absorbed:
        return
    pairs = [list(absorbed), list(absorbed.values())]
    with connection.cursor() as cursor:
        for table in ("contacts_identity", "contacts_event"):
            cursor.execute(
                f"""
                UPDATE {table} moved SET contact_id = pair.person
                  FROM unnest(%s::bigint[], %s::bigint[]) pair (visitor, person)
                 WHERE moved.project_id = %s AND moved.contact_id = pair.visitor
                """,
                [*pairs, project.key],
            )
    leave_segments(project, absorbed)
    bury(project, absorbed, at)


def _changes(resolver: Resolver) -> Changes:
    changes: Changes = {}
    for person in resolver.people.values():
        whole = "created" if person.is_new or "events" in person.changed else None
        for what in [whole] if whole else person.changed:
            changes.setdefault(what, []).append(person.key)
    if resolver.absorbed:
        changes["deleted"] = list(resolver.absorbed)
    return changes


def _news(person: Person, created_at: datetime, at: datetime) -> outbox.News:
    type = DomainEventType.CONTACT_CREATED if person.is_new else DomainEventType.CONTACT_UPDATED
    data: dict[str, Any] = {
        "id": ids.encode("cntct", person.key),
        "email": person.email or None,
        "external_id": person.external_id or None,
        "phone": person.phone or None,
        "traits": person.traits,
        "tags": person.tags,
        "created_at": wire_time(created_at),
        "updated_at": wire_time(at),
    }
    if not person.is_new:
        data["changed"] = sorted(person.changed)
    return outbox.News(type, data, subject=person.key)
