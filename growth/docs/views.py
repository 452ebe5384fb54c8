"""The pages for integrators: nobody signs in, and nothing comes from elsewhere.

No script is needed but on the two pages that are about scripts.
"""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.timezone import now
from django.views.decorators.http import condition, require_safe

from growth.docs import openapi as files
from growth.docs.demo import find_demo
from growth.docs.guides import guides
from growth.docs.reference import pages

_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'"
# The explorer draws with styles of its own, and calls this API only.
_EXPLORER_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)

# The components style themselves by constructed sheets, and call this API only.
_DEMO_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; frame-ancestors 'none'"
)


@require_safe
@condition(etag_func=lambda request: files.etag())
def openapi(request: HttpRequest) -> HttpResponse:
    """Answer the OpenAPI file."""
    return HttpResponse(
        files.content(),
        content_type="application/json",
        headers={"Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"},
    )


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show where to begin."""
    return _page(request, "docs/index.html", base_url=settings.BASE_URL)


@require_safe
def guide(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a guide."""
    if slug not in guides():
        raise Http404
    return _page(request, "docs/guide.html", guide=guides()[slug])


@require_safe
def resource(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the operations of a resource."""
    if slug not in pages():
        raise Http404
    return _page(request, "docs/resource.html", page=pages()[slug])


@require_safe
def explorer(request: HttpRequest) -> HttpResponse:
    """Show the OpenAPI file as forms that call the API."""
    return _page(request, "docs/explorer.html", policy=_EXPLORER_POLICY)


@require_safe
def demo(request: HttpRequest) -> HttpResponse:
    """Show the components at work in the demo project, where there is one."""
    response = _page(request, "docs/demo.html", policy=_DEMO_POLICY, demo=find_demo(at=now()))
    response["Cache-Control"] = "no-store"
    return response


def _page(
    request: HttpRequest, template: str, *, policy: str = _POLICY, **context: Any
) -> HttpResponse:
    context |= {"guides": guides().values(), "pages": pages().values(), "version": settings.VERSION}
    response = render(request, template, context)
    response["Content-Security-Policy"] = policy
    return response
