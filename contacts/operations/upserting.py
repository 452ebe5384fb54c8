"""Who is meant, as clients see it that know a person by address and phone, in an order they chose.

Unlike what identifies a caller by claims, what is said here replaces: a person found by phone has
the address that is sent from then on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from contacts.models import Contact
from contacts.operations.contacts import bear_contact
from contacts.operations.people import EMAIL, PHONE, Claim, Conflict, Sighting
from growth.errors import DomainError, Gone
from growth.models import Project
from growth.transactions import RaceLost, atomic_with_retries

Patch = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Said:
    """What a client says of a person. ``addresses`` maps email and phone to how they are written
    and compared, as ``Contact.revise`` takes them; ``patch`` returns what becomes of traits.
    """

    addresses: Mapping[str, tuple[str, str]]
    patch: Patch
    tags: list[str] | None = None


class Stored(NamedTuple):
    """The contact that was made or changed, and the addresses that stayed with others."""

    contact: Contact
    is_new: bool
    conflicts: tuple[Conflict, ...] = ()


class Taken(DomainError):
    """An address belongs to another contact already, and may not have two."""

    code = "conflict"

    def __init__(self, kind: str, contact: int) -> None:
        super().__init__(f"Another contact has this {kind}.")
        self.kind, self.contact = kind, contact


@atomic_with_retries
def upsert_by_address(
    project: Project,
    said: Said,
    *,
    priority: Sequence[str] = (EMAIL, PHONE),
    in_any_case: bool = False,
    at: datetime,
) -> Stored:
    """Make the contact, or bring the one up to date that is found first by ``priority``.

    An address of another contact stays there, and is a conflict. With ``in_any_case`` a new contact
    is made, which has the address as well. Safe to repeat otherwise, at the same time as itself,
    and to kill.
    """
    owners = find_owners(project, said.addresses)
    found = next((owners[kind] for kind in priority if kind in owners), None)
    if found is None or in_any_case:
        return _born(project, said, owners, at)
    others = {kind: owner for kind, owner in owners.items() if owner != found}
    kept = {kind: each for kind, each in said.addresses.items() if kind not in others}
    contact = Contact.objects.select_related("project").filter(project=project, pk=found).first()
    try:
        if contact is None:
            raise RaceLost
        _revise(contact, said, kept, at=at)
    except Gone:
        raise RaceLost from None  # It was deleted since it was found.
    return Stored(contact, False, _conflicts(said, others))


@atomic_with_retries
def add_by_address(
    project: Project, said: Said, *, priority: Sequence[str], may_duplicate: bool, at: datetime
) -> Stored:
    """Make the contact.

    :raises Taken: if there is one already by ``priority``, and there may not be two.
    """
    owners = find_owners(project, said.addresses)
    if not may_duplicate:
        _refuse_taken({kind: owners[kind] for kind in priority if kind in owners})
    return _born(project, said, owners, at)


@atomic_with_retries
def revise_by_address(contact: Contact, said: Said, *, may_duplicate: bool, at: datetime) -> None:
    """Change the contact.

    :raises Taken: if another has one of the addresses, and there may not be two.
    :raises Gone: if it was deleted meanwhile.
    """
    owners = find_owners(contact.project, said.addresses)
    if not may_duplicate:
        _refuse_taken({kind: key for kind, key in owners.items() if key != contact.key})
    _revise(contact, said, said.addresses, at=at, may_duplicate=may_duplicate)


def find_owners(project: Project, addresses: Mapping[str, tuple[str, str]]) -> dict[str, int]:
    """Return the key of the living contact that has each address: by a claim, else the oldest."""
    email, (number, phone) = addresses.get(EMAIL, ("", ""))[1], _phone(addresses)
    with connection.cursor() as cursor:
        if number and not phone:
            cursor.execute(_HOLD, [f"{project.key} {number}"])  # No constraint keeps it single.
        cursor.execute(
            _OWNERS,
            {"project": project.key, "email": email, "phone": phone, "number": number},
        )
        found = cursor.fetchall()
    return dict(reversed(found))


def _phone(addresses: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    return addresses.get(PHONE, ("", ""))


_HOLD = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_OWNERS = r"""
    SELECT kind, id FROM (
        SELECT kind, contact_id AS id, 0 AS place FROM contacts_identity
         WHERE project_id = %(project)s AND kind = 'email' AND value = nullif(%(email)s, '')
        UNION ALL
        SELECT kind, contact_id, 0 FROM contacts_identity
         WHERE project_id = %(project)s AND kind = 'phone' AND value = nullif(%(phone)s, '')
        UNION ALL
        SELECT 'email', id, 1 FROM contacts_contact
         WHERE project_id = %(project)s AND email_key = nullif(%(email)s, '')
           AND deleted_at IS NULL
        UNION ALL
        SELECT 'phone', id, 1 FROM contacts_contact
         WHERE project_id = %(project)s AND phone = nullif(%(number)s, '') AND phone <> ''
           AND regexp_replace(phone, '\D', '', 'g') = regexp_replace(%(number)s, '\D', '', 'g')
           AND deleted_at IS NULL
    ) found ORDER BY place, id
"""


def _refuse_taken(owners: Mapping[str, int]) -> None:
    for kind, owner in owners.items():
        raise Taken(kind, owner)


def _born(project: Project, said: Said, owners: Mapping[str, int], at: datetime) -> Stored:
    compared = {kind: each for kind, (_, each) in said.addresses.items() if each}
    number, is_claim = _phone(said.addresses)
    traits = {name: value for name, value in said.patch({}).items() if value is not None}
    sighting = Sighting(
        claims=tuple(Claim(kind, value) for kind, value in compared.items()),
        traits=traits,
        email=said.addresses.get(EMAIL, ("", ""))[0],
        phone="" if is_claim else number,
        tags=said.tags,
    )
    # What nobody had when we looked must be free still: else somebody made this person meanwhile.
    taken = {Claim(kind, compared[kind]) for kind in owners.keys() & compared.keys()}
    key = bear_contact(project, sighting, taken=taken, at=at)
    contact = Contact.objects.select_related("project", "activity").get(pk=key)
    return Stored(contact, True, _conflicts(said, owners))


def _revise(
    contact: Contact,
    said: Said,
    addresses: Mapping[str, tuple[str, str]],
    *,
    at: datetime,
    may_duplicate: bool = False,
) -> None:
    contact.lock()
    contact.revise(
        traits=said.patch(contact.traits),
        tags=said.tags,
        claims=dict(addresses),
        may_duplicate=may_duplicate,
        is_shallow=True,
        is_locked=True,
        at=at,
    )


def _conflicts(said: Said, owners: Mapping[str, int]) -> tuple[Conflict, ...]:
    return tuple(
        Conflict(kind, said.addresses[kind][1] or said.addresses[kind][0], owner)
        for kind, owner in owners.items()
    )
