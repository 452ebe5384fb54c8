"""What oauthlib asks of the database. Scopes are ours in here; the wire has GrowthHub's."""

from datetime import datetime
from typing import Any

from django.db.models import Q
from oauthlib.common import Request
from oauthlib.oauth2 import RequestValidator

from growth.models import OAuthClient, OAuthToken
from growth.models.api_key import SPELLINGS
from growth.models.oauth import REPEATABLE

_CODE, _ACCESS, _REFRESH = OAuthToken.Kind.values
_GRANTS = ("authorization_code", "refresh_token", "client_credentials")
_WIRE = {scope: spelling for spelling, scope in SPELLINGS.items()}


def read_scopes(text: str) -> str:
    """Return the scopes, parted by spaces, as we call them."""
    return " ".join(SPELLINGS.get(word, word) for word in text.split())


def write_scopes(scopes: list[str]) -> str:
    """Return the scopes as GrowthHub's clients know them."""
    return " ".join(_WIRE.get(scope, scope) for scope in scopes)


class Validator(RequestValidator):
    """Answers for one request, at one moment. To be used in a transaction: it locks what it reads.

    A refresh token works once, and again for some seconds, in case the answer was lost; used later
    it was stolen, and everything that follows from the same consent ends.
    """

    def __init__(self, *, at: datetime) -> None:
        super().__init__()
        self.at = at
        self._shown: OAuthToken | None = None

    def client_authentication_required(self, request: Request, *_: Any, **__: Any) -> bool:
        return True

    def authenticate_client(self, request: Request, *_: Any, **__: Any) -> bool:
        client = self._client(request.client_id)
        if client is None or not client.is_secret(str(request.client_secret or "")):
            return False
        request.client = client
        return True

    def authenticate_client_id(self, *_: Any, **__: Any) -> bool:
        return False  # Every client has a secret.

    def validate_client_id(self, client_id: str, request: Request, *_: Any, **__: Any) -> bool:
        request.client = self._client(client_id)
        return request.client is not None

    def validate_grant_type(self, client_id: str, grant_type: str, *_: Any, **__: Any) -> bool:
        return grant_type in _GRANTS

    def validate_response_type(
        self, client_id: str, response_type: str, *_: Any, **__: Any
    ) -> bool:
        return response_type == "code"

    def validate_redirect_uri(
        self, client_id: str, redirect_uri: str, request: Request, *_: Any, **__: Any
    ) -> bool:
        return redirect_uri in request.client.redirect_uris

    def get_default_redirect_uri(
        self, client_id: str, request: Request, *_: Any, **__: Any
    ) -> str | None:
        if self._shown:
            return self._shown.redirect_uri
        uris = request.client.redirect_uris
        return uris[0] if len(uris) == 1 else None

    def confirm_redirect_uri(
        self, client_id: str, code: str, redirect_uri: str, *_: Any, **__: Any
    ) -> bool:
        return self._shown is not None and redirect_uri == self._shown.redirect_uri

    def get_default_scopes(self, client_id: str, request: Request, *_: Any, **__: Any) -> list[str]:
        return request.client.scopes

    def validate_scopes(
        self, client_id: str, scopes: list[str], client: OAuthClient, *_: Any, **__: Any
    ) -> bool:
        return all(client.api_key.allows(scope) for scope in scopes)

    def save_authorization_code(
        self, client_id: str, code: dict[str, str], request: Request, *_: Any, **__: Any
    ) -> None:
        OAuthToken.objects.issue(
            request.client,
            _CODE,
            code["code"],
            at=self.at,
            scopes=request.scopes,
            user=request.user,
            redirect_uri=request.redirect_uri,
            challenge=request.code_challenge or "",
            challenge_method=request.code_challenge_method or "",
        )

    def validate_code(
        self, client_id: str, code: str, client: OAuthClient, request: Request, *_: Any, **__: Any
    ) -> bool:
        return self._show(_CODE, code, client, request, is_used=lambda token: bool(token.used_at))

    def get_code_challenge(self, code: str, request: Request) -> str | None:
        return self._shown.challenge or None if self._shown else None

    def get_code_challenge_method(self, code: str, request: Request) -> str | None:
        return self._shown.challenge_method or None if self._shown else None

    def is_pkce_required(self, client_id: str, request: Request) -> bool:
        return False

    def invalidate_authorization_code(self, *_: Any, **__: Any) -> None:
        self._use()

    def validate_refresh_token(
        self, refresh_token: str, client: OAuthClient, request: Request, *_: Any, **__: Any
    ) -> bool:
        def is_used(token: OAuthToken) -> bool:
            return token.used_at is not None and self.at - token.used_at > REPEATABLE

        return self._show(_REFRESH, refresh_token, client, request, is_used=is_used)

    def get_original_scopes(self, refresh_token: str, request: Request, *_: Any, **__: Any) -> Any:
        return self._shown.scopes if self._shown else []

    def rotate_refresh_token(self, request: Request) -> bool:
        return True

    def save_bearer_token(
        self, token: dict[str, Any], request: Request, *_: Any, **__: Any
    ) -> None:
        client, shown = request.client, self._shown
        opens = {"scopes": request.scopes, "user": shown.user if shown else None}
        if shown:
            opens["family"] = shown.family
            self._use()
        OAuthToken.objects.issue(client, _ACCESS, token["access_token"], at=self.at, **opens)
        if "refresh_token" in token:
            OAuthToken.objects.issue(client, _REFRESH, token["refresh_token"], at=self.at, **opens)
        token |= {
            "scope": write_scopes(request.scopes),
            "userType": "Location",
            "locationId": client.project_id,
            "companyId": client.project_id,
            "userId": str(shown.user_id) if shown and shown.user_id else None,
        }

    def _client(self, client_id: Any) -> OAuthClient | None:
        usable = Q(api_key__usable_until=None) | Q(api_key__usable_until__gt=self.at)
        clients = OAuthClient.objects.filter(usable, pk=str(client_id or ""))
        return clients.select_related("api_key", "project").first()

    def _show(
        self, kind: str, text: str, client: OAuthClient, request: Request, *, is_used: Any
    ) -> bool:
        found = OAuthToken.objects.open(kind, str(text), at=self.at).filter(client=client)
        token = found.select_for_update(of=("self",)).first()
        if token is None:
            return False
        if is_used(token):
            token.end_family()
            return False
        self._shown, request.user, request.scopes = token, token.user, token.scopes
        return True

    def _use(self) -> None:
        if self._shown and self._shown.used_at is None:
            self._shown.used_at = self.at
            self._shown.save(update_fields=["used_at"])
