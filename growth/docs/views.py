"""The pages for integrators: nobody signs in, no script is needed, nothing comes from elsewhere."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import condition, require_safe

from growth.docs import openapi as files


@require_safe
@condition(etag_func=lambda request: files.etag())
def openapi(request: HttpRequest) -> HttpResponse:
    """Answer the OpenAPI file."""
    return HttpResponse(
        files.content(),
        content_type="application/json",
        headers={"Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"},
    )
