"""How GrowthHub shows a contact."""

from collections.abc import Mapping, Sequence
from typing import Any

from contacts.dialects.growthhub import dnd
from contacts.dialects.growthhub.names import (
    ATTRIBUTIONS,
    DND,
    INBOUND_DND,
    SHOWN_ONLY,
    TRAITS,
)
from contacts.dialects.growthhub.values import write_time
from contacts.models import Contact, Suppression
from contacts.operations.custom_fields import fields_of
from contacts.operations.names import company_of, names_of
from growth.models import Project

_PLAIN = TRAITS | SHOWN_ONLY


def shown(contact: Contact) -> dict[str, Any]:
    """Return the contact as clients know it."""
    return shown_all(contact.project, [contact])[0]


def shown_all(project: Project, contacts: Sequence[Contact]) -> list[dict[str, Any]]:
    """Return the contacts as clients know them; two statements, however many there are."""
    traits = sorted({name for contact in contacts for name in contact.traits})
    fields = fields_of(project, traits) if traits else {}
    suppressed = _suppressed(project, [contact.email_key for contact in contacts])
    return [_shown(each, fields, suppressed.get(each.email_key)) for each in contacts]


def _suppressed(project: Project, keys: list[str]) -> dict[str, str]:
    if not any(keys):
        return {}
    own = Suppression.objects.in_project(project).filter(email_key__in=set(keys) - {""})
    return dict(own.values_list("email_key", "reason"))


def _shown(contact: Contact, fields: Mapping[str, str], reason: str | None) -> dict[str, Any]:
    traits, names = contact.traits, names_of(contact.traits)
    activity = getattr(contact, "activity", None)
    return {
        "id": contact.id,
        "locationId": contact.project_id,
        **{name: _text(traits.get(trait)) for name, trait in _PLAIN.items()},
        "companyName": company_of(traits) or None,
        "name": names.whole or None,
        "firstName": names.first or None,
        "lastName": names.last or None,
        "email": contact.email or None,
        "emailLowerCase": contact.email.lower() or None,
        "phone": contact.phone or None,
        "type": _text(traits.get("type")) or "lead",
        "dnd": traits.get(DND) is True,
        "dndSettings": dnd.shown_settings(traits, reason),
        "inboundDndSettings": _object(traits.get(INBOUND_DND)),
        "tags": contact.tags,
        "dateAdded": write_time(contact.created_at),
        "dateUpdated": write_time(contact.updated_at),
        "attachments": None,
        "ssn": None,
        "firstNameLowerCase": names.first.lower() or None,
        "fullNameLowerCase": names.whole.lower() or None,
        "lastNameLowerCase": names.last.lower() or None,
        "lastActivity": write_time(activity.last_activity_at) if activity else None,
        "customFields": [
            {"id": code, "value": traits[trait]}
            for trait, code in fields.items()
            if trait in traits
        ],
        **{name: _object(traits.get(trait)) for name, trait in ATTRIBUTIONS.items()},
    }


def _text(value: Any) -> str | None:
    """Return a trait as text, whatever somebody has made it."""
    if value is None or isinstance(value, dict | list):
        return None
    return value if isinstance(value, str) else str(value)


def _object(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None
