"""Who is meant: sightings of people become contacts, a whole batch in a constant number of
statements.

A sighting is one call that names a person by one or more claims. The first contact found, in the
order external_id, email, phone, anonymous_id, is the person, unless it is plainly somebody else: a
contact with another external_id is another user, and a contact that is found by nothing but a
device is not the one whose email, phone or external_id are others. Where nobody is left, a new
contact is made.

A claim that is free attaches to the person, unless it has another value of that kind already; such
a claim, and one that another contact owns, is a conflict: reported, and not stored. What an
anonymous visitor did moves to the person it turns out to be.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from types import MappingProxyType
from typing import NamedTuple

from contacts.operations.people import (
    ANONYMOUS_ID,
    EXTERNAL_ID,
    Claim,
    Conflict,
    Person,
    Sighting,
)
from growth.errors import Violation

MAX_ANONYMOUS_IDS = 1000
"""So many devices of one contact: more is an id that many people share."""


class Outcome(NamedTuple):
    """The key of the contact that a sighting means, and what was kept from it.

    With violations nothing of the sighting was stored.
    """

    contact: int
    is_new: bool = False
    conflicts: tuple[Conflict, ...] = ()
    warnings: tuple[str, ...] = ()
    violations: tuple[Violation, ...] = ()


class Resolver:
    """Works through the sightings of one batch over what the database says of their claims.

    ``owners`` maps claims to contact keys, ``people`` the contacts that may change, by key, and
    ``devices`` contacts to how many anonymous ids they have.
    """

    def __init__(
        self,
        owners: dict[Claim, int],
        people: Iterable[Person],
        new_keys: Iterable[int],
        devices: Mapping[int, int] = MappingProxyType({}),
    ) -> None:
        self.owners = owners
        self.people = {person.key: person for person in people}
        self.attached: dict[Claim, int] = {}
        self.absorbed: dict[int, int] = {}
        self._new_keys = iter(new_keys)
        self._devices = Counter(devices)
        self._left_behind = 0

    def resolve(self, sighting: Sighting) -> Outcome:
        """Let the contact that the sighting means learn what it says."""
        key = self._meant(sighting)
        if key is not None and key not in self.people:
            return Outcome(key)  # Nothing can change: it was not even read.
        person = self.people[key] if key is not None else self._born()
        if key is not None and (violations := tuple(person.objections(sighting))):
            return Outcome(key, violations=violations)
        self._left_behind = 0
        conflicts = [self._claim(person, claim, sighting) for claim in sighting.claims]
        conflicts.append(person.take(sighting))
        kept_back = tuple(filter(None, conflicts))
        return Outcome(person.key, key is None, kept_back, self._warnings())

    def _meant(self, sighting: Sighting) -> int | None:
        for claim in sighting.claims:
            owner = self.owners.get(claim)
            if owner is not None and not self._is_another(owner, claim, sighting):
                return owner
        return None

    def _is_another(self, owner: int, found_by: Claim, sighting: Sighting) -> bool:
        """Tell whether what weighs more than the claim shows that somebody else is meant."""
        person = self.people.get(owner)
        if person is None:
            return False  # It was not read, because all claims are its own.
        weightier = takewhile(lambda claim: claim != found_by, sighting.claims)
        return any(
            self._has_another(person, claim)
            for claim in weightier
            if claim.kind == EXTERNAL_ID or found_by.kind == ANONYMOUS_ID
        )

    def _has_another(self, person: Person, claim: Claim) -> bool:
        if person.value_of(claim.kind) in ("", claim.value):
            return False
        return self.owners.get(claim) != person.key

    def _born(self) -> Person:
        person = Person(key=next(self._new_keys), is_new=True)
        self.people[person.key] = person
        return person

    def _claim(self, person: Person, claim: Claim, sighting: Sighting) -> Conflict | None:
        owner = self.owners.get(claim)
        if owner == person.key:
            return None
        if owner is None and not self._has_another(person, claim) and self._has_room(person, claim):
            self.owners[claim] = self.attached[claim] = person.key
            if claim.kind == ANONYMOUS_ID:
                self._devices[person.key] += 1
            person.attach(claim, sighting)
            return None
        if owner is None:
            return Conflict(claim.kind, claim.value, person.key)
        if self._is_visitor(owner, claim) and self._has_room(person, claim, owner):
            self._absorb(person, self.people[owner])
            return None
        return Conflict(claim.kind, claim.value, owner)

    def _is_visitor(self, owner: int, claim: Claim) -> bool:
        return claim.kind == ANONYMOUS_ID and self.people[owner].is_anonymous

    def _has_room(self, person: Person, claim: Claim, visitor: int | None = None) -> bool:
        if claim.kind != ANONYMOUS_ID:
            return True
        gained = self._devices[visitor] if visitor else 1
        return self._devices[person.key] + gained <= MAX_ANONYMOUS_IDS

    def _absorb(self, person: Person, visitor: Person) -> None:
        self._left_behind += person.absorb(visitor)
        self._devices[person.key] += self._devices[visitor.key]
        self.absorbed[visitor.key] = person.key
        for claim in [claim for claim, owner in self.owners.items() if owner == visitor.key]:
            self.owners[claim] = person.key
            if claim in self.attached:
                self.attached[claim] = person.key

    def _warnings(self) -> tuple[str, ...]:
        if not self._left_behind:
            return ()
        return (f"traits: There is no room for {self._left_behind} of those the visitor had told.",)


def unsettled(sightings: Sequence[Sighting], owners: Mapping[Claim, int]) -> set[int]:
    """Return the contacts that the sightings may change, whose rows must be read and locked."""
    keys: set[int | None] = set()
    for sighting in sightings:
        found = {owners.get(claim) for claim in sighting.claims}
        if sighting.tells or len(found) > 1:
            keys |= found
    return {key for key in keys if key is not None}


def meeting_devices(sightings: Sequence[Sighting], owners: Mapping[Claim, int]) -> set[int]:
    """Return the contacts that may become known by one more anonymous id."""
    keys: set[int | None] = set()
    for sighting in sightings:
        found = {owners.get(claim) for claim in sighting.claims}
        if len(found) > 1 and sighting.claims[-1].kind == ANONYMOUS_ID:
            keys |= found
    return {key for key in keys if key is not None}


def possible_births(sightings: Sequence[Sighting], owners: Mapping[Claim, int]) -> int:
    """Return how many contacts may have to be made: the owner of a first claim is always meant."""
    return sum(1 for s in sightings if not s.claims or s.claims[0] not in owners)
