"""The births of projects, and what their owners change of them."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction

from growth import outbox
from growth.api.errors import InsufficientScope
from growth.errors import Conflict
from growth.models import (
    ApiKey,
    DomainEventType,
    Member,
    OAuthClient,
    OAuthToken,
    Project,
    User,
)
from growth.models.api_key import PRIVATE_TOKEN

DEVELOPER_SCOPES = (
    *("contacts:read", "contacts:write"),
    *("messages:read", "messages:write"),
    *("users:read",),
)
"""What integrations of sales tools do."""

_CONTACTS = ["contacts:read", "contacts:write"]
_GRANTING = ("settings:write", "*")


class Founding(NamedTuple):
    """A new project, and the secrets that are shown this once."""

    project: Project
    secret_key: str
    write_key: str
    admin_user: str
    admin_password: str
    of_dialects: dict[str, str | int]

    def as_dict(self) -> dict[str, str | int]:
        """Return what a person needs to begin."""
        return {
            "base_url": settings.BASE_URL,
            "project_id": self.project.id,
            "secret_key": self.secret_key,
            "write_key": self.write_key,
            "admin_user": self.admin_user,
            "admin_password": self.admin_password,
            **self.of_dialects,
        }


@transaction.atomic
def found_project(name: str, *, at: datetime) -> Founding:
    """Make a project with a secret key of all scopes, a write key, an admin user of its own, who is
    its first member, and what the dialects take for keys.
    """
    project = Project.objects.create(name=name)
    _, secret_key = ApiKey.objects.issue(
        project, name="First secret key", type=ApiKey.Type.SECRET, scopes=["*"]
    )
    _, write_key = ApiKey.objects.issue(
        project, name="First write key", type=ApiKey.Type.WRITE, scopes=[]
    )
    user, password = _admin()
    member = Member.objects.create(project=project, user=user, integrations_enabled=True)
    of_dialects = _of_dialects(project, member, at)
    return Founding(project, secret_key, write_key, user.username, password, of_dialects)


def revise_project(project: Project, said: Mapping[str, Any], *, at: datetime) -> None:
    """Change the settings, and tell whoever stores what follows from them."""
    changed = sorted(name for name, value in said.items() if getattr(project, name) != value)
    for name in changed:
        setattr(project, name, said[name])
    if changed:
        project.save(update_fields=changed)
        news = outbox.News(DomainEventType.SETTINGS_UPDATED, {"changed": changed})
        outbox.emit(project, news, at=at)


def issue_key(by: ApiKey, *, name: str, type: str, scopes: list[str]) -> tuple[ApiKey, str]:
    """Make a key in the name of another; return its row and its text.

    :raises InsufficientScope: if it would open what the other does not.
    """
    for scope in scopes:
        if not by.allows(scope):
            raise InsufficientScope(scope, by.scopes)
    return ApiKey.objects.issue(by.project, name=name, type=type, scopes=scopes)


@transaction.atomic
def revoke_key(key: ApiKey, *, immediate: bool, at: datetime) -> None:
    """End the key, at once or in a day.

    :raises Conflict: if nobody could make or end keys without it. Two that are ended at the same
        time wait for each other.
    """
    Project.objects.select_for_update(no_key=True).get(pk=key.project_id)
    others = ApiKey.objects.filter(
        project=key.project_id,
        type=ApiKey.Type.SECRET,
        revoked_at=None,
        scopes__overlap=list(_GRANTING),
    ).exclude(pk=key.pk)
    grants = key.type == ApiKey.Type.SECRET and set(key.scopes) & set(_GRANTING)
    if grants and not others.exists():
        raise Conflict(
            "This is the last key with settings:write; make another before you revoke it."
        )
    key.revoke(at=at, immediate=immediate)


def issue_developer_key(member: Member, *, name: str) -> str:
    """Make a key for integrations that act in the member's name; return its text."""
    _, text = ApiKey.objects.issue(
        member.project,
        name=name,
        type=ApiKey.Type.SECRET,
        scopes=list(DEVELOPER_SCOPES),
        created_by=member.user,
    )
    return text


def _of_dialects(project: Project, member: Member, at: datetime) -> dict[str, str | int]:
    secret = ApiKey.Type.SECRET
    _, token = ApiKey.objects.issue(
        project, name="GrowthHub token", type=secret, scopes=_CONTACTS, head=PRIVATE_TOKEN
    )
    _, crm_key = ApiKey.objects.issue(project, name="CRM key", type=secret, scopes=_CONTACTS)
    client, client_secret = OAuthClient.objects.register(
        project, name="First OAuth client", scopes=_CONTACTS, redirect_uris=[]
    )
    refresh = OAuthToken.Kind.REFRESH
    return {
        "growthhub_token": token,
        "growthhub_location_id": project.id,
        "growthhub_client_id": client.id,
        "growthhub_client_secret": client_secret,
        "growthhub_refresh_token": OAuthToken.objects.issue(
            client, refresh, at=at, scopes=client.scopes
        ),
        "crm_key": crm_key,
        "growthgenius_user_id": member.user_id,
        "growthgenius_key": issue_developer_key(member, name="First key for integrations"),
    }


def _admin() -> tuple[User, str]:
    name = "admin"
    while User.objects.filter(username=name).exists():
        name = f"admin-{secrets.token_hex(3)}"
    password = secrets.token_urlsafe(12)
    return User.objects.create_superuser(name, password=password), password
