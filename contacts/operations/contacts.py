"""The births and meetings of contacts."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

from contacts.models import Contact
from contacts.models.contact import wire_time
from contacts.models.event import Changes, announce
from contacts.operations.absorbing import absorb_visitors
from contacts.operations.claims import count_devices, insert_claims, owners_of
from contacts.operations.consents import (
    Stance,
    kept_topics,
    record_stances,
    unknown_topics,
)
from contacts.operations.people import Claim, Person, Sighting
from contacts.operations.resolving import (
    Outcome,
    Resolver,
    meeting_devices,
    possible_births,
    unsettled,
)
from growth import ids, outbox
from growth.models import DomainEventType, Project
from growth.models.tenancy import next_keys
from growth.transactions import RaceLost, atomic_with_retries


@dataclass(frozen=True)
class Identified:
    """Whom a batch of sightings means, in their order, and what that changed."""

    outcomes: list[Outcome]
    changes: Changes = field(default_factory=dict)

    @property
    def contacts(self) -> list[int]:
        """The keys of the contacts."""
        return [outcome.contact for outcome in self.outcomes]


@atomic_with_retries
def upsert_contacts(
    project: Project, sightings: Sequence[Sighting], *, at: datetime
) -> list[Outcome]:
    """Make the contacts that the sightings mean, or bring them up to date, and tell the system.

    Each sighting has its own outcome; of those with violations nothing is stored. Safe to repeat,
    at the same time as itself, and to kill: it is one transaction.
    """
    topics = kept_topics(project, {code for each in sightings for code in each.stances})
    wrong = {n: unknown_topics(each.stances, topics) for n, each in enumerate(sightings)}
    good = [each for n, each in enumerate(sightings) if not wrong[n]]
    identified = identify(project, good, at=at)
    record_stances(_said(project, good, identified.outcomes), topics, at=at)
    announce(project, changes=identified.changes, at=at)
    outcomes = iter(identified.outcomes)
    return [Outcome(0, violations=wrong[n]) if wrong[n] else next(outcomes) for n in wrong]


@atomic_with_retries
def add_contact(project: Project, sighting: Sighting, *, at: datetime) -> int:
    """Make a contact in any case, and return its key: a claim that another owns stays there, and
    the new contact is a known duplicate, listed for merge.

    Not safe to repeat, as its callers have it; safe at the same time as itself, and to kill.
    """
    taken = owners_of(project, set(sighting.claims))
    return bear_contact(project, sighting, taken=taken, at=at)


def bear_contact(
    project: Project, sighting: Sighting, *, taken: Collection[Claim], at: datetime
) -> int:
    """Make a contact, whose claims that are taken stay where they are, in a transaction that runs
    again on ``RaceLost``: whoever must not make a person twice looks for it again then.
    """
    [key] = next_keys(Contact, 1)
    person = Person(key, is_new=True, traits=dict(sighting.traits), tags=sighting.tags or [])
    person.phone = sighting.phone
    for claim in sighting.claims:
        person.attach(claim, sighting)
    _insert(project, [person], at)
    insert_claims(project, {claim: key for claim in sighting.claims if claim not in taken})
    outbox.emit(project, _news(person, at, at), at=at)
    announce(project, changes={"created": [key]}, at=at)
    return key


def _said(
    project: Project, sightings: Sequence[Sighting], outcomes: Sequence[Outcome]
) -> dict[Contact, dict[str, Stance]]:
    """Return what contacts say of topics; of two words of one contact the last one counts."""
    said: dict[int, dict[str, Stance]] = {}
    for sighting, outcome in zip(sightings, outcomes, strict=True):
        if sighting.stances and not outcome.violations:
            said.setdefault(outcome.contact, {}).update(sighting.stances)
    if not said:
        return {}
    contacts = Contact.objects.filter(project=project, pk__in=said).select_related("project")
    return {contact: said[contact.key] for contact in contacts.order_by("id")}


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
    devices = count_devices(project, meeting_devices(sightings, owners))
    births = possible_births(sightings, owners)
    resolver = Resolver(owners, people, next_keys(Contact, births) if births else [], devices)
    outcomes = [resolver.resolve(sighting) for sighting in sightings]
    created_at = _store(project, resolver, at)
    if not is_quiet:
        news = [_news(resolver.people[key], since, at) for key, since in created_at.items()]
        outbox.emit(project, *news, at=at)
    return Identified(
        outcomes=[
            each._replace(contact=resolver.absorbed.get(each.contact, each.contact))
            for each in outcomes
        ],
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
    stored = {v: p for v, p in resolver.absorbed.items() if not resolver.people[v].is_new}
    absorb_visitors(project, stored, at=at)
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
