"""The statements of ``sql/``: files with named parameters, into which pieces of SQL are spliced."""

from functools import cache
from itertools import chain
from pathlib import Path
from string import Formatter
from typing import Any

from django.db import connection

from contacts.rule_sql import Sql

_FOLDER = Path(__file__).parent / "sql"


def statement(name: str, /, **parts: Any) -> Sql:
    """Return the statement of the file; what is SQL is spliced in, all else becomes a parameter.

    :raises KeyError: if the file names a part that is not given.
    """
    texts, params = [], []
    for text, part in _read(name):
        texts.append(text.replace("%", "%%"))
        if part is None:
            continue
        value = parts[part]
        texts.append(value.text if isinstance(value, Sql) else "%s")
        params.append(value.params if isinstance(value, Sql) else (value,))
    return Sql("".join(texts), tuple(chain.from_iterable(params)))


def rows(asked: Sql) -> list[tuple]:
    """Return what the statement selects."""
    with connection.cursor() as cursor:
        cursor.execute(asked.text, asked.params)
        return cursor.fetchall()


def execute(asked: Sql) -> int:
    """Run the statement, and return how many rows it touched or selected."""
    with connection.cursor() as cursor:
        cursor.execute(asked.text, asked.params)
        return cursor.rowcount


@cache
def _read(name: str) -> list[tuple[str, str | None]]:
    text = (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    return [(literal, part) for literal, part, _, _ in Formatter().parse(text)]
