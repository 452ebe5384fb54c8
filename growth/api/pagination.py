"""Keyset pages: as fast at the end of a list as at its start, and stable while rows come and go."""

import re
from typing import Any

from django.core import signing
from django.db.models import F, QuerySet
from django.db.models.fields.tuple_lookups import (
    Tuple,
    TupleGreaterThan,
    TupleLessThan,
)
from rest_framework.exceptions import ParseError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

DEFAULT_LIMIT = 25
MAX_LIMIT = 100

_LIMIT = re.compile(r"[0-9]{1,18}")


class KeysetPagination(BasePagination):
    """Pages a queryset by the view's ``keyset``: field names, all ascending or all with a minus.

    The last field is unique. The cursor is signed, and bound to the project, the route and the
    filters, so it fits no other list. How a page is read is the view's to say.
    """

    def paginate_queryset(self, queryset: QuerySet, request: Request, view: Any = None) -> list:
        self._names = [name.removeprefix("-") for name in view.keyset]
        self._binding = _binding(request)
        limit = read_limit(request)
        after = self._after(request)
        is_descending = view.keyset[0].startswith("-")

        def onward(found: QuerySet) -> QuerySet:
            """Return what comes after the cursor, in order."""
            if after is not None:
                lookup = TupleLessThan if is_descending else TupleGreaterThan
                fields = Tuple(*(F(name) for name in self._names))
                found = found.filter(lookup(fields, tuple(after)))
            return found.order_by(*view.keyset)

        rows = view.read(queryset, onward, limit + 1)
        self._has_more = len(rows) > limit
        self._page = rows[:limit]
        return self._page

    def get_paginated_response(self, data: list) -> Response:
        return Response(self.envelope(data))

    def envelope(self, data: list) -> dict[str, Any]:
        """Return the page as the API shows it."""
        return {"data": data, "has_more": self._has_more, "next_cursor": self._next_cursor()}

    def _next_cursor(self) -> str | None:
        if not self._has_more:
            return None
        last = self._page[-1]
        values = [_get(last, name) for name in self._names]
        written = [v.isoformat() if hasattr(v, "isoformat") else v for v in values]
        return signing.dumps(written, salt=self._binding)

    def _after(self, request: Request) -> list | None:
        cursor = request.query_params.get("cursor")
        if not cursor:
            return None
        try:
            values = signing.loads(cursor, salt=self._binding)
        except (signing.BadSignature, ValueError, UnicodeError):
            raise ParseError(
                "cursor: Take the next_cursor of the previous page, with the same filters."
            ) from None
        return values


def read_limit(request: Request) -> int:
    """Return how many items the caller wants on a page, 100 at most.

    :raises ParseError: if it is not a whole number above zero.
    """
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not _LIMIT.fullmatch(text) or int(text) < 1:
        raise ParseError("limit: Send a whole number from 1 to 100.")
    return min(int(text), MAX_LIMIT)


def _get(row: Any, name: str) -> Any:
    """Return the value by which the row has its place. A row that is a dict may hold it written
    out, as ``<name>_text``: times are dear to read, and only the last one of a page is needed.
    """
    if isinstance(row, dict):
        return row[name] if name in row else row[f"{name}_text"]
    for part in name.split("__"):
        row = getattr(row, part)
    return row


def _binding(request: Request) -> str:
    filters = sorted(
        (name, value)
        for name, values in request.query_params.lists()
        if name not in ("cursor", "limit")
        for value in values
    )
    return repr((request.auth.project_id, request.path.rstrip("/"), filters))
