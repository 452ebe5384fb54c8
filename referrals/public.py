"""The pages that people come to by a link that was shared with them."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from contacts.mail.links import SAMPLE
from contacts.mail.machines import is_machine
from growth.api.public import HEADERS, limited, page
from growth.api.throttling import client_address
from referrals.operations.clicks import find_link, follow_link


@csrf_exempt  # So that a POST is told 405.
@require_safe
def link(request: HttpRequest, code: str) -> HttpResponse:
    """Lead on to the landing page, with the code and the id of the click.

    However many come from one address, each is led on.
    """
    if code == SAMPLE:
        return _page("")
    by_machine = is_machine(request.method, request.headers)
    url = follow_link(code, address=client_address(request), is_machine=by_machine, at=now())
    if url is None:
        raise Http404
    return HttpResponseRedirect(url, headers=HEADERS)


@csrf_exempt  # So that a POST is told 405.
@require_safe
@limited
def welcome(request: HttpRequest, code: str) -> HttpResponse:
    """Show a page where the project has none of its own."""
    found = find_link(code)
    if found is None:
        raise Http404
    return _page(found.project.name)


def _page(sender: str) -> HttpResponse:
    return page("public/invited.html", {"sender": sender})
