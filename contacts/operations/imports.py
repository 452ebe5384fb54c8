"""Imports: the history of a whole project from a file, by COPY, in chunks that commit one by one.

Safe to kill and to run again: what is done is known by the number of rows, which moves in each
chunk's transaction. Nobody is told of imported events; segments know them.
"""

import csv
import gc
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from django.db import connection
from django.utils.timezone import now

from contacts.models import Event, ImportedFile, partitions
from contacts.models.event import Changes, announce
from contacts.operations import event_files
from contacts.operations.contacts import Identified, identify
from contacts.operations.event_files import EventRow, Mapping, Reader, Rejected
from contacts.operations.people import Sighting
from growth.errors import Conflict, DomainError
from growth.models import Project
from growth.transactions import atomic_with_retries

CHUNK = 20_000

_UNKEPT = "the event is stored, and nothing else that the row says of its contact: {}"


@dataclass(frozen=True)
class Survey:
    """What a first reading of the file tells: how many rows, and between which times."""

    columns: list[str]
    rows: int
    first: datetime
    last: datetime


@dataclass
class Chunk:
    """Rows that are stored together, and those of them that cannot be.

    ``places`` are the rows that say who contacts are. ``unkept`` is what cannot be kept of those
    whose events are stored.
    """

    start: int
    size: int = 0
    events: list[EventRow] = field(default_factory=list)
    sightings: dict[str, Sighting] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    rejected: list[tuple[int, str]] = field(default_factory=list)
    unkept: dict[int, str] = field(default_factory=dict)


class FileImport:
    """One file on its way into a project."""

    def __init__(
        self, project: Project, path: Path, mapping: Mapping, *, shift_to_now: bool, at: datetime
    ) -> None:
        self.project, self.path, self.at = project, path, at
        self.survey = _survey(path, mapping, project)
        self.reader = mapping.bind(self.survey.columns, project.zone)
        self.unkept = 0
        self.record = self._record(mapping, shift_to_now)
        self.shift = timedelta(days=self.record.shift_days)
        self._contacts: dict[str, int] = {}

    def run(self, rejects: Path) -> Iterator[int]:
        """Store what is not stored yet; yield the number of rows done after each chunk."""
        partitions.ensure(self.survey.first + self.shift, self.survey.last + self.shift)
        _forget_rejects(rejects, after=self.record.rows_done)
        with _rare_collections():
            for chunk in _ahead(self._chunks()):
                _note_rejects(rejects, chunk.rejected)  # Before the commit: none may be lost.
                self._store(chunk, rejects)
                yield self.record.rows_done
        if self.record.finished_at is None:
            _analyze()
            self.record.finished_at = now()
            self.record.save(update_fields=["finished_at"])

    def _chunks(self) -> Iterator[Chunk]:
        start = self.record.rows_done
        rows = islice(event_files.rows(self.path), start, None)
        seen: set[str] = set()
        while batch := list(islice(rows, CHUNK)):
            yield self._read(batch, start, seen)
            start += len(batch)

    def _record(self, mapping: Mapping, shift_to_now: bool) -> ImportedFile:
        options = asdict(mapping) | {"shift_to_now": shift_to_now}
        options |= {"traits": [list(pair) for pair in mapping.traits]}
        options["properties"] = list(mapping.properties) if mapping.properties else None
        last_day = self.survey.last.astimezone(self.project.zone).date()
        yesterday = self.at.astimezone(self.project.zone).date() - timedelta(days=1)
        record, _ = ImportedFile.objects.get_or_create(
            project=self.project,
            digest=event_files.digest(self.path),
            defaults={
                "name": self.path.name,
                "options": options,
                "shift_days": (yesterday - last_day).days if shift_to_now else 0,
            },
        )
        if record.options != options:
            raise Conflict(
                f"This file was imported as {record.name} with other options; its rows would be "
                "stored twice. Use the same options to go on with that import."
            )
        return record

    def _read(self, batch: list[dict[str, Any]], start: int, seen: set[str]) -> Chunk:
        chunk = Chunk(start=start, size=len(batch))
        for place, row in enumerate(batch, chunk.start + 1):
            try:
                event = self.reader.read(row, self.shift)
                if event.timestamp > self.at:
                    raise Rejected("the time is in the future")
                if event.contact_id not in seen:
                    chunk.sightings[event.contact_id] = self.reader.sighting(event.contact_id, row)
                    chunk.places[event.contact_id] = place
                    seen.add(event.contact_id)
                chunk.events.append(event)
            except Rejected as reason:
                chunk.rejected.append((place, str(reason)))
        return chunk

    def _store(self, chunk: Chunk, rejects: Path) -> None:
        self._contacts |= _store_chunk(self, chunk, rejects)
        self.unkept += len(chunk.unkept)
        self.record.rows_done += chunk.size
        self.record.rows_rejected += len(chunk.rejected)


@atomic_with_retries
def _store_chunk(file: FileImport, chunk: Chunk, rejects: Path) -> dict[str, int]:
    """Store the chunk and move the record on; return the contacts that are new to this run."""
    _commit_soon()
    moved = ImportedFile.objects.filter(pk=file.record.pk, rows_done=chunk.start).update(
        rows_done=chunk.start + chunk.size,
        rows_rejected=file.record.rows_rejected + len(chunk.rejected),
    )
    if not moved:
        raise Conflict("Another import of this file is running; wait for it, or end it.")
    identified = identify(file.project, list(chunk.sightings.values()), at=file.at, is_quiet=True)
    found = dict(zip(chunk.sightings, identified.contacts, strict=True))
    _note_unkept(rejects, chunk, identified)
    contacts = file._contacts | found
    told = [(contacts[event.contact_id], event) for event in chunk.events]
    Event.objects.copy(
        file.project,
        ((contact, event.name, event.properties, event.timestamp) for contact, event in told),
        at=file.at,
    )
    _note_activity(file.project, ((contact, event.timestamp) for contact, event in told))
    changes = _changes(told, identified.changes)
    announce(file.project, changes=changes, is_quiet=True, at=file.at)
    return found


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Let the garbage collector look seldom: rows are no cycles, and to look at them by the ten
    thousand takes a quarter of the time.
    """
    usual = gc.get_threshold()
    gc.set_threshold(1_000_000)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _ahead(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Yield the chunks, and read the next one while the database stores the last."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, chunks, None)
        while chunk := coming.result():
            coming = thread.submit(next, chunks, None)
            yield chunk


def _note_activity(project: Project, told: Iterable[tuple[int, datetime]]) -> None:
    """Remember for each contact when it last did something, if that is later than was known."""
    latest: dict[int, datetime] = {}
    for contact, time in told:
        latest[contact] = max(time, latest.get(contact, time))
    if not latest:
        return
    rows = [{"contact_id": contact, "at": latest[contact]} for contact in sorted(latest)]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO contacts_contactactivity AS activity
                   (project_id, contact_id, last_activity_at)
            SELECT %s, * FROM jsonb_to_recordset(%s) AS row (contact_id bigint, at timestamptz)
            ON CONFLICT (contact_id) DO UPDATE SET last_activity_at = excluded.last_activity_at
             WHERE coalesce(activity.last_activity_at < excluded.last_activity_at, true)
            """,
            [project.key, orjson.dumps(rows).decode()],
        )


def _commit_soon() -> None:
    """Let this transaction not wait for the disk: a crash of the server would lose the rows with
    the record of them, and the next run stores both. The record's last change waits for all.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit TO off")


def _changes(told: Iterable[tuple[int, EventRow]], changes: Changes) -> Changes:
    together = {what: set(who) for what, who in changes.items()}
    for contact, event in told:
        together.setdefault(f"events.{event.name}", set()).add(contact)
    return {what: sorted(who) for what, who in together.items()}


def _survey(path: Path, mapping: Mapping, project: Project) -> Survey:
    columns: list[str] = []
    first, last, count = None, None, 0
    reader: Reader | None = None
    for row in event_files.rows(path):
        count += 1
        if reader is None:
            columns = list(row)
            reader = mapping.bind(columns, project.zone)
        try:
            time = reader.time(row)
        except Rejected:
            continue
        first = time if first is None or time < first else first
        last = time if last is None or time > last else last
    if first is None or last is None:
        raise DomainError("The file has no row with a timestamp; check --timestamp.")
    return Survey(columns, count, first.astimezone(UTC), last.astimezone(UTC))


def _analyze() -> None:
    """Tell the planner of so many new rows at once; autovacuum would let it guess for a minute."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE contacts_contact, contacts_identity, contacts_event")


def _note_rejects(path: Path, rejected: list[tuple[int, str]]) -> None:
    if not rejected:
        return
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(["row", "reason"])
        writer.writerows(rejected)


def _note_unkept(rejects: Path, chunk: Chunk, identified: Identified) -> None:
    """Note what could not be kept of contacts: once, though the chunk may be tried again."""
    told = {
        place: "; ".join(violation.message for violation in outcome.violations)
        for place, outcome in zip(chunk.places.values(), identified.outcomes, strict=True)
        if outcome.violations and place not in chunk.unkept
    }
    chunk.unkept |= told
    _note_rejects(rejects, [(place, _UNKEPT.format(why)) for place, why in told.items()])


def _forget_rejects(path: Path, *, after: int) -> None:
    """Take out what a killed run noted of rows that it did not commit."""
    if not path.exists():
        return
    with path.open(newline="") as file:
        head, *noted = list(csv.reader(file)) or [["row", "reason"]]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *(each for each in noted if int(each[0]) <= after)])
