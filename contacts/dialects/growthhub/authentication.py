"""Who calls, and which version of the API they expect."""

from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from growth.api.authentication import KeyAuthentication
from growth.models import ApiKey

VERSIONS = ("2021-04-15", "2021-07-28", "2023-02-21", "v3")


class TokenAuthentication(KeyAuthentication):
    """A private integration token, or an access token of OAuth, as ``Authorization: Bearer``."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey]:
        try:
            return super().authenticate(request)
        except AuthenticationFailed:
            raise AuthenticationFailed("Invalid token: access token is invalid") from None


def require_version(request: Request, *, is_optional: bool) -> None:
    """Refuse a call whose ``Version`` header is none that we know. All are answered alike.

    :raises AuthenticationFailed: because clients know it so.
    """
    version = request.headers.get("Version")
    if version is None and not is_optional:
        raise AuthenticationFailed("version header was not found.")
    if version is not None and version.strip() not in VERSIONS:
        raise AuthenticationFailed("version header is invalid")
