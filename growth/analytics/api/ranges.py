"""The query parameters from and to."""

from datetime import date, datetime, timedelta

from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from contacts.api.filters import read_moment
from growth.analytics.grammar import read_range
from growth.analytics.periods import Range, first_moment
from growth.errors import Invalid


def read_bound(request: Request, name: str) -> datetime | None:
    """Return the moment that the parameter names; a day alone is all of it, also at the end.

    :raises ParseError: if it is none.
    """
    text = request.query_params.get(name)
    if text is None:
        return None
    project = request.auth.project
    if name == "to" and len(text) == len("2026-02-23"):
        try:
            return first_moment(date.fromisoformat(text) + timedelta(days=1), project.zone)
        except (ValueError, OverflowError):
            raise ParseError("to: Write a day as YYYY-MM-DD, such as 2026-02-23.") from None
    return read_moment(name, text, project)


def sent_range(request: Request) -> dict[str, str]:
    """Return the parameters from and to, as a question has them.

    :raises ParseError: if there are others.
    """
    for name in request.query_params:
        if name not in ("from", "to"):
            raise ParseError(f"{name}: There is no such parameter; there are from, to.")
    return {name: request.query_params[name] for name in request.query_params}


def read_span(request: Request, *, at: datetime) -> Range:
    """Return the days that the parameters from and to name; without them, the last thirty.

    :raises ParseError: if they name none, or there are other parameters.
    """
    try:
        return read_range(sent_range(request), request.auth.project, at=at)
    except Invalid as refusal:
        wrong = refusal.violations[0]
        raise ParseError(f"{wrong.field}: {wrong.message}") from None
