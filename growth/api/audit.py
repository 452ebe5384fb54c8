"""The audit log: every call of the management API that changed something."""

from typing import Any

import orjson
from django.db import connection
from django.http.response import HttpResponseBase
from django.utils.timezone import now
from rest_framework.request import Request

from growth.api.idempotency import Handler
from growth.api.json import dump
from growth.transactions import atomic_with_retries

_SECRETS = ("key", "secret")
_UNTOLD = ("updated_at", "warnings")


def audited(view: Any, handler: Handler) -> Handler:
    """Return the handler, with an entry in the log for what it changes, in one transaction.

    What the view shows of the thing before and after is compared. Of people only the names of the
    fields are noted (``view.is_about_people``): what is known of them is kept in one place.
    """

    @atomic_with_retries
    def handle(request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        before = _shown(view, request, kwargs.get("pk"))
        response = handler(request, *args, **kwargs)
        if response.status_code < 300:
            _note(view, request, before, _after(response))
        return response

    return handle


def _shown(view: Any, request: Request, pk: str | None) -> dict[str, Any]:
    names_a_thing = pk or view.is_single
    if view.is_about_people or not names_a_thing or not hasattr(view, "retrieve"):
        return {}
    shown = view.retrieve(request, pk) if pk else view.retrieve(request)
    return _plain(shown.data)


def _after(response: HttpResponseBase) -> dict[str, Any]:
    data = _plain(getattr(response, "data", None) or {})
    return data if isinstance(data, dict) else {}


def _note(view: Any, request: Request, before: dict, after: dict) -> None:
    if view.is_about_people:
        sent = request.data if isinstance(request.data, dict) else {}
        before, after = {}, {"fields": sorted(sent)}
    else:
        changed = [
            name
            for name in before.keys() | after.keys()
            if before.get(name) != after.get(name) and name not in _UNTOLD
        ]
        before, after = _only(before, changed), _only(after, changed)
    with connection.prepared_cursor() as cursor:  # Every change writes one.
        cursor.execute(
            """
            INSERT INTO growth_auditentry
                   (project_id, at, request_id, api_key_id, method, path, before, after)
            VALUES (%s::bigint, %s::timestamptz, %s, %s::bigint, %s, %s, %s::jsonb, %s::jsonb)
            """,
            [
                request.auth.project_key,
                now(),
                request._request.request_id,
                request.auth.key,
                request.method,
                request.path[:500],
                dump(before).decode(),
                dump(after).decode(),
            ],
        )


def _only(shown: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {
        name: "…" if name in _SECRETS else shown[name] for name in sorted(names) if name in shown
    }


def _plain(data: Any) -> Any:
    """Return the data as its JSON says it."""
    return orjson.loads(dump(data))
