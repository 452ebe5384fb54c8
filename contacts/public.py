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

from contacts.mail import presses
from contacts.mail.confirming import email_to_confirm
from contacts.mail.hits import record_click, record_open
from contacts.mail.links import UnknownToken, read_click_token, read_open_token
from contacts.mail.machines import is_machine
from contacts.mail.unsubscribing import (
    email_of_token,
    resubscribe,
    suppression_of,
    unsubscribe,
)
from contacts.models import Email
from contacts.operations.preferences import (
    choices_of,
    choose,
    confirm,
    pending_of,
    was_confirmed,
)
from growth.api.public import HEADERS, page

_POINT = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")

log = structlog.get_logger(__name__)


class _Afterwards:
    """A response that has its work done when it has been sent: nobody waits for our books."""

    afterwards: Callable[[], None] | None = None

    def close(self) -> None:
        try:
            if self.afterwards:
                self.afterwards()
        except (Error, PoolTimeout):
            log.exception("hit_not_recorded")
        super().close()


class _Answer(_Afterwards, HttpResponse):
    pass


class _Redirect(_Afterwards, HttpResponseRedirect):
    pass


@csrf_exempt  # So that a POST is told 405.
@require_safe
def picture(request: HttpRequest, token: str) -> HttpResponse:
    """Show a picture of one point, whatever the token is, and note that the mail is looked at."""
    response = _Answer(_POINT, content_type="image/gif", headers=HEADERS)
    try:
        mail = read_open_token(token)
    except UnknownToken:
        return response
    by_machine, at = is_machine(request.method, request.headers), now()
    response.afterwards = lambda: record_open(mail, is_machine=by_machine, at=at)
    return response


@csrf_exempt  # So that a POST is told 405.
@require_safe
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Lead on to where the link of the mail leads, and note that it was followed."""
    try:
        clicked = read_click_token(token)
    except UnknownToken:
        raise Http404 from None
    by_machine, at = is_machine(request.method, request.headers), now()
    if clicked.url:
        response = _Redirect(clicked.url, headers=HEADERS)
    else:
        response = _Answer(render_to_string("public/nothing.html"), headers=HEADERS)
    response.afterwards = lambda: record_click(clicked, is_machine=by_machine, at=at)
    return response


@csrf_exempt  # Mail programs post here by themselves (RFC 8058); the token is the permission.
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscription(request: HttpRequest, token: str) -> HttpResponse:
    """Show what the mail's reader gets. By POST they choose, come back, or, without another word,
    leave everything. Looking changes nothing.
    """
    try:
        email = email_of_token(token)
    except UnknownToken:
        raise Http404 from None
    if request.method != "POST":
        return _preferences(email)
    match request.POST.get("choice"):
        case "save":
            shown, wanted = request.POST.getlist("shown"), request.POST.getlist("topic")
            choose(email, shown=shown, wanted=wanted, at=now())
            return _preferences(email, said="Your choice is saved.")
        case "return":
            return _come_back(request, email)
    unsubscribe(email, at=now())
    return _preferences(email, is_done=True)


@csrf_exempt  # The token is the permission.
@require_http_methods(["GET", "HEAD", "POST"])
def confirmation(request: HttpRequest, token: str) -> HttpResponse:
    """Ask whether the mail's reader wants what was asked for, and note their yes by POST."""
    try:
        email = email_to_confirm(token)
    except UnknownToken:
        raise Http404 from None
    is_pending = email.pk is None or bool(pending_of(email, at=now()))
    context = {
        "sender": email.context["sender"],
        "address": _hinted(email.address),
        "topics": [topic["name"] for topic in email.context["topics"]],
    }
    if request.method == "POST" and is_pending:
        if not _is_pressed(request, email):
            return page("public/confirm.html", context | _press(request, email, is_early=True))
        is_done = confirm(email, wording=_wording(email), at=now())
        return page("public/confirm.html", context | {"is_done": is_done})
    if is_pending:
        return page("public/confirm.html", context | _press(request, email))
    return page("public/confirm.html", context | {"is_done": was_confirmed(email)})


def _preferences(email: Email, **context: Any) -> HttpResponse:
    suppression = suppression_of(email)
    shown = {
        "sender": _sender(email),
        "address": _hinted(email.address),
        "choices": choices_of(email),
        "is_suppressed": suppression is not None,
        "may_return": suppression is not None and suppression.is_liftable,
        "press": presses.issue(_subject(email), at=now()),
    }
    return page("public/unsubscribe.html", shown | context)


def _come_back(request: HttpRequest, email: Email) -> HttpResponse:
    if not _is_pressed(request, email):
        return _preferences(email, **_press(request, email, is_early=True))
    if resubscribe(email, at=now()):
        return _preferences(email, said="You get mail again.")
    return _preferences(email)


def _is_pressed(request: HttpRequest, email: Email) -> bool:
    """Tell whether a person can have pressed the button: those who scan mail press at once."""
    if is_machine(request.method, request.headers):
        return False
    return presses.is_by_person(request.POST.get("press", ""), _subject(email), at=now())


def _press(request: HttpRequest, email: Email, *, is_early: bool = False) -> dict[str, Any]:
    """Return what the page's button needs; that of a page shown before goes on to ripen."""
    given, at = request.POST.get("press", ""), now()
    is_young = presses.is_known(given, _subject(email), at=at)
    press = given if is_young else presses.issue(_subject(email), at=at)
    return {"press": press, "is_early": is_early}


def _subject(email: Email) -> str:
    return f"mail-{email.pk}"


def _wording(email: Email) -> str:
    """Return what the page asks, and what its button says."""
    names = ", ".join(topic["name"] for topic in email.context["topics"])
    return f"Do you want mail from {email.context['sender']}? {names}: Yes, I want it"


def _sender(email: Email) -> str:
    return email.project.name if email.pk else "us"


def _hinted(address: str) -> str:
    """Return the address so that its owner knows it, and a stranger does not."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}…@{domain}"
