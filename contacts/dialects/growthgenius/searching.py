"""What a search asks for: its parameters, in an address or a body, and the envelope of its page."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request

from contacts.dialects.growthgenius.base import number_in
from contacts.listing import conditions_of
from contacts.models.search import words_of
from growth.api.moments import parse_moment
from growth.errors import DomainError, Invalid, Violation
from growth.models import Project

PER_PAGE, MAX_PER_PAGE = 25, 200
MAX_PAGE = 1_000_000
MAX_WORDS = 20
MAX_STAGES = 200
LIMIT = 10_000
"""So many entries are counted; more are said to be partial."""

PAGED = ("page", "per_page", "q_keywords", "contact_stage_ids", "sort_by_field", "sort_ascending")
_TRUE, _FALSE = ("true", "1"), ("false", "0")


@dataclass(frozen=True)
class Search:
    """Which rows, in which order, and which page of them.

    ``since`` and ``until`` are of the last change; ``contact`` is the key of whom messages are of,
    or 0, which nobody is.
    """

    keywords: str | None
    words: list[str] | None
    stages: list[int] | None
    contact: int | None
    since: datetime | None
    until: datetime | None
    sort: str
    is_ascending: bool
    page: int
    per_page: int

    @property
    def start(self) -> int:
        """How many rows come before the page."""
        return (self.page - 1) * self.per_page


def sent_in(request: Request) -> dict[str, Any]:
    """Return the parameters of an address; one that is sent several times is a list."""
    sent: dict[str, Any] = {}
    for name, values in request.query_params.lists():
        bare = name.removesuffix("[]")
        is_list = bare != name or len(values) > 1
        sent[bare] = values if is_list else values[0]
    return sent


def read_search(
    sent: Mapping[str, Any], project: Project, sorts: Sequence[str], *, in_body: bool
) -> Search:
    """Return the search that the parameters describe; others are not looked at.

    :raises DomainError: with all that is wrong, as 422 if it stood in a body, else 400.
    """
    reader = _Reader(sent, project)
    search = Search(
        keywords=reader.read("q_keywords", _text, None),
        words=reader.read("q_keywords", _words, None),
        stages=reader.read("contact_stage_ids", _stages, None),
        contact=reader.read("contact_id", _contact, None),
        since=reader.moment("from"),
        until=reader.moment("to"),
        sort=reader.read("sort_by_field", lambda value: _one_of(value, sorts), sorts[0]),
        is_ascending=reader.read("sort_ascending", _flag, False),
        page=reader.read("page", lambda value: _whole(value, MAX_PAGE), 1),
        per_page=reader.read("per_page", _per_page, PER_PAGE),
    )
    if not reader.violations:
        return search
    if in_body:
        raise Invalid(*reader.violations)
    first = reader.violations[0]
    details = [each.as_dict() for each in reader.violations]
    raise DomainError(f"{first.field}: {first.message}", details=details)


def envelope(search: Search, total: int) -> dict[str, Any]:
    """Return what stands beside the rows of a page."""
    crumb = {
        "label": "Contains Keywords",
        "signal_field_name": "q_keywords",
        "value": search.keywords,
        "display_name": search.keywords,
    }
    return {
        "breadcrumbs": [crumb] if search.keywords else [],
        "partial_results_only": total > LIMIT,
        "disable_eu_prospecting": False,
        "partial_results_limit": LIMIT,
        "pagination": {
            "page": search.page,
            "per_page": search.per_page,
            "total_entries": min(total, LIMIT),
            "total_pages": math.ceil(min(total, LIMIT) / search.per_page),
        },
        "num_fetch_result": None,
    }


def worded(filtered: QuerySet) -> tuple[str, dict[str, Any]]:
    """Return the queryset's conditions as SQL that goes on with AND, and its parameters by name."""
    text, values = conditions_of(filtered)
    params = {f"word_{number}": value for number, value in enumerate(values)}
    return text % tuple(f"%({name})s" for name in params), params


class _Reader:
    """Reads parameters one by one, and notes what is wrong with each."""

    def __init__(self, sent: Mapping[str, Any], project: Project) -> None:
        self._sent, self._project = sent, project
        self.violations: list[Violation] = []

    def read(self, name: str, parse: Callable[[Any], Any], default: Any) -> Any:
        value = self._sent.get(name)
        if value is None or value == "":
            return default
        try:
            return parse(value)
        except ValueError as error:
            violation = Violation(name, "invalid", str(error))
            if violation not in self.violations:
                self.violations.append(violation)
            return default

    def moment(self, name: str) -> datetime | None:
        return self.read(name, self._moment, None)

    def _moment(self, value: Any) -> datetime:
        try:
            return parse_moment(value, self._project)
        except (ValueError, AttributeError):
            message = "Write a time as ISO 8601, such as 2026-02-23T10:00:00Z."
            raise ValueError(message) from None


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value or len(value) > 1000:
        raise ValueError("Send words in one text, terms parted by commas.")
    return value


def _words(value: Any) -> list[str]:
    words = words_of(_text(value))
    if len(words) > MAX_WORDS:
        raise ValueError(f"Send {MAX_WORDS} words at most.")
    return words


def _stages(value: Any) -> list[int]:
    """Return the keys of stages; what can be none is 0, which no stage has."""
    values = value if isinstance(value, list) else [value]
    parts = list(_parted(values))
    if len(parts) > MAX_STAGES or not all(isinstance(part, int | str) for part in parts):
        raise ValueError(f"Send a list of at most {MAX_STAGES} ids; /contact_stages has them.")
    return [number_in(part) or 0 for part in parts]


def _parted(values: list) -> Iterator[Any]:
    for value in values:
        yield from value.split(",") if isinstance(value, str) else [value]


def _contact(value: Any) -> int:
    return number_in(value, "cntct") or 0


def _one_of(value: Any, names: Sequence[str]) -> str:
    if value not in names:
        raise ValueError(f"Sort by one of {', '.join(names)}.")
    return value


def _flag(value: Any) -> bool:
    text = str(value).lower()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise ValueError("Send true or false.")


def _whole(value: Any, most: int) -> int:
    number = number_in(value)
    if number is None or number > most:
        raise ValueError(f"Send a whole number from 1 to {most}.")
    return number


def _per_page(value: Any) -> int:
    number = number_in(value)
    if number is None:
        raise ValueError(f"Send a whole number from 1 to {MAX_PER_PAGE}.")
    return min(number, MAX_PER_PAGE)
