"""The pages that people come to from their mail: plain HTML, nobody signs in, no script."""

from base64 import b64decode
from collections.abc import Callable
from typing import Any

import structlog
from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe
from psycopg_pool import PoolTimeout

from contacts.mail.hits import record_click, record_open
from contacts.mail.links import UnknownToken, read_click_token, read_open_token
from contacts.mail.machines import is_machine
from contacts.mail.unsubscribing import email_of_token, unsubscribe
from contacts.models import Email

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}
_POINT = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")

log = structlog.get_logger(__name__)


class _Afterwards:
    """A response that has its work done when it has been sent: nobody waits for our books."""

    afterwards: Callable[[], None]

    def close(self) -> None:
        try:
            self.afterwards()
        except (Error, PoolTimeout):
            log.exception("hit_not_recorded")
        super().close()


class _Picture(_Afterwards, HttpResponse):
    pass


class _Redirect(_Afterwards, HttpResponseRedirect):
    pass


@require_safe
def picture(request: HttpRequest, token: str) -> HttpResponse:
    """Show a picture of one point, whatever the token is, and note that the mail is looked at."""
    response = _Picture(_POINT, content_type="image/gif", headers=_HEADERS)
    try:
        mail = read_open_token(token)
    except UnknownToken:
        return HttpResponse(_POINT, content_type="image/gif", headers=_HEADERS)
    by_machine, at = is_machine(request.method, request.headers), now()
    response.afterwards = lambda: record_open(mail, is_machine=by_machine, at=at)
    return response


@require_safe
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Lead on to where the link of the mail leads, and note that it was followed."""
    try:
        clicked = read_click_token(token)
    except UnknownToken:
        raise Http404 from None
    by_machine, at = is_machine(request.method, request.headers), now()
    if not clicked.url:
        record_click(clicked, is_machine=True, at=at)
        return _page("public/nothing.html")
    response = _Redirect(clicked.url, headers=_HEADERS)
    response.afterwards = lambda: record_click(clicked, is_machine=by_machine, at=at)
    return response


@csrf_exempt  # Mail programs post here by themselves (RFC 8058); the token is the permission.
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscription(request: HttpRequest, token: str) -> HttpResponse:
    """Ask whether to unsubscribe, and do it when asked by POST. Looking changes nothing."""
    try:
        email = email_of_token(token)
    except UnknownToken:
        raise Http404 from None
    if request.method == "POST":
        unsubscribe(email, at=now())
    context = {
        "sender": _sender(email),
        "address": _hinted(email.address),
        "is_done": request.method == "POST",
    }
    return _page("public/unsubscribe.html", context)


def _sender(email: Email) -> str:
    return email.project.name if email.pk else "us"


def _page(template: str, context: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
    return HttpResponse(render_to_string(template, context), status=status, headers=_HEADERS)


def _hinted(address: str) -> str:
    """Return the address so that its owner knows it, and a stranger does not."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}…@{domain}"
