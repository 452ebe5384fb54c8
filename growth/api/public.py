"""What anybody may ask for without a key: pages, and the data of components that have a token."""

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from rest_framework.request import Request
from rest_framework.views import APIView

from growth.api.throttling import AddressThrottle, is_address_welcome, seconds_left

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}
"""A page bears them because its address may be a secret, and nothing but its own style is in it."""


class TokenView(APIView):
    """Opens one thing to the bearer of its token, and to no key."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = (AddressThrottle,)

    def get_authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="token"'  # Without it, DRF says 403 instead of 401.


def limited(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Answer an address that asks for pages too often with a page that says so."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if is_address_welcome(request):
            return view(request, *args, **kwargs)
        wait = math.ceil(seconds_left())
        response = page("public/too_often.html", {"seconds": wait}, status=429)
        response.headers["Retry-After"] = str(wait)
        return response

    return answer


def page(template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """Return a page that runs no script and that no other page may show."""
    return HttpResponse(render_to_string(template, context), status=status, headers=HEADERS)
