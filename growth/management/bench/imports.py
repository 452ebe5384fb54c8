"""``manage.py import_events``."""

import random
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import connection
from django.utils.timezone import now

from contacts.models import partitions
from contacts.operations.event_files import Mapping
from contacts.operations.imports import FileImport
from growth.management.bench.measure import ROUNDS, Ratio, paced, ratio, rounds
from growth.models import Project
from growth.projects.operations import found_project

SIZES = {True: 20_000, False: 300_000}
PER_CUSTOMER = 3  # as in the history of a real shop
_START = datetime(2026, 1, 1, tzinfo=UTC)
_MAPPING = Mapping(contact_id="customer", timestamp="at", event="purchase")


def run(database_url: str, *, is_small: bool) -> Iterator[Ratio]:
    """Compare with a bare COPY of the same rows into the same table with its indexes.

    The bare COPY knows the contacts and finds their events written out; ours reads a file, and
    makes its customers.
    """
    project = found_project("bench").project
    partitions.ensure(_START, _START + timedelta(days=89))
    with tempfile.TemporaryDirectory() as folder:
        files, copies = _prepare(Path(folder), SIZES[is_small], project)
        contenders = {
            "ours": paced(lambda: _import(project, files.pop())),
            "bare": paced(lambda: _copy(copies.pop())),
        }
        results = rounds(contenders)
    yield Ratio("import: rows/s to a bare COPY", ratio(results, "ours", "bare"), at_least=0.5)


def _prepare(folder: Path, size: int, project: Project) -> tuple[list[Path], list[list[str]]]:
    """Write a file and a COPY of the same size for each round, no two with the same customers."""
    chance = random.Random(5)
    files, copies = [], []
    for number in range(ROUNDS + 1):
        rows = [
            (
                (number * size + n) // PER_CUSTOMER,
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


def _lines(rows: list[tuple], project: Project) -> list[str]:
    return [
        f"{project.key}\t{10**9 + who}\tpurchase\t"
        f'{{"items": {items}, "amount": {amount}}}\t{at.isoformat()}\t{at.isoformat()}\t0\n'
        for who, at, items, amount in rows
    ]


def _import(project: Project, path: Path) -> int:
    running = FileImport(project, path, _MAPPING, shift_to_now=False, at=now())
    for _ in running.run(path.with_suffix(".rejected")):
        pass
    return running.record.rows_done


def _copy(lines: list[str]) -> int:
    command = (
        "COPY contacts_event (project_id, contact_id, name, properties, timestamp, received_at,"
        " hops) FROM STDIN"
    )
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        copy.write("".join(lines))
    return len(lines)
