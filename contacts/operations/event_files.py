"""Files of events: CSV or NDJSON, plain or gzipped, read a row at a time."""

import csv
import gzip
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson
from rest_framework.exceptions import ParseError

from contacts.models.addresses import AddressError
from contacts.models.identity import names_nobody
from contacts.operations.people import Sighting
from contacts.operations.traits import MAX_IDENTIFIER, make_sighting
from growth.api.json import load
from growth.errors import DomainError, Invalid

_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?")
_PLACE = re.compile(r"\{([^{}]+)\}")
_MAX_NAME = 256
EARLIEST, LATEST = 1970, 2100  # years; each month of events is a table

csv.field_size_limit(1024 * 1024)


class Rejected(ValueError):
    """A row that cannot be stored, and why."""


@dataclass(frozen=True)
class Mapping:
    """Which column says what. Texts with {column} in them are filled in from the row.

    ``event`` is a column, or else the name of every event. ``properties`` None means all columns
    that say nothing else.
    """

    contact_id: str
    timestamp: str
    event: str
    properties: tuple[str, ...] | None = None
    traits: tuple[tuple[str, str], ...] = ()

    def bind(self, columns: list[str], zone: tzinfo) -> "Reader":
        """Return a reader for rows of these columns.

        :raises DomainError: if a column is named that the file does not have.
        """
        used = [self.contact_id, self.timestamp, *(text for _, text in self.traits)]
        wanted = {name for text in used for name in _PLACE.findall(text) or [text]}
        wanted -= {text for _, text in self.traits if not _PLACE.search(text)}
        wanted |= set(self.properties or ()) | set(_PLACE.findall(self.event))
        if missing := sorted(wanted - set(columns)):
            raise DomainError(
                f"The file has no column {missing[0]}; its columns are {', '.join(columns)}."
            )
        said = {self.contact_id, self.timestamp, self.event}
        rest = tuple(name for name in columns if name not in said)
        return Reader(self, self.properties if self.properties is not None else rest, zone, columns)


class EventRow(NamedTuple):
    """What one row says."""

    contact_id: str
    timestamp: datetime
    name: str
    properties: str


class Reader:
    """Reads rows by a mapping."""

    def __init__(
        self, mapping: Mapping, properties: tuple[str, ...], zone: tzinfo, columns: list[str]
    ) -> None:
        self._contact_id = _filler(mapping.contact_id, columns)
        self._timestamp = mapping.timestamp
        self._event = _filler(mapping.event, columns)
        self._properties = properties
        self._traits = [
            (name, _filler(text, columns, literal=True)) for name, text in mapping.traits
        ]
        self._zone = zone

    def time(self, row: dict[str, Any]) -> datetime:
        """Return the row's timestamp; without a zone it is in the project's.

        :raises Rejected: if it is no time.
        """
        try:
            time = datetime.fromisoformat(row[self._timestamp])
        except (TypeError, ValueError, KeyError):
            raise Rejected(f"{self._timestamp}: not an ISO 8601 time") from None
        time = time if time.tzinfo else time.replace(tzinfo=self._zone)
        if not EARLIEST <= time.year <= LATEST:
            raise Rejected(f"{self._timestamp}: not between {EARLIEST} and {LATEST}")
        return time

    def read(self, row: dict[str, Any], shift: timedelta) -> EventRow:
        """Return what the row says, its day moved by the shift.

        :raises Rejected: if it cannot be stored.
        """
        if None in row:
            fault = row[None]
            raise Rejected(fault if isinstance(fault, str) else "more cells than columns")
        contact_id = self._contact_id(row)
        if not 0 < len(contact_id) <= MAX_IDENTIFIER:
            raise Rejected(f"contact id: not 1 to {MAX_IDENTIFIER} characters")
        if names_nobody(contact_id):
            raise Rejected("contact id: no person's own")
        name = self._event(row)
        if not 0 < len(name) <= _MAX_NAME or name.startswith("$"):
            raise Rejected(f"event: not 1 to {_MAX_NAME} characters, or a name of the system")
        time = self.time(row)
        if shift:  # In the project's zone a day stays a day, also where its clocks were changed.
            time = time.astimezone(self._zone) + shift
        packed = self._pack(row, contact_id + name)
        return EventRow(contact_id, time.astimezone(UTC), name, packed)

    def _pack(self, row: dict[str, Any], texts: str) -> str:
        try:
            packed = orjson.dumps({column: _typed(row.get(column)) for column in self._properties})
            texts.encode()
        except (TypeError, UnicodeEncodeError):
            raise Rejected("not UTF-8") from None
        if b"\\u0000" in packed or "\0" in texts:
            raise Rejected("a NUL character")
        return packed.decode()

    def sighting(self, contact_id: str, row: dict[str, Any]) -> Sighting:
        """Return what the row says of the person.

        :raises Rejected: if its email is none.
        """
        traits = {name: fill(row) for name, fill in self._traits}
        try:
            return make_sighting(
                external_id=contact_id,
                email=traits.pop("email", ""),
                phone=traits.pop("phone", ""),
                traits={name: _typed(text) for name, text in traits.items()},
            )
        except AddressError:
            raise Rejected("email: not a mail address") from None


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of the file; its first line is a JSON object, or names the columns."""
    with _open(path) as file:
        first = file.readline()
        file.seek(0)
        if first.lstrip().startswith("{"):
            for line in file:
                yield _object(line)
        else:
            yield from _records(csv.reader(file))


def _records(lines: Iterator[list[str]]) -> Iterator[dict[str, Any]]:
    """Yield what csv.DictReader yields, in half its time."""
    columns = next(lines, [])
    for cells in lines:
        if len(cells) == len(columns):
            yield dict(zip(columns, cells, strict=True))
        elif cells:
            row: dict[str | None, Any] = dict.fromkeys(columns)
            row |= zip(columns, cells, strict=False)
            if len(cells) > len(columns):
                row[None] = cells[len(columns) :]
            yield row


def digest(path: Path) -> str:
    """Return the SHA-256 of the file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _open(path: Path) -> IO[str]:
    with path.open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
    opener: Callable[..., Any] = gzip.open if is_gzip else open
    return opener(path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="")


def _object(line: str) -> dict[Any, Any]:
    """Return the JSON object of the line; of a line that is none, its fault under None."""
    try:
        data = load(line.encode())
    except (ParseError, UnicodeEncodeError):
        return {None: "not JSON"}
    except Invalid as error:
        return {None: error.message}
    return data if isinstance(data, dict) else {None: "not a JSON object"}


def _filler(
    text: str, columns: list[str], *, literal: bool = False
) -> Callable[[dict[str, Any]], str]:
    """Return what fills the text from a row: a template, a column, or the same text always."""
    if _PLACE.search(text):
        return lambda row: _PLACE.sub(lambda match: _text(row.get(match[1])), text)
    if text in columns and not literal:
        return lambda row: _text(row.get(text))
    return lambda row: text


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _typed(value: Any) -> Any:
    """Return what a CSV cell means: a number if it is written as one, else the text."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    return value
