"""The rows of claims: who owns a value by which people are known."""

import orjson
from django.db import connection

from contacts.operations.people import ANONYMOUS_ID, Claim
from growth.models import Project
from growth.transactions import RaceLost


def owners_of(project: Project, claims: set[Claim]) -> dict[Claim, int]:
    """Return the keys of the contacts that own claims, by claim; free ones are left out."""
    if not claims:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT identity.kind, identity.value, identity.contact_id
              FROM jsonb_to_recordset(%s) claim (kind text, value text)
              JOIN contacts_identity identity ON identity.project_id = %s
                   AND identity.kind = claim.kind AND identity.value = claim.value
            """,
            [orjson.dumps([claim._asdict() for claim in claims]).decode(), project.key],
        )
        return {Claim(kind, value): key for kind, value, key in cursor.fetchall()}


def count_devices(project: Project, contacts: set[int]) -> dict[int, int]:
    """Return how many anonymous ids each of the contacts has."""
    if not contacts:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT contact_id, count(*) FROM contacts_identity
             WHERE project_id = %s AND contact_id = ANY(%s) AND kind = %s GROUP BY contact_id
            """,
            [project.key, sorted(contacts), ANONYMOUS_ID],
        )
        return dict(cursor.fetchall())


def insert_claims(project: Project, claims: dict[Claim, int]) -> None:
    """Store free claims of contacts, given by claim.

    :raises RaceLost: if one of them has an owner by now.
    """
    if not claims:
        return
    rows = [{**claim._asdict(), "contact_id": claims[claim]} for claim in sorted(claims)]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO contacts_identity (project_id, kind, value, contact_id)
            SELECT %s, * FROM jsonb_to_recordset(%s)
                AS row (kind text, value text, contact_id bigint)
            ON CONFLICT DO NOTHING
            """,
            [project.key, orjson.dumps(rows).decode()],
        )
        if cursor.rowcount < len(rows):
            raise RaceLost  # Another call stored one of them first: now it can be found.
