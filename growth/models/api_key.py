"""API keys: secret keys for servers, write keys for browsers and apps.

A key is ``gos_sk_live_`` or ``gos_wk_live_`` (``test`` for test keys) or ``pit-``, a secret key as
GrowthHub's clients know it, then 32 characters of chance and six of checksum, all base 62. So are
the tokens of OAuth. Only the SHA-256 digest is stored; the key itself is shown once.
"""

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import Self
from zlib import crc32

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from growth.models.project import Project
from growth.models.tenancy import ProjectModel, ProjectQuerySet, PublicIdField
from growth.models.user import User

GRACE = timedelta(hours=24)

_RESOURCES = [
    "contacts",
    "segments",
    "referrals",
    "campaigns",
    "surveys",
    "waitlists",
    "webhooks",
    "settings",
    "templates",
    "users",
    "messages",
]
SCOPES = [f"{resource}:{right}" for resource in _RESOURCES for right in ("read", "write")] + [
    "events:read",
    "analytics:read",
    "analytics:write",
    "*",
]

_WORDS = {"read": "readonly", "write": "write"}
SPELLINGS = {
    f"{resource}.{_WORDS[right]}": f"{resource}:{right}"
    for resource, _, right in (scope.partition(":") for scope in SCOPES)
    if right
}
"""Scopes as GrowthHub spells them."""

PRIVATE_TOKEN = "pit-"

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PATTERN = re.compile(
    r"(?:gos_(?:sk|wk)_(?:live|test)_|pit-|oa[a-z]_)([0-9A-Za-z]{32})([0-9A-Za-z]{6})"
)


class ApiKeyQuerySet(ProjectQuerySet):
    """Keys by what they still open."""

    def usable(self, at: datetime) -> Self:
        """Keep the keys that were not revoked, or were less than a day ago."""
        return self.filter(Q(usable_until=None) | Q(usable_until__gt=at))


class ApiKeyManager(models.Manager.from_queryset(ApiKeyQuerySet)):
    """The births of keys."""

    def issue(
        self,
        project: Project,
        *,
        name: str,
        type: str,
        scopes: list[str],
        mode: str = "live",
        created_by: User | None = None,
        head: str = "",
    ) -> tuple["ApiKey", str]:
        """Make a key; return its row, and the key itself, which is never seen again. ``head`` is
        what it begins with, unless that follows from type and mode.
        """
        kind = "wk" if type == ApiKey.Type.WRITE else "sk"
        text = make_secret(head or f"gos_{kind}_{mode}_")
        row = self.create(
            project=project,
            name=name,
            type=type,
            scopes=scopes,
            created_by=created_by,
            digest=digest(text),
            key_hint=f"...{text[-4:]}",
        )
        return row, text


class ApiKey(ProjectModel):
    """A right to call the API in the name of a project."""

    class Type(models.TextChoices):
        SECRET = "secret"
        WRITE = "write"

    id = PublicIdField(prefix="key")
    name = models.CharField(max_length=200)
    type = models.CharField(max_length=10, choices=Type.choices, default=Type.SECRET)
    scopes = ArrayField(models.CharField(max_length=32), default=list, blank=True)
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    key_hint = models.CharField(max_length=8, editable=False)
    created_by = models.ForeignKey(
        User, models.SET_NULL, null=True, editable=False, db_index=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)
    usable_until = models.DateTimeField(null=True, editable=False)

    objects = ApiKeyManager()

    class Meta:
        indexes = [models.Index(fields=["project", "id"], name="api_key_of_project")]

    def allows(self, scope: str) -> bool:
        """Tell whether the key has the scope."""
        return scope in self.scopes or "*" in self.scopes

    def revoke(self, *, at: datetime, immediate: bool = False) -> None:
        """Let the key work for another day, or end it at once. It cannot be undone."""
        self.revoked_at = self.revoked_at or at
        until = at if immediate else at + GRACE
        self.usable_until = min(self.usable_until or until, until)
        self.save(update_fields=["revoked_at", "usable_until"])


def make_secret(head: str) -> str:
    """Return a new secret that begins so; nobody can guess it."""
    chance = "".join(secrets.choice(_BASE62) for _ in range(32))
    return f"{head}{chance}{_checksum(chance)}"


def digest(text: str) -> bytes:
    """Return what is stored of a key. A key holds 190 bits of chance, so no slow hash is needed."""
    return hashlib.sha256(text.encode()).digest()


def is_well_formed(text: str) -> bool:
    """Tell by spelling and checksum whether the text can be a key, without asking the database."""
    match = _PATTERN.fullmatch(text)
    return bool(match) and secrets.compare_digest(_checksum(match[1]), match[2])


def _checksum(chance: str) -> str:
    number, text = crc32(chance.encode()), ""
    for _ in range(6):
        number, rest = divmod(number, 62)
        text = _BASE62[rest] + text
    return text
