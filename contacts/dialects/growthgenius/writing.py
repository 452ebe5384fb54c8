"""What a body says becomes a contact, or changes one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from contacts.dialects.growthgenius.base import number_in
from contacts.dialects.growthgenius.fields import CUSTOM, NAMES, PHONES, Said
from contacts.models import Account, Contact
from contacts.models.addresses import email_key, normalize_phone
from contacts.operations.accounts import account_named, account_of_customer, register_stages
from contacts.operations.contacts import add_contact
from contacts.operations.custom_fields import Entry, told_traits
from contacts.operations.lists import put_on_lists
from contacts.operations.names import renamed
from contacts.operations.traits import make_sighting
from growth.errors import Invalid, Violation
from growth.models import Project

_ADOPTED = ("mobile_phone", "work_phone", "corporate_phone", "home_phone", "other_phone")


def store_new(project: Project, said: Said, *, at: datetime) -> Contact:
    """Make the contact, whoever else is like it.

    :raises Invalid: with all that is wrong.
    """
    account = _require_sound(project, said)
    _own_fields(project, said, at)
    traits = said.traits | _linked(project, said, account, at) | _owned(said) | _renamed({}, said)
    key = add_contact(
        project,
        make_sighting(
            email=said.own.get("email", ""),
            phone=_phone(said) or "",
            traits={name: value for name, value in traits.items() if value is not None},
            tags=said.own.get("label_names"),
        ),
        at=at,
    )
    contact = Contact.objects.select_related("project").get(pk=key)
    _follow(contact, said, at)
    return contact


def store_changes(contact: Contact, said: Said, *, at: datetime) -> None:
    """Change what was said of the contact, and nothing else.

    :raises Invalid: with all that is wrong.
    """
    account = _require_sound(contact.project, said)
    _own_fields(contact.project, said, at)
    linked = _linked(contact.project, said, account, at)
    traits = said.traits | linked | _owned(said) | _renamed(contact.traits, said)
    contact.revise(
        traits=traits,
        tags=said.own.get("label_names"),
        claims=_claims(contact, said),
        may_duplicate=True,
        at=at,
    )
    _follow(contact, said, at)


def _require_sound(project: Project, said: Said) -> Account | None:
    """Return the account of ours that was named by its id.

    :raises Invalid: with all that is wrong.
    """
    account = _account_of(project, _account_id(said))
    if isinstance(_account_id(said), int) and account is None:
        message = "There is no such account in this team; a text of yours would make one."
        said.violations.append(Violation("contact_account_id", "unknown_id", message))
    if said.violations:
        raise Invalid(*said.violations)
    return account


def _account_id(said: Said) -> Any:
    return said.own.get("contact_account_id") or said.own.get("contact_account", {}).get("id")


def _account_of(project: Project, named: Any) -> Account | None:
    if not isinstance(named, int | str):
        return None
    accounts = Account.objects.in_project(project)
    if isinstance(named, str) and (found := accounts.filter(external_id=named).first()):
        return found
    key = number_in(named, "acct")
    return accounts.filter(pk=key).first() if key else None


def _linked(project: Project, said: Said, account: Account | None, at: datetime) -> dict[str, Any]:
    """Return the traits by which the contact is of an account, if anything was said of one."""
    named, company = _account_id(said), said.traits.get("company_name")
    if isinstance(named, str) and (account is None or account.external_id == named):
        account = account_of_customer(project, named, company or "", at=at)
    elif account is None and company and company.strip():
        account = account_named(project, company, at=at)
    if account is None:
        is_cleared = "contact_account_id" in said.own or "company_name" in said.traits
        gone = {"contact_account_id": None} if is_cleared else {}
        return gone | ({"company": None} if "company_name" in said.traits else {})
    _mark(account, said)
    known = {"company_name": account.name} if account.name and not company else {}
    return {"contact_account_id": account.key} | known


def _mark(account: Account, said: Said) -> None:
    status = said.own.get("contact_account", {}).get("status")
    if status and status != account.status:
        account.status = status
        account.save(update_fields=["status"])


def _owned(said: Said) -> dict[str, Any]:
    return {"user_id": said.own["user_id"]} if "user_id" in said.own else {}


def _phone(said: Said) -> str | None:
    """Return the contact's number: the first phone, or, without a word of it, one of the others."""
    if "first_phone" in said.own:
        return said.own["first_phone"]
    return next((said.traits[name] for name in _ADOPTED if said.traits.get(name)), None)


def _claims(contact: Contact, said: Said) -> dict[str, tuple[str, str]]:
    """Return the identifiers that become others, as they are written and as they are compared."""
    claims = {}
    address = said.own.get("email", contact.email)
    if address != contact.email:
        claims["email"] = (address, email_key(address))
    phones_said = "first_phone" in said.own or (
        not contact.phone and any(name in said.traits for name in PHONES)
    )
    phone = (_phone(said) or "") if phones_said else contact.phone
    number = normalize_phone(phone) or ""
    if (number or phone) != contact.phone:
        claims["phone"] = (number or phone, number)
    return claims


def _renamed(traits: Mapping[str, Any], said: Said) -> dict[str, Any]:
    """Return the names that follow from what was said of some of them."""
    return renamed(traits, {name: said.traits[name] for name in NAMES if name in said.traits})


def _own_fields(project: Project, said: Said, at: datetime) -> None:
    """Let the customer's own fields be fields at every door.

    :raises Invalid: if staff gave one another type than its value has.
    """
    told = {name: said.traits[name] for name in CUSTOM if said.traits.get(name) is not None}
    told_traits(project, [Entry(name, name, name, told[name]) for name in told], at=at)


def _follow(contact: Contact, said: Said, at: datetime) -> None:
    if stage := said.traits.get("stage"):
        register_stages(contact.project, [stage])
    if "lists" in said.own:
        put_on_lists(contact, said.own["lists"], at=at)
