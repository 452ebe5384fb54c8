"""What apps say of their operations, beside what routes and serializers say by themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rest_framework.serializers import BaseSerializer

from growth.api.shapes import Schema, Shape


@dataclass(frozen=True)
class Operation:
    """What is said of one call beside what its route and serializer say.

    ``takes`` is the body and ``example`` one that works; ``answers`` is what comes back with
    ``status``, or with one of several; ``refuses`` names errors beyond those of its kind.
    """

    summary: str
    about: str = ""
    takes: type[BaseSerializer] | Shape | Schema | None = None
    example: Any = None
    answers: Shape | Schema | None = None
    status: int | tuple[int, ...] = 200
    filters: Mapping[str, Schema] = field(default_factory=dict)
    refuses: tuple[str, ...] = ()

    @property
    def statuses(self) -> tuple[int, ...]:
        """The statuses of success."""
        return self.status if isinstance(self.status, tuple) else (self.status,)


@dataclass(frozen=True)
class Resource:
    """What a view serves: its heading in the docs, and its operations by action or path."""

    tag: str
    about: str
    operations: Mapping[str, Operation]


_resources: dict[type, Resource] = {}
_refinements: dict[type[BaseSerializer], Mapping[str, Schema | Shape]] = {}


def describe(view: type, tag: str, about: str, **operations: Operation) -> None:
    """Say what the operations of the view are."""
    _resources[view] = Resource(tag, about, operations)


def refine(serializer: type[BaseSerializer], **fields: Schema | Shape) -> None:
    """Say what fields hold that check more than their types tell."""
    _refinements[serializer] = fields


def operation_of(view: type, action: str) -> Operation | None:
    """Return what is said of an operation of the view."""
    resource = _resources.get(view)
    return resource.operations.get(action) if resource else None


def tag_of(view: type) -> str:
    """Return the heading under which the view stands."""
    return _resources[view].tag if view in _resources else "Other"


def headings() -> dict[str, str]:
    """Return what is said of each heading."""
    return {resource.tag: resource.about for resource in _resources.values()}


def refined(serializer: type, name: str) -> Schema | Shape | None:
    """Return what is said of a field of the serializer, or of one that it derives from."""
    found = (_refinements.get(base, {}).get(name) for base in serializer.__mro__)
    return next(filter(None, found), None)
