"""Who calls: a key, and with it a project."""

import secrets
import time
from base64 import b64decode
from collections import OrderedDict
from datetime import datetime, timedelta
from threading import Lock
from typing import NamedTuple

import structlog
from django.db import connection
from django.db.models import Q
from django.utils.timezone import now
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from growth.models import ApiKey, OAuthToken
from growth.models.api_key import digest, is_well_formed
from growth.models.oauth import HEADS

_KEEP_SECONDS = 1
_KEEP_KEYS = 10_000
_TOUCH_EVERY = timedelta(minutes=1)
_REFUSAL = "This API key is unknown, or was revoked."


class KeyAuthentication(BaseAuthentication):
    """A key as ``Authorization: Bearer``; it is never read from the query string."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey]:
        """Return the key that the request bears.

        :raises AuthenticationFailed: if it bears none that works.
        """
        return None, authenticated(self.read_key(request), at=now())

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="growth"'

    def read_key(self, request: Request) -> str:
        """Return the text of the key in the request, which may be no key at all."""
        return _bearer(request)


class WriteKeyAuthentication(KeyAuthentication):
    """A write key as Bearer, as the user name of Basic, as ``?writeKey=``, or ``writeKey`` in the
    body.
    """

    def read_key(self, request: Request) -> str:
        in_header = _basic_user(request) or _bearer(request, required=False)
        return in_header or _public(request.query_params.get("writeKey") or _in_body(request))


def authenticated(text: str, *, at: datetime) -> ApiKey:
    """Return the key that the text is.

    :raises AuthenticationFailed: if it is none, or no longer one.
    """
    if not is_well_formed(text):
        raise AuthenticationFailed(_REFUSAL if text else "Send an API key.")
    key = _keys.get(text)
    if key is None or (key.usable_until and key.usable_until <= at):
        raise AuthenticationFailed(_REFUSAL)
    _touch(key, at)
    structlog.contextvars.bind_contextvars(project=key.project_id, key=key.id)
    return key


def _bearer(request: Request, required: bool = True) -> str:
    header = request.headers.get("Authorization", "")
    scheme, _, text = header.partition(" ")
    if scheme.lower() == "bearer":
        return text.strip()
    if header and required:
        raise AuthenticationFailed("Send the API key as 'Authorization: Bearer <key>'.")
    return ""


def _basic_user(request: Request) -> str:
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(text, validate=True).decode("ascii").partition(":")[0]
    except ValueError:
        raise AuthenticationFailed("The Basic credentials are not valid base64.") from None


def _public(text: str) -> str:
    """Return the key if it is one that may be seen: addresses and bodies end up in logs.

    :raises AuthenticationFailed: if it is a secret key.
    """
    if text.startswith("gos_sk_"):
        raise AuthenticationFailed("Send a secret key in the Authorization header only.")
    return text


def _in_body(request: Request) -> str:
    text = request.data.get("writeKey") if isinstance(request.data, dict) else None
    return text if isinstance(text, str) else ""


def _touch(key: ApiKey, at: datetime) -> None:
    """Note the use of the key, at most once a minute, so that its row does not become hot."""
    if key.last_used_at and at - key.last_used_at < _TOUCH_EVERY:
        return
    key.last_used_at = at
    stale = Q(last_used_at=None) | Q(last_used_at__lt=at - _TOUCH_EVERY)
    ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=at)


class _Known(NamedTuple):
    """A key, until when nobody asks whether it still is like this, and its rows' versions."""

    key: ApiKey | None
    fresh_until: float = 0
    versions: str | None = None


class _RecentKeys:
    """Keys as they were in the database up to a second ago, by digest.

    After that second their rows are only asked whether they are still the same.
    """

    def __init__(self) -> None:
        self._entries: OrderedDict[bytes, _Known] = OrderedDict()
        self._lock = Lock()

    def get(self, text: str) -> ApiKey | None:
        wanted = digest(text)
        with self._lock:
            known = self._entries.get(wanted, _Known(None))
        if known.fresh_until > time.monotonic():
            return known.key
        if text.startswith(HEADS["access"]):
            return self._kept(wanted, _opened(text))
        versions = _versions(wanted)  # Before the key: what changes in between is seen next time.
        is_same = known.key and versions and versions == known.versions
        return self._kept(wanted, known.key if is_same else _stored(wanted), versions)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def _kept(
        self, wanted: bytes, key: ApiKey | None, versions: str | None = None
    ) -> ApiKey | None:
        if key:
            with self._lock:
                self._entries[wanted] = _Known(key, time.monotonic() + _KEEP_SECONDS, versions)
                while len(self._entries) > _KEEP_KEYS:
                    self._entries.popitem(last=False)
        return key


def _versions(wanted: bytes) -> str | None:
    """Return what changes whenever the rows of the key or of its project do."""
    with connection.prepared_cursor() as cursor:
        cursor.execute(
            """
            SELECT concat_ws(' ', key.ctid, key.xmin, project.ctid, project.xmin)
              FROM growth_apikey key JOIN growth_project project ON project.id = key.project_id
             WHERE key.digest = %s
            """,
            [wanted],
        )
        found = cursor.fetchone()
    return found[0] if found else None


def _stored(wanted: bytes) -> ApiKey | None:
    key = ApiKey.objects.usable(now()).select_related("project").filter(digest=wanted).first()
    return key if key and secrets.compare_digest(bytes(key.digest), wanted) else None


def _opened(text: str) -> ApiKey | None:
    """Return the key that an access token of OAuth opens."""
    token = OAuthToken.objects.open(OAuthToken.Kind.ACCESS, text, at=now()).first()
    return token.opened() if token else None


_keys = _RecentKeys()
forget_keys = _keys.clear
