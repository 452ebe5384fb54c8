"""``Idempotency-Key``: a request that is sent again is answered again, and done once.

The answer is stored in the transaction of the work, so there is never one without the other. Of two
requests at the same time, one holds an advisory lock and the other is told to wait. A request that
was refused did nothing and leaves nothing: sent again, it is looked at again.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime

from django.db import connection
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.timezone import now
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from growth.api.json import dump
from growth.errors import Conflict, Invalid, Violation
from growth.models import IdempotencyKey
from growth.models.idempotency import KEEP
from growth.transactions import atomic_with_retries

HEADER = "Idempotency-Key"
MAX_LENGTH = 255
METHODS = ("POST", "PATCH")

Handler = Callable[..., HttpResponseBase]


def answered_once(handler: Handler, *, keeps_answer: bool = True) -> Handler:
    """Return the handler, heeding the key that the request bears.

    :param keeps_answer: False if the answer holds a secret that is shown once. Then a repeated
        request is refused, and still not done again.
    """

    def handle(request: Request, *args: object, **kwargs: object) -> HttpResponseBase:
        key = _read_key(request)
        if key is None:
            return handler(request, *args, **kwargs)
        return _once(request, key, lambda: handler(request, *args, **kwargs), keeps_answer)

    return handle


@atomic_with_retries
def _once(
    request: Request, key: str, work: Callable[[], HttpResponseBase], keeps_answer: bool
) -> HttpResponseBase:
    at, route = now(), f"{request.method} {request.path.rstrip('/')}"
    _hold(request.auth.project_id, route, key)
    fingerprint = _fingerprint(request)
    kept = _find(request, route, key, at)
    if kept is None:
        response = work()
        if response.status_code < 300:
            _keep(request, route, key, fingerprint, response, keeps_answer, at)
        return response
    if bytes(kept.fingerprint) != fingerprint:
        message = "This key was sent with another request; use a new one for each request."
        raise Invalid(Violation(HEADER, "reused", message))
    if not kept.answer and kept.status != 204:
        raise Conflict("This was done already, and its answer held a secret that is shown once.")
    return HttpResponse(
        bytes(kept.answer),
        status=kept.status,
        content_type="application/json",
        headers={"Idempotent-Replayed": "true"},
    )


def _read_key(request: Request) -> str | None:
    text = request.headers.get(HEADER) if request.method in METHODS else None
    if text is None:
        return None
    key = text.strip().removeprefix('"').removesuffix('"')
    if not 0 < len(key) <= MAX_LENGTH or not key.isprintable():
        raise ParseError(f"{HEADER}: Send 1 to {MAX_LENGTH} printable characters.")
    return key


def _hold(project_id: str, route: str, key: str) -> None:
    """Keep others with the same key out until the end of the transaction.

    :raises Conflict: if another holds it now.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"{project_id} {route} {key}"],
        )
        if not cursor.fetchone()[0]:
            raise Conflict("A request with this Idempotency-Key is running; try again in a second.")


def _find(request: Request, route: str, key: str, at: datetime) -> IdempotencyKey | None:
    keys = IdempotencyKey.objects.in_project(request.auth.project_id)
    return keys.filter(route=route, key=key, created_at__gt=at - KEEP).first()


def _keep(
    request: Request,
    route: str,
    key: str,
    fingerprint: bytes,
    response: HttpResponseBase,
    keeps_answer: bool,
    at: datetime,
) -> None:
    data = getattr(response, "data", None)
    IdempotencyKey.objects.update_or_create(  # An answer of yesterday is forgotten.
        project_id=request.auth.project_id,
        route=route,
        key=key,
        defaults={
            "fingerprint": fingerprint,
            "status": response.status_code,
            "answer": dump(data) if keeps_answer and data is not None else b"",
            "created_at": at,
        },
    )


def _fingerprint(request: Request) -> bytes:
    query = request.META.get("QUERY_STRING", "").encode()
    return hashlib.sha256(query + b"\0" + request._request.body).digest()
