"""Keyset pages: as fast at the end of a list as at its start, and stable while rows come and go."""

import re
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from django.core.signing import BadSignature, Signer
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

Fetch = Callable[[list | None, int], list]
"""Returns so many rows, from the first one on, or from the one after those values of the keyset."""

_LIMIT = re.compile(r"[0-9]{1,18}")


class KeysetPagination(BasePagination):
    """Pages a queryset by the view's ``keyset``: field names, all ascending or all with a minus.

    The last field is unique. The cursor is signed, and bound to the project, the route and the
    filters, so it fits no other list.
    """

    def paginate_queryset(self, queryset: QuerySet, request: Request, view: Any = None) -> list:
        def fetch(after: list | None, count: int) -> list:
            found = queryset
            if after is not None:
                lookup = TupleLessThan if view.keyset[0].startswith("-") else TupleGreaterThan
                fields = Tuple(*(F(name.removeprefix("-")) for name in view.keyset))
                found = queryset.filter(lookup(fields, tuple(after)))
            return list(found.order_by(*view.keyset)[:count])

        return self.paginate(fetch, request, view.keyset)

    def paginate(self, fetch: Fetch, request: Request, keyset: tuple[str, ...]) -> list:
        """Return the rows of the page that ``fetch`` finds."""
        self._names = [name.removeprefix("-") for name in keyset]
        self._binding = _binding(request)
        limit = read_limit(request)
        rows = fetch(self._after(request), limit + 1)
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
        values = _place(self._page[-1], self._names)
        written = [v.isoformat() if hasattr(v, "isoformat") else v for v in values]
        return Signer(salt=self._binding).sign_object(written)

    def _after(self, request: Request) -> list | None:
        cursor = request.query_params.get("cursor")
        if not cursor:
            return None
        try:
            values = Signer(salt=self._binding).unsign_object(cursor)
        except (BadSignature, ValueError, UnicodeError):
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


def _place(row: Any, names: list[str]) -> list[Any]:
    """Return the values by which the row has its place; a plain tuple starts with them."""
    if type(row) is tuple:  # One with names tells by those.
        return list(row[: len(names)])
    if isinstance(row, dict):
        return [row[name] for name in names]
    return [attrgetter(name.replace("__", "."))(row) for name in names]


def _binding(request: Request) -> str:
    filters = sorted(
        (name, value)
        for name, values in request.query_params.lists()
        if name not in ("cursor", "limit")
        for value in values
    )
    return repr((request.auth.project_id, request.path.rstrip("/"), filters))
