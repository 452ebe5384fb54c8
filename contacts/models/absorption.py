"""Visitors of whom only devices were known turn out to be people who are contacts already."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from django.db.models import BigIntegerField, F, QuerySet
from django.db.models.expressions import Combinable, RawSQL
from django.db.models.functions import Cast

from growth.models import Project


class Entry(NamedTuple):
    """A row of which a contact has one for each ``place``."""

    key: int
    contact: int
    advance: int
    place: tuple[Any, ...]


class Absorption:
    """Visitors become parts of people, for good: what is theirs goes over, many at once.

    ``into`` maps the keys of visitors to those of the people. Receivers of ``contact_merging`` hear
    of it as of a ``Merge``.
    """

    def __init__(self, project: Project, into: Mapping[int, int], *, created_at: datetime) -> None:
        self.project = project
        self.into = into
        self.created_at = created_at

    def move(self, rows: QuerySet, field: str = "contact") -> None:
        """Give those of the rows that are visitors' to the people, in one statement."""
        column = rows.model._meta.get_field(field).column
        own = rows.filter(project=self.project, **{f"{field}__in": list(self.into)})
        own.order_by().update(**{field: _looked_up(self.into, column)})

    def move_entries(self, rows: QuerySet, same: Sequence[str], advance: Combinable) -> None:
        """Move rows of which a contact has one for each ``same`` and ``entry``.

        Where several become one person's, it gets the one furthest advanced; the others are kept
        with the tombstones.
        """
        rows = rows.filter(project=self.project)
        told = list(_entries(rows, same, advance, self.into))
        if not told:
            return
        held = {
            (each.contact, each.place): each
            for each in _entries(rows, same, advance, set(self.into.values()))
        }
        best = dict(held)
        for entry in told:
            rival = best.get(place := (self.into[entry.contact], entry.place))
            if rival is None or entry.advance > rival.advance:
                best[place] = entry
        won = {place: each for place, each in best.items() if held.get(place) is not each}
        given = {each.key: person for (person, _), each in won.items()}
        taken = {held[place].key: each.contact for place, each in won.items() if place in held}
        _exchange(rows, given, taken)


def _entries(
    rows: QuerySet, same: Sequence[str], advance: Combinable, contacts: Iterable[int]
) -> Iterable[Entry]:
    owned = rows.filter(contact__in=list(contacts)).order_by("pk")
    annotated = owned.annotate(owner=Cast("contact", BigIntegerField()), advance=advance)
    for key, owner, reached, *place in annotated.values_list(
        "pk", "owner", "advance", *same, "entry"
    ):
        yield Entry(rows.model._meta.pk.get_prep_value(key), owner, reached, tuple(place))


def _exchange(rows: QuerySet, given: Mapping[int, int], taken: Mapping[int, int]) -> None:
    """Give rows to contacts, and others back in their places, by the keys of both."""
    # Neither row may take the other's place while that is still there: one of them steps aside.
    aside = {"entry": -1 - F("entry")} if taken else {}
    mine = rows.filter(pk__in=list(given))
    mine.update(contact=_looked_up(given, "id"), **aside)
    if taken:
        rows.filter(pk__in=list(taken)).update(contact=_looked_up(taken, "id"))
        mine.update(**aside)


def _looked_up(values: Mapping[int, int], column: str) -> RawSQL:
    packed = orjson.dumps(values, option=orjson.OPT_NON_STR_KEYS).decode()
    return RawSQL(f"(%s::jsonb->>{column}::text)::bigint", [packed])
