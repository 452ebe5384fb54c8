"""``/oauth/token`` for programs, and the page where staff consent."""

import base64
import re
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.timezone import now
from django.views.decorators.http import require_http_methods
from oauthlib.oauth2 import AccessDeniedError, FatalClientError, OAuth2Error
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from growth.api.json import JSONParser
from growth.models import Member, OAuthClient
from growth.oauth.server import examine, exchange, grant
from growth.oauth.validator import read_scopes

_HUMP = re.compile(r"(?<=[a-z])([A-Z])")
_UNREADABLE = "The address of this page is not one that a program should send you to."
_STRANGER = "You are no member of the project that this program asks for."


class TokenView(APIView):
    """Gives tokens for a code, a refresh token, or a client's own secret.

    The fields come as a form or as JSON, in snake_case or camelCase; the client may say who it is
    by Basic, too.
    """

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    parser_classes = (FormParser, JSONParser)

    def post(self, request: Request) -> Response:
        pairs = [*_fields(request.data), *_basic(request)]
        headers, body, status = exchange(pairs, {}, at=now())
        return Response(_told(orjson.loads(body), status), status, headers=headers)


@require_http_methods(["GET", "POST"])
def consent(request: HttpRequest) -> HttpResponseBase:
    """Ask the member of the project who is signed in, and send the browser back with the answer."""
    if not (request.user.is_active and request.user.is_staff):
        return redirect_to_login(request.get_full_path(), reverse("admin:login"))
    try:
        address = _address(request)
        scopes, asked = examine(address, at=now())
        client = OAuthClient.objects.select_related("project").get(pk=asked["client_id"])
    except FatalClientError as error:
        return _refused(request, error.description or _UNREADABLE)
    except OAuth2Error as error:
        return _sent_to(error.in_uri(error.redirect_uri))
    except ValueError:
        return _refused(request, _UNREADABLE)
    members = Member.objects.in_project(client.project)
    if not members.filter(user=request.user).exists():
        return _refused(request, _STRANGER, 403)
    if request.method == "POST":
        return _decided(request, address, scopes, asked)
    response = render(request, "public/consent.html", {"client": client, "scopes": scopes})
    return _guarded(response, asked["redirect_uri"])


def _decided(
    request: HttpRequest, address: str, scopes: list[str], asked: dict[str, Any]
) -> HttpResponse:
    if request.POST.get("decision") != "allow":
        denied = AccessDeniedError(state=asked["state"])
        return _sent_to(denied.in_uri(asked["redirect_uri"]))
    return _sent_to(grant(address, scopes=scopes, user=request.user, at=now()))


def _address(request: HttpRequest) -> str:
    """Return path and query, with the scopes as we call them."""
    pairs = parse_qsl(request.META.get("QUERY_STRING", ""), keep_blank_values=True)
    read = [(name, read_scopes(text) if name == "scope" else text) for name, text in pairs]
    return f"{request.path}?{urlencode([(name, text) for name, text in read if text])}"


def _refused(request: HttpRequest, sentence: str, status: int = 400) -> HttpResponse:
    response = render(request, "public/consent.html", {"refusal": sentence}, status=status)
    return _guarded(response, "")


def _sent_to(uri: str) -> HttpResponse:
    return HttpResponse(status=302, headers={"Location": uri, "Cache-Control": "no-store"})


def _guarded(response: HttpResponse, redirect_uri: str) -> HttpResponse:
    """Let the form be sent to us, and on from us to the client, and the page be in no frame."""
    target = urlsplit(redirect_uri)
    onward = f" {target.scheme}://{target.netloc}" if target.netloc else ""
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'{onward}; "
        "frame-ancestors 'none'"
    )
    response.headers["Cache-Control"] = "no-store"
    # With none at all, browsers send the form from no origin, which is refused as a forgery.
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def _fields(data: Any) -> list[tuple[str, str]]:
    """Return the fields of the body in snake_case, without those that are empty."""
    if hasattr(data, "lists"):
        sent = [(name, text) for name, texts in data.lists() for text in texts]
    else:
        sent = list(data.items()) if isinstance(data, dict) else []
    named = [(_HUMP.sub(r"_\1", name).lower(), text) for name, text in sent]
    return [
        (name, read_scopes(text) if name == "scope" else text)
        for name, text in named
        if isinstance(text, str) and text
    ]


def _basic(request: Request) -> list[tuple[str, str]]:
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return []
    try:
        name, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except ValueError:
        return []
    return [("client_id", name), ("client_secret", secret)]


def _told(answer: dict[str, Any], status: int) -> dict[str, Any]:
    """Return the answer; a refusal is told in the words of OAuth and in GrowthHub's."""
    if status < 400:
        return answer
    sentence = answer.get("error_description") or answer["error"].replace("_", " ").capitalize()
    return answer | {"statusCode": status, "message": sentence, "error_description": sentence}
