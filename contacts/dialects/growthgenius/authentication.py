"""Keys as GrowthGenius' callers send them."""

from typing import Any

from rest_framework.request import Request

from growth.api.authentication import KeyAuthentication

IN_BODY = "api_key"


class GeniusAuthentication(KeyAuthentication):
    """A secret key bare in ``Authorization``, as Bearer, or as ``api_key`` in the body.

    Whichever counts, the one in the body is taken out of it: nothing else ever sees it.
    """

    def authenticate_header(self, request: Request) -> str:
        return 'Key realm="growth"'

    def read_key(self, request: Request) -> str:
        in_body = _taken_from(request.data)
        header = request.headers.get("Authorization", "").strip()
        scheme, _, rest = header.partition(" ")
        return (rest.strip() if scheme.lower() == "bearer" else header) or in_body


def _taken_from(data: Any) -> str:
    """Return the key in the body, which has none afterwards."""
    if not isinstance(data, dict):
        return ""
    keys = [data.pop(IN_BODY, "")]
    keys += [inner.pop(IN_BODY, "") for inner in data.values() if isinstance(inner, dict)]
    return next((key.strip() for key in keys if isinstance(key, str) and key), "")
