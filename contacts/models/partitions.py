"""The months of the event table. Each is made before the first event of it is written."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

from django.db import connection, transaction

_LOCK = 0x6D6F6E746873  # "months"
_known: set[date] = set()
forget = _known.clear  # for tests, which take back what they made


def ensure(first: datetime, last: datetime) -> None:
    """Make the partitions for all months from the first time to the last, unless they are there.

    Each is made apart and attached, so that writers into other months do not wait for it.
    """
    missing = [month for month in _months(first, last) if month not in _known]
    if not missing:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        for month in missing:
            _make(cursor, month)
    transaction.on_commit(lambda: _known.update(missing))


def _make(cursor, month: date) -> None:
    name = f"contacts_event_{month:%Y_%m}"
    cursor.execute("SELECT to_regclass(%s)", [name])
    if cursor.fetchone()[0]:
        return
    start, end = (f"{each} 00:00:00+00" for each in (month, _next(month)))
    cursor.execute(
        f"CREATE TABLE {name} (LIKE contacts_event INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
    )
    cursor.execute(
        f"ALTER TABLE contacts_event ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)",
        [start, end],
    )


def _months(first: datetime, last: datetime) -> Iterator[date]:
    month = first.astimezone(UTC).date().replace(day=1)
    while month <= last.astimezone(UTC).date():
        yield month
        month = _next(month)


def _next(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
