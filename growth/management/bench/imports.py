"""``manage.py import_events``."""

import random
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from django.db import connection, transaction
from django.utils.timezone import now

from contacts.models import partitions
from contacts.operations.event_files import Mapping
from contacts.operations.imports import FileImport
from growth.management.bench.measure import ROUNDS, Ratio, paced, ratio, rounds
from growth.models import Project
from growth.projects.operations import found_project

SIZES = {True: 20_000, False: 300_000}
PER_CUSTOMER = 3  # as in the history of a real shop
_KEYS = 10**9  # far from the keys that the database gives
_START = datetime(2026, 1, 1, tzinfo=UTC)
_MAPPING = Mapping(contact_id="customer", timestamp="at", event="purchase")


class Copies(NamedTuple):
    """So many events, and all that belongs to them, by the table and columns they are copied to."""

    events: int
    lines: dict[str, str]


def run(database_url: str, *, is_small: bool) -> Iterator[Ratio]:
    """Compare with a bare COPY of the same rows into the same tables with their indexes.

    The bare COPY finds its events and their customers, whom nobody knew before, written out, with
    keys and all; ours reads a file.
    """
    project = found_project("bench", at=now()).project
    partitions.ensure(_START, _START + timedelta(days=89))
    with tempfile.TemporaryDirectory() as folder:
        files, copies = _prepare(Path(folder), SIZES[is_small], project)
        contenders = {
            "ours": paced(lambda: _import(project, files.pop())),
            "bare": paced(lambda: _copy(copies.pop())),
        }
        results = rounds(contenders)
    yield Ratio("import: rows/s to a bare COPY", ratio(results, "ours", "bare"), at_least=0.5)


def _prepare(folder: Path, size: int, project: Project) -> tuple[list[Path], list[Copies]]:
    """Write a file and a COPY of the same size for each round, no two with the same customers."""
    chance = random.Random(5)
    files, copies = [], []
    for number in range(ROUNDS + 1):
        rows = [
            (
                number * size + n // PER_CUSTOMER,
                _START + timedelta(seconds=chance.randrange(90 * 86_400)),
                chance.randrange(1, 9),
                chance.randrange(10_000) / 100,
            )
            for n in range(size)
        ]
        files.append(_file(folder / f"events-{number}.csv", rows))
        copies.append(_lines(rows, project))
    return files, copies


def _file(path: Path, rows: list[tuple]) -> Path:
    lines = (f"{who},{at.isoformat()},{items},{amount}\n" for who, at, items, amount in rows)
    path.write_text("customer,at,items,amount\n" + "".join(lines))
    return path


def _lines(rows: list[tuple], project: Project) -> Copies:
    of, born = project.key, _START.isoformat()
    last = {_KEYS + who: at for who, at, _, _ in sorted(rows, key=itemgetter(1))}
    events = (
        f"{of}\t{_KEYS + who}\tpurchase\t"
        f'{{"items": {items}, "amount": {amount}}}\t{at.isoformat()}\t{at.isoformat()}\t0\n'
        for who, at, items, amount in rows
    )
    return Copies(
        len(rows),
        {
            "contacts_contact (project_id, id, email, email_key, phone, external_id, traits, tags,"
            " created_at, updated_at)": "".join(
                f"{of}\t{key}\t\t\t\tbare-{key}\t{{}}\t{{}}\t{born}\t{born}\n" for key in last
            ),
            "contacts_identity (project_id, contact_id, kind, value)": "".join(
                f"{of}\t{key}\texternal_id\tbare-{key}\n" for key in last
            ),
            "contacts_event (project_id, contact_id, name, properties, timestamp, received_at,"
            " hops)": "".join(events),
            "contacts_contactactivity (project_id, contact_id, last_activity_at)": "".join(
                f"{of}\t{key}\t{at.isoformat()}\n" for key, at in last.items()
            ),
        },
    )


def _import(project: Project, path: Path) -> int:
    running = FileImport(project, path, _MAPPING, shift_to_now=False, at=now())
    for _ in running.run(path.with_suffix(".rejected")):
        pass
    return running.record.rows_done


def _copy(copies: Copies) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        for target, lines in copies.lines.items():
            with cursor.copy(f"COPY {target} FROM STDIN") as copy:
                copy.write(lines)
    return copies.events
