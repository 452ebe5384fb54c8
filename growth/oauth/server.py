"""The three grants, and nothing else of what OAuth 2 knows."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from oauthlib.oauth2 import (
    AuthorizationCodeGrant,
    AuthorizationEndpoint,
    BearerToken,
    ClientCredentialsGrant,
    RefreshTokenGrant,
    TokenEndpoint,
)

from growth.models.api_key import make_secret
from growth.models.oauth import ACCESS_LIFE, HEADS
from growth.oauth.validator import Validator
from growth.transactions import atomic_with_retries

_HOST = "https://oauth"  # TLS ends before us; what oauthlib looks at is the path and the query.


@atomic_with_retries
def exchange(
    pairs: Iterable[tuple[str, str]], headers: dict[str, str], *, at: datetime
) -> tuple[dict[str, str], str, int]:
    """Return headers, JSON and status of the answer to a request for tokens.

    Safe to repeat within thirty seconds, safe at the same time as itself, and to kill: a grant is
    locked and used up in the transaction that stores what it brings.
    """
    validator = Validator(at=at)
    bearer = BearerToken(
        validator,
        expires_in=int(ACCESS_LIFE.total_seconds()),
        token_generator=lambda _: make_secret(HEADS["access"]),
        refresh_token_generator=lambda _: make_secret(HEADS["refresh"]),
    )
    grants = {
        "authorization_code": AuthorizationCodeGrant(validator),
        "refresh_token": RefreshTokenGrant(validator),
        "client_credentials": ClientCredentialsGrant(validator),
    }
    endpoint = TokenEndpoint(
        default_grant_type="authorization_code", default_token_type=bearer, grant_types=grants
    )
    return endpoint.create_token_response(
        f"{_HOST}/oauth/token", "POST", body=list(pairs), headers=headers
    )


def examine(address: str, *, at: datetime) -> tuple[list[str], dict[str, Any]]:
    """Return what scopes are asked for at this path and query, and by whom.

    :raises OAuth2Error: if that cannot be granted. A ``FatalClientError`` must not be told to the
        redirect URI, because that is not the client's.
    :raises ValueError: if the query cannot be read.
    """
    return _authorization(at).validate_authorization_request(_HOST + address)


@atomic_with_retries
def grant(address: str, *, scopes: list[str], user: Any, at: datetime) -> str:
    """Return where to send the browser: to the client, with a code.

    :raises OAuth2Error: as ``examine`` does.
    """
    headers, _, _ = _authorization(at).create_authorization_response(
        _HOST + address, scopes=scopes, credentials={"user": user}
    )
    return headers["Location"]


def _authorization(at: datetime) -> AuthorizationEndpoint:
    validator = Validator(at=at)
    return AuthorizationEndpoint(
        default_response_type="code",
        default_token_type=BearerToken(validator),
        response_types={"code": AuthorizationCodeGrant(validator)},
    )
