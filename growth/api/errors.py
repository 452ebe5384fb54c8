"""One shape for every error: ``{"error": {"code", "message", "details"}, "request_id"}``."""

import math
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import structlog
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from psycopg_pool import PoolTimeout
from rest_framework import exceptions
from rest_framework.response import Response

from growth.api.json import dump
from growth.errors import DomainError, Violation
from growth.transactions import RaceLost

STATUS = {
    "bad_request": 400,
    "unauthenticated": 401,
    "insufficient_scope": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "gone": 410,
    "payload_too_large": 413,
    "unsupported_media_type": 415,
    "validation_error": 422,
    "rate_limited": 429,
    "internal": 500,
    "unavailable": 503,
}
_API_PATHS = ("/v1/", "/integrations/")
_UNAVAILABLE = "The service cannot reach its database for the moment; try again in a few seconds."
_BUSY = "Too many are changing the same things at this moment; try again in a second."

log = structlog.get_logger(__name__)


Dialect = Callable[[HttpRequest, str, str, list[dict]], tuple[int, dict]]
"""Returns status and body of an error, given its code, its sentence and its details."""

_dialects: dict[str, Dialect] = {}


def speak(prefix: str, dialect: Dialect) -> None:
    """Let every error below a path be told in a dialect, from wherever it comes."""
    _dialects[prefix] = dialect


class InsufficientScope(exceptions.PermissionDenied):
    """The key is good, and lacks the scope that the route needs."""

    def __init__(self, required: str, granted: list[str]) -> None:
        super().__init__(f"This key lacks the scope {required}; use a key that has it.")
        self.details = [{"required_scope": required, "granted_scopes": granted}]


def body(code: str, message: str, request: HttpRequest, details: list[dict] | None = None) -> dict:
    """Return the error as the API shows it."""
    error = {"code": code, "message": message, "details": details or []}
    return {"error": error, "request_id": request.request_id}


def _answer(
    request: HttpRequest, code: str, message: str, details: list[dict] | None
) -> tuple[int, dict]:
    for prefix, dialect in _dialects.items():
        if request.path.startswith(prefix):
            return dialect(request, code, message, details or [])
    return STATUS[code], body(code, message, request, details)


def refused(index: int, refusal: DomainError) -> dict[str, Any]:
    """Return the verdict on one item of a batch that cannot be stored."""
    error = {"code": refusal.code, "message": refusal.message, "details": refusal.details}
    status = STATUS[refusal.code]
    return {"index": index, "status": status, "success": False, "error": error}


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the answer to an exception raised in an API view, or None if it is a fault of ours."""
    request = context["request"]._request
    match error:
        case DomainError():
            return _response(request, error.code, error.message, error.details)
        case exceptions.ValidationError():
            details = [each.as_dict() for each in violations(error.detail)]
            return _response(request, "validation_error", _summary(details), details)
        case RequestDataTooBig():
            return _response(request, "payload_too_large", "The body is over 1 MB.")
        case Http404():
            return _response(request, "not_found", "There is no such thing in this project.")
        case PermissionDenied() | SuspiciousOperation():
            return _response(request, "bad_request", "This request is not allowed.")
        case RaceLost():
            log.exception("race_lost")
            return _response(request, "unavailable", _BUSY, headers={"Retry-After": "1"})
        case OperationalError() | InterfaceError() | PoolTimeout():
            log.exception("database_unavailable")
            return _response(request, "unavailable", _UNAVAILABLE, headers={"Retry-After": "5"})
        case exceptions.APIException():
            return _of_rest_framework(request, error)
    return None


def violations(detail: Any, path: str = "") -> Iterator[Violation]:
    """Flatten the errors of a serializer into one violation for each message."""
    if isinstance(detail, dict):
        for key, inner in detail.items():
            own = path if key == "non_field_errors" else _join(path, key)
            yield from violations(inner, own)
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            is_item = isinstance(inner, dict | list)
            yield from violations(inner, f"{path}[{index}]" if is_item else path)
    else:
        yield Violation(path, getattr(detail, "code", "invalid"), str(detail))


def _join(path: str, key: object) -> str:
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else str(key)


def _summary(details: list[dict]) -> str:
    first = details[0]
    return f"{first['field']}: {first['message']}" if first["field"] else first["message"]


def _of_rest_framework(request: HttpRequest, error: exceptions.APIException) -> Response:
    codes = {status: code for code, status in STATUS.items()}
    code = codes.get(error.status_code, "bad_request")
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(max(1, math.ceil(error.wait)))
    message = _sentence(str(error.detail))
    return _response(request, code, message, getattr(error, "details", None), headers)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _response(
    request: HttpRequest,
    code: str,
    message: str,
    details: list[dict] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    status, data = _answer(request, code, message, details)
    return Response(data, status, headers=headers)


class ErrorMiddleware:
    """Numbers each request, and puts errors raised outside the API views into the same shape."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.request_id = f"req_{secrets.token_hex(12)}"
        response = self.get_response(request)
        response.headers["X-Request-Id"] = request.request_id
        return response


def _handler(code: str, message: str) -> Callable[..., HttpResponse]:
    def answer(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
        if isinstance(exception, RequestDataTooBig):
            return _plain(request, "payload_too_large", "The body is over 1 MB.")
        return _plain(request, code, message)

    return answer


def _plain(request: HttpRequest, code: str, message: str) -> HttpResponse:
    if not hasattr(request, "request_id"):
        request.request_id = f"req_{secrets.token_hex(12)}"
    status, data = _answer(request, code, message, None)
    if not request.path.startswith((*_API_PATHS, *_dialects)):
        return HttpResponse(f"{message}\n", status=status, content_type="text/plain; charset=utf-8")
    return HttpResponse(dump(data), status=status, content_type="application/json")


handler400 = _handler("bad_request", "The server could not read this request.")
handler403 = _handler("insufficient_scope", "This request is not allowed.")
handler404 = _handler("not_found", "There is nothing at this address.")
handler500 = _handler("internal", "Something went wrong here; it has been logged under this id.")
