"""Who is meant: sightings of people become contacts, a whole batch in a constant number of
statements.

A sighting is one call that names a person by one or more claims. The first contact found, in the
order external_id, email, phone, anonymous_id, is the person. A claim that is free attaches to it,
unless it has another value of that kind already; such a claim, and one that another contact owns,
is a conflict: reported, and not stored. What an anonymous visitor did moves to the person it turns
out to be.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from contacts.models import Identity
from contacts.models.addresses import normalize_phone
from growth import ids

EXTERNAL_ID, EMAIL, PHONE, ANONYMOUS_ID = Identity.Kind.values


class Claim(NamedTuple):
    """A value by which a person is known. Mail addresses are here as they are compared."""

    kind: str
    value: str


class Sighting(NamedTuple):
    """What one call says of a person. A trait of None is removed; tags replace."""

    claims: tuple[Claim, ...]
    traits: Mapping[str, Any] = MappingProxyType({})
    email: str = ""
    phone: str = ""
    tags: list[str] | None = None

    @property
    def tells(self) -> bool:
        """Whether it says more than who it was."""
        return bool(self.traits or self.phone) or self.tags is not None


@dataclass(frozen=True)
class Conflict:
    """A claim that was not stored, and the contact that kept it from being."""

    kind: str
    value: str
    contact: int

    def as_dict(self) -> dict[str, str]:
        """Return the conflict as the API shows it, without giving the value away."""
        hint = f"…{self.value[-4:]}" if len(self.value) > 4 else "…"
        contact_id = ids.encode("cntct", self.contact)
        return {
            "identifier": self.kind,
            "value_hint": hint,
            "contact_id": contact_id,
            "action": "ignored",
        }


@dataclass
class Person:
    """A contact while a batch is worked on; ``changed`` names what rules would call different."""

    key: int
    is_new: bool = False
    email: str = ""
    email_key: str = ""
    phone: str = ""
    external_id: str = ""
    traits: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)

    @property
    def is_anonymous(self) -> bool:
        """Whether nothing but anonymous ids is known of it."""
        return not (self.external_id or self.email_key or self.phone)

    def value_of(self, kind: str) -> str:
        """Return the value it has of a kind of which a contact has only one. A phone that is no
        number is a text, and no claim.
        """
        if kind == PHONE:
            return self.phone if normalize_phone(self.phone) == self.phone else ""
        return {EXTERNAL_ID: self.external_id, EMAIL: self.email_key}.get(kind, "")

    def take(self, sighting: Sighting) -> None:
        """Learn what the sighting says beyond its claims."""
        traits = {**self.traits}
        for name, value in sighting.traits.items():
            if value is None:
                traits.pop(name, None)
            else:
                traits[name] = value
        self.changed |= {
            f"traits.{name}"
            for name in sighting.traits
            if traits.get(name) != self.traits.get(name)
            or (name in traits) != (name in self.traits)
        }
        self.traits = traits
        if sighting.phone not in ("", self.phone) and not self.value_of(PHONE):
            self.phone = sighting.phone
            self.changed.add("phone")
        if sighting.tags is not None and sighting.tags != self.tags:
            self.tags = sighting.tags
            self.changed.add("tags")

    def attach(self, claim: Claim, sighting: Sighting) -> None:
        """Become known by the claim."""
        if claim.kind == EMAIL:
            self.email, self.email_key = sighting.email, claim.value
        elif claim.kind == PHONE:
            self.phone = claim.value
        elif claim.kind == EXTERNAL_ID:
            self.external_id = claim.value
        if claim.kind != ANONYMOUS_ID:
            self.changed.add(claim.kind)

    def absorb(self, other: "Person") -> None:
        """Gain what an anonymous visitor had told and this contact lacks."""
        self.changed |= {f"traits.{name}" for name in other.traits if name not in self.traits}
        self.changed |= {"tags"} if set(other.tags) - set(self.tags) else set()
        self.traits = other.traits | self.traits
        self.tags = list(dict.fromkeys([*self.tags, *other.tags]))
        self.changed.add("events")


class Resolver:
    """Works through the sightings of one batch over what the database says of their claims.

    ``owners`` maps claims to contact keys, ``people`` the contacts that may change, by key.
    """

    def __init__(
        self, owners: dict[Claim, int], people: Iterable[Person], new_keys: Iterable[int]
    ) -> None:
        self.owners = owners
        self.people = {person.key: person for person in people}
        self.attached: dict[Claim, int] = {}
        self.absorbed: dict[int, int] = {}
        self._new_keys = iter(new_keys)

    def resolve(self, sighting: Sighting) -> tuple[int, list[Conflict]]:
        """Return the key of the contact that the sighting means, and the claims that it keeps from
        it.
        """
        key = next((self.owners[c] for c in sighting.claims if c in self.owners), None)
        if key is not None and key not in self.people:
            return key, []  # Nothing can change: it was not even read.
        person = self.people[key] if key is not None else self._born()
        conflicts = [
            c for c in (self._claim(person, claim, sighting) for claim in sighting.claims) if c
        ]
        person.take(sighting)
        return person.key, conflicts

    def _born(self) -> Person:
        person = Person(key=next(self._new_keys), is_new=True)
        self.people[person.key] = person
        return person

    def _claim(self, person: Person, claim: Claim, sighting: Sighting) -> Conflict | None:
        owner = self.owners.get(claim)
        if owner == person.key:
            return None
        has_another = claim.kind != ANONYMOUS_ID and person.value_of(claim.kind)
        if owner is None and not has_another:
            self.owners[claim] = self.attached[claim] = person.key
            person.attach(claim, sighting)
            return None
        if owner is None:
            return Conflict(claim.kind, claim.value, person.key)
        if claim.kind == ANONYMOUS_ID and self.people[owner].is_anonymous:
            self._absorb(person, self.people[owner])
            return None
        return Conflict(claim.kind, claim.value, owner)

    def _absorb(self, person: Person, visitor: Person) -> None:
        person.absorb(visitor)
        self.absorbed[visitor.key] = person.key
        for claim in [claim for claim, owner in self.owners.items() if owner == visitor.key]:
            self.owners[claim] = person.key
            if claim in self.attached:
                self.attached[claim] = person.key


def unsettled(sightings: Sequence[Sighting], owners: dict[Claim, int]) -> set[int]:
    """Return the contacts that the sightings may change, whose rows must be read and locked."""
    keys: set[int] = set()
    for sighting in sightings:
        found = {owners.get(claim) for claim in sighting.claims}
        if sighting.tells or len(found) > 1:
            keys |= found - {None}
    return keys
