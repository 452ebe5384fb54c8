"""The pages of a waitlist: joining, confirming, looking at one's place. Plain HTML, no script.

No page knows who looks at it: there is no session, so no other site can do anything in somebody's
name. What a form sends must come from a page that was shown here, some seconds before.
"""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe
from rest_framework.exceptions import Throttled

from contacts.mail import presses
from contacts.mail.machines import is_machine
from growth.api.public import limited, page
from growth.api.throttling import client_address
from growth.errors import Conflict, Invalid
from waitlists.mail import UnknownToken, read_confirm_token, read_status_token, status_url
from waitlists.models import Entry, Waitlist
from waitlists.operations.entrance import ask_in
from waitlists.operations.joining import Joining, verify
from waitlists.queries import Row, find_by_slug, row_of

MAX_NAME = 200
MAX_CODE = 64


@csrf_exempt  # What the form bears is the permission: see the module's words.
@require_http_methods(["GET", "HEAD", "POST"])
@limited
def joining_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the form, and put who sends it on the list."""
    waitlist, at = _waitlist(slug), now()
    if request.method == "POST":
        return _joined(request, waitlist, at)
    return _form(waitlist, at, code=request.GET.get("ref", "")[:MAX_CODE])


@require_safe
@limited
def status(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the bearer of a token their place."""
    waitlist = _waitlist(slug)
    try:
        entry = read_status_token(waitlist, request.GET.get("token", ""))
    except UnknownToken:
        raise Http404 from None
    return _place(waitlist, row_of(entry))


@csrf_exempt  # The token is the permission.
@require_http_methods(["GET", "HEAD", "POST"])
@limited
def confirmation(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask whether they want to be on the list, and note their yes by POST."""
    waitlist, at = _waitlist(slug), now()
    try:
        entry = read_confirm_token(waitlist, request.GET.get("token", ""))
    except UnknownToken:
        raise Http404 from None
    subject = f"waitlist-entry-{entry.key}"
    if entry.status != Entry.Status.PENDING:
        return _place(waitlist, row_of(entry))
    if request.method == "POST" and _is_pressed(request, subject, at):
        return _place(waitlist, verify(waitlist, entry, at=at), is_new=True)
    given = request.POST.get("press", "")
    is_young = presses.is_known(given, subject, at=at)
    context = {
        "waitlist": waitlist,
        "press": given if is_young else presses.issue(subject, at=at),
        "is_early": request.method == "POST",
    }
    return page("public/waitlist_confirm.html", context)


def _joined(request: HttpRequest, waitlist: Waitlist, at: datetime) -> HttpResponse:
    told = {name: request.POST.get(name, "").strip() for name in ("email", "name", "ref")}
    email, name, code = told["email"][:320], told["name"][:MAX_NAME], told["ref"][:MAX_CODE]
    shown = {"email": email, "name": name, "code": code}
    if "\0" in email + name + code:
        return _form(waitlist, at, **shown, fault="Please write it without control characters.")
    given = request.POST.get("press", "")
    if not presses.is_by_person(given, _subject(waitlist), at=at):
        return _form(waitlist, at, **shown, press=given, fault="Please press the button once more.")
    joining = Joining(email, {"name": name} if name else {}, code)
    trap = request.POST.get("website", "")
    try:
        ask_in(waitlist, joining, trap=trap, address=client_address(request), at=at)
    except Conflict:
        return _form(waitlist, at, status=409)
    except Invalid as refusal:
        return _form(waitlist, at, **shown, fault=refusal.message, status=422)
    except Throttled:
        fault = "There were too many sign-ups from here. Please try again later."
        return _form(waitlist, at, **shown, fault=fault, status=429)
    context = {"waitlist": waitlist, "email": email, "asks": waitlist.require_verification}
    return page("public/waitlist_joined.html", context)


def _form(
    waitlist: Waitlist, at: datetime, *, press: str = "", status: int = 200, **context: Any
) -> HttpResponse:
    subject = _subject(waitlist)
    is_known = presses.is_known(press, subject, at=at)
    context |= {
        "waitlist": waitlist,
        "press": press if is_known else presses.issue(subject, at=at),
    }
    return page("public/waitlist.html", context, status=status)


def _place(waitlist: Waitlist, row: Row, *, is_new: bool = False) -> HttpResponse:
    waitlist.refresh_from_db(fields=["waiting_count"])
    context = {
        "waitlist": waitlist,
        "entry": row,
        "behind": waitlist.waiting_count - row.position if row.position else 0,
        "share_url": waitlist.share_url(row.code),
        "status_url": status_url(waitlist, row),
        "is_new": is_new,
    }
    return page("public/waitlist_place.html", context)


def _waitlist(slug: str) -> Waitlist:
    waitlist = find_by_slug(slug)
    if waitlist is None:
        raise Http404
    return waitlist


def _subject(waitlist: Waitlist) -> str:
    return f"waitlist-{waitlist.key}"


def _is_pressed(request: HttpRequest, subject: str, at: datetime) -> bool:
    """Tell whether a person can have pressed the button: what scans mail presses at once."""
    if is_machine(request.method, request.headers):
        return False
    return presses.is_by_person(request.POST.get("press", ""), subject, at=at)
