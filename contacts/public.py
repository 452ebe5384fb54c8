"""The pages that people come to from their mail: plain HTML, nobody signs in, no script."""

from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from contacts.mail.links import UnknownToken
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
    return _page(email, is_done=request.method == "POST")


def _page(email: Email, *, is_done: bool) -> HttpResponse:
    context = {
        "sender": email.project.name if email.pk else "us",
        "address": _hinted(email.address),
        "is_done": is_done,
    }
    return HttpResponse(render_to_string("public/unsubscribe.html", context), headers=_HEADERS)


def _hinted(address: str) -> str:
    """Return the address so that its owner knows it, and a stranger does not."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}…@{domain}"
