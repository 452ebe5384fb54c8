"""The same question asked of DuckDB, where it is installed: what an engine for analytics needs."""

from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.db import connection

from growth.models import Project

_CONTACTS = """
    COPY (SELECT id, traits->>'plan' AS plan, (traits->>'signed_up_at')::timestamptz AS signed_up_at
            FROM contacts_contact WHERE project_id = {}) TO STDOUT (FORMAT csv, HEADER)
"""
_EVENTS = """
    COPY (SELECT contact_id, name, timestamp AS time FROM contacts_event
           WHERE project_id = {}) TO STDOUT (FORMAT csv, HEADER)
"""
_COUNT = """
    SELECT count(*) FROM contacts WHERE plan IN ({plans}) AND signed_up_at >= ? AND id IN (
           SELECT contact_id FROM events WHERE name = ? AND time > ? AND time <= ?
            GROUP BY contact_id HAVING count(*) >= ?)
"""


def is_installed() -> bool:
    """Tell whether DuckDB can be asked."""
    return find_spec("duckdb") is not None


class Duck:
    """DuckDB with the contacts and events of a project, in columns of their own types."""

    def __init__(self, project: Project) -> None:
        self._duck: Any = import_module("duckdb").connect()
        with TemporaryDirectory() as folder:
            for table, statement in (("contacts", _CONTACTS), ("events", _EVENTS)):
                file = Path(folder) / f"{table}.csv"
                _export(statement.format(project.key), file)
                self._duck.execute(f"CREATE TABLE {table} AS FROM read_csv('{file}')")

    def ask(self, statement: str, values: list[Any]) -> list[tuple]:
        """Return what the statement selects of ``contacts`` and ``events``."""
        return self._duck.execute(statement, values).fetchall()

    def counter(
        self, *, plans: tuple[str, ...], since: datetime, name: str, days: int, least: int
    ) -> Callable[[datetime], int]:
        """Return what counts, at a moment, the contacts of the plans who signed up since then and
        did this so often in the last days.
        """
        statement = _COUNT.format(plans=", ".join("?" * len(plans)))

        def count(at: datetime) -> int:
            values = [*plans, since, name, at - timedelta(days=days), at, least]
            return self._duck.execute(statement, values).fetchone()[0]

        return count


def _export(statement: str, file: Path) -> None:
    with connection.cursor() as cursor, cursor.copy(statement) as copy, file.open("wb") as out:
        for part in copy:
            out.write(part)
