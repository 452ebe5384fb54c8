"""OAuth 2: programs of others that staff let into a project, and what they bear.

A client has one API key, whose text nobody knows: its tokens open what that key opens, or less, and
revoking the key ends them all.
"""

import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from growth.models.api_key import ApiKey, digest, make_secret
from growth.models.project import Project
from growth.models.tenancy import ProjectModel, ProjectQuerySet, PublicIdField

CODE_LIFE = timedelta(minutes=10)
ACCESS_LIFE = timedelta(seconds=86_399)
REFRESH_LIFE = timedelta(days=365)
REPEATABLE = timedelta(seconds=30)
"""So long a used refresh token works again: its answer may have been lost on the way."""


class OAuthClientManager(models.Manager.from_queryset(ProjectQuerySet)):
    """The births of clients."""

    def register(
        self, project: Project, *, name: str, scopes: list[str], redirect_uris: list[str]
    ) -> tuple["OAuthClient", str]:
        """Make a client; return its row, and its secret, which is never seen again."""
        key, _ = ApiKey.objects.issue(
            project, name=name, type=ApiKey.Type.SECRET, scopes=scopes, head=HEADS["access"]
        )
        secret = make_secret(HEADS["secret"])
        client = self.create(
            project=project,
            api_key=key,
            name=name,
            redirect_uris=redirect_uris,
            digest=digest(secret),
            secret_hint=f"...{secret[-4:]}",
        )
        return client, secret


class OAuthClient(ProjectModel):
    """A program that may ask for tokens of the project. Its public id is its ``client_id``."""

    id = PublicIdField(prefix="app")
    name = models.CharField(max_length=200)
    api_key = models.OneToOneField(ApiKey, models.CASCADE, editable=False, related_name="client")
    redirect_uris = ArrayField(models.CharField(max_length=500), default=list, blank=True)
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    secret_hint = models.CharField(max_length=8, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OAuthClientManager()

    class Meta:
        verbose_name = "OAuth client"
        indexes = [models.Index(fields=["project", "id"], name="oauth_client_of_project")]

    def __str__(self) -> str:
        return self.name

    @property
    def client_id(self) -> str:
        """What the program calls itself."""
        return self.id

    @property
    def scopes(self) -> list[str]:
        """What its tokens may open at most."""
        return self.api_key.scopes

    def is_secret(self, text: str) -> bool:
        """Tell whether this is the client's secret."""
        return secrets.compare_digest(bytes(self.digest), digest(text))


class OAuthTokenQuerySet(ProjectQuerySet):
    """Tokens, by what they still open."""

    def open(self, kind: str, text: str, *, at: datetime) -> Self:
        """Keep the token of this kind that the text is, if it works."""
        usable = Q(client__api_key__usable_until=None) | Q(client__api_key__usable_until__gt=at)
        own = self.filter(usable, kind=kind, digest=digest(text), expires_at__gt=at)
        return own.select_related("client__api_key", "client__project", "user")


class OAuthTokenManager(models.Manager.from_queryset(OAuthTokenQuerySet)):
    """The births of tokens."""

    def issue(
        self, client: OAuthClient, kind: str, text: str = "", *, at: datetime, **fields: Any
    ) -> str:
        """Store a new token of this kind and return its text; ``fields`` say what it opens."""
        text = text or make_secret(HEADS[kind])
        self.create(
            project=client.project,
            client=client,
            kind=kind,
            digest=digest(text),
            created_at=at,
            expires_at=at + LIVES[kind],
            **fields,
        )
        return text


class OAuthToken(ProjectModel):
    """A code, an access token or a refresh token; only its digest is stored.

    ``family`` joins what follows from one consent: a stolen token that is used twice ends them all.
    """

    class Kind(models.TextChoices):
        CODE = "code"
        ACCESS = "access"
        REFRESH = "refresh"

    id = models.BigAutoField(primary_key=True)
    client = models.ForeignKey(
        OAuthClient, models.CASCADE, related_name="tokens", db_index=False
    )  # token_of_client finds them.
    kind = models.CharField(max_length=7, choices=Kind.choices)
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=32), default=list)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    family = models.UUIDField(default=uuid.uuid4)
    redirect_uri = models.CharField(max_length=500, blank=True)
    challenge = models.CharField(max_length=128, blank=True)
    challenge_method = models.CharField(max_length=10, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    objects = OAuthTokenManager()

    class Meta:
        verbose_name = "OAuth token"
        indexes = [
            models.Index(fields=["project", "client", "family"], name="oauth_token_of_client"),
            models.Index(fields=["expires_at"], name="oauth_token_to_prune"),
        ]

    def opened(self) -> ApiKey:
        """Return the client's API key as this token opens it."""
        key = self.client.api_key
        key.project = self.client.project
        key.scopes = [scope for scope in self.scopes if key.allows(scope)]
        return key

    def end_family(self) -> None:
        """End all that follows from the same consent."""
        family = OAuthToken.objects.in_project(self.project_id)
        family.filter(client=self.client_id, family=self.family).delete()


HEADS = {"secret": "oas_", "code": "oac_", "access": "oaa_", "refresh": "oar_"}
LIVES = {"code": CODE_LIFE, "access": ACCESS_LIFE, "refresh": REFRESH_LIFE}
