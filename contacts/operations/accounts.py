"""Accounts and stages come to be when somebody names them."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from contacts.models import Account, ContactStage
from contacts.operations.names import company_of
from growth.models import Project

MAX_COMPANY = Account._meta.get_field("name").max_length
"""So many letters may the name of a company have."""

_NAMED = """
    INSERT INTO contacts_account (project_id, name, name_key, external_id, status, created_at)
    VALUES (%(project)s, %(name)s, %(key)s, '', %(status)s, %(at)s)
    ON CONFLICT (project_id, name_key) WHERE external_id = '' DO NOTHING
"""
_OF_CUSTOMER = """
    INSERT INTO contacts_account AS own
           (project_id, name, name_key, external_id, status, created_at)
    VALUES (%(project)s, %(name)s, %(key)s, %(external_id)s, %(status)s, %(at)s)
    ON CONFLICT (project_id, external_id) WHERE external_id <> '' DO UPDATE
       SET name = excluded.name, name_key = excluded.name_key
     WHERE excluded.name <> '' AND own.name <> excluded.name
"""


def account_named(project: Project, name: str, *, at: datetime) -> Account:
    """Return the oldest account of this name, in any case and spacing; make one if there is none.

    Safe at the same time as itself: of two that make it, one finds the other's.
    """
    accounts = Account.objects.in_project(project).filter(name_key=name_key(name)).order_by("pk")
    if found := accounts.first():
        return found
    _make(_NAMED, project, name, "", at)
    return accounts[0]


def account_of_customer(project: Project, external_id: str, name: str, *, at: datetime) -> Account:
    """Return the account that the customer calls by this id; make or rename it as need be."""
    _make(_OF_CUSTOMER, project, name, external_id, at)
    return Account.objects.in_project(project).get(external_id=external_id)


def employed(
    project: Project, company: str | None, *, at: datetime
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return what changes the traits so that this is the company, and the contact is of its
    account; with none, no trait names one any more. Who is of that company already stays as they
    are: of two accounts of one name theirs may be either.
    """
    company = (company or "").strip()
    account = account_named(project, company, at=at).key if company else None

    def patch(traits: Mapping[str, Any]) -> dict[str, Any]:
        if company and company == company_of(traits):
            return {}
        told = {"company_name": company or None, "contact_account_id": account}
        return told if company else told | {"company": None}

    return patch


def name_key(name: str) -> str:
    """Return what the name of an account is compared by."""
    return " ".join(name.split()).casefold()[:255]


def register_stages(project: Project, names: Collection[str]) -> None:
    """Give the stages of these names an id each, unless they have one."""
    stages = [ContactStage(project=project, name=name) for name in sorted(names)]
    ContactStage.objects.bulk_create(stages, ignore_conflicts=True)


def _make(statement: str, project: Project, name: str, external_id: str, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {
                "project": project.key,
                "name": name,
                "key": name_key(name),
                "external_id": external_id,
                "status": Account._meta.get_field("status").default,
                "at": at,
            },
        )
