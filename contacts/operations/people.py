"""What calls say of people, and a contact while a batch of calls is worked on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from contacts.models import Identity
from contacts.models.addresses import normalize_phone
from contacts.models.traits import fitting, growth_violations
from growth import ids
from growth.errors import Violation

EXTERNAL_ID, EMAIL, PHONE, ANONYMOUS_ID = Identity.Kind.values


class Claim(NamedTuple):
    """A value by which a person is known. Mail addresses are here as they are compared."""

    kind: str
    value: str


class Sighting(NamedTuple):
    """What one call says of a person. A trait of None is removed; tags replace; ``stances`` is what
    the person says of topics, by their codes.
    """

    claims: tuple[Claim, ...]
    traits: Mapping[str, Any] = MappingProxyType({})
    email: str = ""
    phone: str = ""
    tags: list[str] | None = None
    stances: Mapping[str, Any] = MappingProxyType({})

    @property
    def tells(self) -> bool:
        """Whether it says more than who it was."""
        return bool(self.traits or self.phone or self.stances) or self.tags is not None


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


@dataclass(slots=True)
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
        if kind == EXTERNAL_ID:
            return self.external_id
        if kind == EMAIL:
            return self.email_key
        is_number = kind == PHONE and self.phone and normalize_phone(self.phone) == self.phone
        return self.phone if is_number else ""

    def objections(self, sighting: Sighting) -> Iterator[Violation]:
        """Yield why the contact cannot hold what the sighting says of it."""
        if sighting.traits:
            yield from growth_violations(self.traits, self._traits_after(sighting))

    def take(self, sighting: Sighting) -> Conflict | None:
        """Learn what the sighting says beyond its claims; return what it keeps its own against."""
        if sighting.traits:
            self._learn(sighting)
        if sighting.tags is not None and sighting.tags != self.tags:
            self.tags = sighting.tags
            self.changed.add("tags")
        if sighting.phone in ("", self.phone):
            return None
        if self.value_of(PHONE):
            return Conflict(PHONE, sighting.phone, self.key)
        self.phone = sighting.phone
        self.changed.add("phone")
        return None

    def _learn(self, sighting: Sighting) -> None:
        traits = self._traits_after(sighting)
        self.changed |= {
            f"traits.{name}"
            for name in sighting.traits
            if traits.get(name) != self.traits.get(name)
            or (name in traits) != (name in self.traits)
        }
        self.traits = traits

    def _traits_after(self, sighting: Sighting) -> dict[str, Any]:
        traits = {**self.traits, **sighting.traits}
        return {name: value for name, value in traits.items() if value is not None}

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

    def absorb(self, visitor: "Person") -> int:
        """Gain what an anonymous visitor had told and this contact lacks; return how many traits
        there was no room for.
        """
        lacking = {name: v for name, v in visitor.traits.items() if name not in self.traits}
        gained = fitting(self.traits, lacking)
        self.changed |= {f"traits.{name}" for name in gained}
        self.changed |= {"tags"} if set(visitor.tags) - set(self.tags) else set()
        self.traits = gained | self.traits
        self.tags = list(dict.fromkeys([*self.tags, *visitor.tags]))
        self.changed.add("events")
        return len(lacking) - len(gained)
