"""Aliases: an id by which a person was known before means the user of another id from now on.

The previous id becomes a claim of the user beside its own, so that the alias may be told before the
previous id is heard of as a user's. Where two users are known already, they are merged.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from contacts.models import Contact
from contacts.operations.claims import insert_claims, owners_of
from contacts.operations.merging import hold_merges, merge_contacts
from contacts.operations.people import EXTERNAL_ID, Claim
from growth.errors import DomainError
from growth.models import Project
from growth.transactions import RaceLost


class Alias(NamedTuple):
    """The previous id means this contact."""

    previous_id: str
    contact: int


def prepare_merges(project: Project, previous_ids: Collection[str]) -> None:
    """Wait for other merges of the project before any contact is locked, if there will be one."""
    if owners_of(project, _claims(previous_ids)):
        hold_merges(project)


def follow_aliases(project: Project, aliases: Sequence[Alias], *, at: datetime) -> dict[int, int]:
    """Make each previous id one of its contact's; return whom that merged into whom.

    To be called in a transaction that runs again on ``RaceLost``.
    """
    owners = owners_of(project, _claims({alias.previous_id for alias in aliases}))
    attached: dict[Claim, int] = {}
    merged: dict[int, int] = {}
    for previous_id, contact in aliases:
        claim = Claim(EXTERNAL_ID, previous_id)
        user = survivor(contact, merged)
        if claim not in owners:
            owners[claim] = attached[claim] = user
        elif (source := survivor(owners[claim], merged)) != user:
            _merge(source, user, at)
            merged[source] = user
    insert_claims(project, {claim: survivor(key, merged) for claim, key in attached.items()})
    return merged


def survivor(contact: int, merged: dict[int, int]) -> int:
    """Return the contact, or what it has become part of in the end."""
    while contact in merged:
        contact = merged[contact]
    return contact


def _claims(previous_ids: Collection[str]) -> set[Claim]:
    return {Claim(EXTERNAL_ID, previous_id) for previous_id in previous_ids}


def _merge(source: int, target: int, at: datetime) -> None:
    contacts = Contact.objects.select_related("project").in_bulk([source, target])
    rows = {contact.key: contact for contact in contacts.values()}
    try:
        merge_contacts(source=rows[source], target=rows[target], at=at)
    except DomainError:
        raise RaceLost from None  # One was deleted or merged since its claim was read.
