"""``POST /v1/contacts/batch``: many contacts at once, each with its own verdict."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

from contacts.operations.contacts import upsert_contacts
from contacts.operations.people import Sighting
from contacts.operations.resolving import Outcome
from growth import ids
from growth.api.errors import refused, violations
from growth.errors import Invalid, TooLarge, Violation
from growth.models import Project

MAX_CONTACTS = 1000


class Form(Protocol):
    """What one contact of the batch was read by."""

    errors: Any
    warnings: list[str]

    def is_valid(self) -> bool:
        """Tell whether it can be stored."""

    def sighting(self) -> Sighting:
        """Return what it says."""


def listed(body: Any) -> list[Any]:
    """Return the contacts of a batch.

    :raises Invalid: if the body does not hold a list of them, or something else.
    :raises TooLarge: if there are too many.
    """
    if not isinstance(body, dict) or not isinstance(body.get("contacts"), list):
        raise Invalid(Violation("contacts", "invalid", "Send the contacts as a list."))
    if unknown := sorted(body.keys() - {"contacts"}):
        message = "There is no such field; check its spelling."
        raise Invalid(*(Violation(name, "unknown_field", message) for name in unknown))
    if len(body["contacts"]) > MAX_CONTACTS:
        raise TooLarge(f"Send {MAX_CONTACTS} contacts in a batch at most.")
    return body["contacts"]


def store_batch(project: Project, forms: Sequence[Form], *, at: datetime) -> list[dict[str, Any]]:
    """Store the contacts that can be, and return the verdict on each."""
    refusals = {n: form.errors for n, form in enumerate(forms) if not form.is_valid()}
    sightings = [form.sighting() for n, form in enumerate(forms) if n not in refusals]
    outcomes = iter(upsert_contacts(project, sightings, at=at) if sightings else [])
    return list(_items(forms, refusals, outcomes))


def _items(
    forms: Sequence[Form], refusals: dict[int, Any], outcomes: Iterator[Outcome]
) -> Iterator[dict[str, Any]]:
    for n, form in enumerate(forms):
        if n in refusals:
            yield refused(n, Invalid(*violations(refusals[n])))
        elif (outcome := next(outcomes)).violations:
            yield refused(n, Invalid(*outcome.violations))
        else:
            yield _stored(n, outcome, form.warnings)


def _stored(index: int, outcome: Outcome, warnings: list[str]) -> dict[str, Any]:
    return {
        "index": index,
        "status": 201 if outcome.is_new else 200,
        "success": True,
        "id": ids.encode("cntct", outcome.contact),
        **told_of(outcome),
        **({"warnings": warnings} if warnings else {}),
    }


def told_of(outcome: Outcome) -> dict[str, Any]:
    """Return what became of what was said of a contact."""
    conflicts = [conflict.as_dict() for conflict in outcome.conflicts]
    return {"created": outcome.is_new, "conflicts": conflicts}
