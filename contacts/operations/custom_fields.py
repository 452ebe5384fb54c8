"""Custom fields are found by id or key, and made when somebody first speaks of them."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Q

from contacts.models import CustomField
from contacts.models.custom_field import type_of
from growth.errors import Invalid, Violation
from growth.models import Project

MAX_FIELDS = 1000
OWN_TRAITS = frozenset(
    [
        *("email", "phone", "external_id", "first_name", "last_name", "name", "gender", "company"),
        "company_name",
        *("address1", "city", "state", "country", "postal_code", "website", "timezone", "source"),
        *("date_of_birth", "assigned_to", "dnd", "dnd_settings", "inbound_dnd_settings"),
        *("attribution_source", "last_attribution_source", "title", "notes", "type"),
        *("full_name", "user_id", "contact_account_id"),
    ]
)
"""Traits that mean something by themselves: a custom field of such a key is another trait."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Entry(NamedTuple):
    """What is said of one field: by id, by key, or both; ``path`` is where."""

    path: str
    code: str
    key: str
    value: Any

    @property
    def trait(self) -> str:
        """The trait of a field that has this key, or only this id."""
        if not self.key:
            return f"field_{self.code.replace('.', '_')}"
        name = self.key.removeprefix("contact.").replace(".", "_")
        return f"custom_{name}" if name in OWN_TRAITS else name


def told_traits(project: Project, entries: Sequence[Entry], *, at: datetime) -> dict[str, Any]:
    """Return the traits that the entries tell; of two on one field the last one counts.

    Fields that nobody has spoken of are made. Safe to repeat, and at the same time as itself.

    :raises Invalid: if a value is not of the type that staff gave the field, or there are too many.
    """
    if not entries:
        return {}
    known = _Known(project, entries)
    missing = {entry.code or entry.trait: entry for entry in entries if not known.field_of(entry)}
    if missing:
        _make(project, list(missing.values()), at)
        known = _Known(project, entries)
    told = {known.field_of(entry): entry for entry in entries}
    wrong = [
        Violation(entry.path, "invalid", f"This field holds {field.get_type_display()} values.")
        for field, entry in told.items()
        if field.is_strict and entry.value is not None and not field.holds(entry.value)
    ]
    if wrong:
        raise Invalid(*wrong)
    return {field.trait: entry.value for field, entry in told.items()}


def fields_of(project: Project, traits: Sequence[str]) -> dict[str, str]:
    """Return the ids of the fields that have their values in these traits, by trait."""
    own = CustomField.objects.in_project(project).filter(trait__in=traits).order_by("id")
    return dict(own.values_list("trait", "code"))


class _Known:
    """The fields that entries may speak of; an id weighs more than a key."""

    def __init__(self, project: Project, entries: Sequence[Entry]) -> None:
        codes = {entry.code for entry in entries if entry.code}
        named = Q(code__in=codes) | Q(trait__in={entry.trait for entry in entries})
        found = list(CustomField.objects.in_project(project).filter(named))
        self._by_code = {field.code: field for field in found}
        self._by_trait = {field.trait: field for field in found}

    def field_of(self, entry: Entry) -> CustomField:
        return self._by_code.get(entry.code) or self._by_trait.get(entry.trait)


def _make(project: Project, entries: list[Entry], at: datetime) -> None:
    if CustomField.objects.in_project(project).count() + len(entries) > MAX_FIELDS:
        message = f"A project has {MAX_FIELDS} custom fields at most."
        raise Invalid(Violation(entries[0].path, "too_many", message))
    fields = [
        CustomField(
            project=project,
            code=entry.code or "".join(secrets.choice(_ALPHABET) for _ in range(20)),
            name=entry.key or entry.code,
            trait=entry.trait,
            type=type_of(entry.value),
            created_at=at,
        )
        for entry in sorted(entries, key=lambda entry: entry.trait)
    ]
    CustomField.objects.bulk_create(fields, ignore_conflicts=True)
