"""``/v1/batch`` of a hundred calls over HTTP."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

import orjson
import psycopg
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from contacts.api.calls import Envelope, parse_call
from contacts.models import Contact
from contacts.operations.events import record_calls
from growth.management.bench.data import make_contacts, make_events, some_contact_ids
from growth.management.bench.measure import Contender, Ratio, at_once, paced, ratio, rounds
from growth.management.bench.server import Client, served
from growth.models import Project
from growth.projects.operations import found_project

SIZES = {True: (5_000, 50_000), False: (100_000, 1_000_000)}
THREADS = 8
_numbers = count()


def run(database_url: str, *, is_small: bool) -> Iterator[Ratio]:
    """Compare with a ModelSerializer that creates the same events, one after the other, and with
    one bare statement that inserts the same rows into all tables that the batch writes.
    """
    founding = found_project("bench", at=now())
    project, at = founding.project, now()
    contacts, events = SIZES[is_small]
    make_contacts(project, contacts, at)
    make_events(project, events, at)
    ids = some_contact_ids(project, 5000)
    times = 80 if is_small else 500
    with served(database_url, "growth.management.bench.naive") as port:
        ours = [Client(port, founding.write_key) for _ in range(THREADS)]
        naive = [Client(port, founding.secret_key) for _ in range(THREADS)]
        bare = [psycopg.connect(**connection.get_connection_params()) for _ in range(THREADS)]
        contenders = {
            "ours": _contender(
                lambda n, bodies: _post(ours[n], "/v1/batch", bodies),
                times,
                partial(_batch, contacts),
            ),
            "naive": _contender(
                lambda n, bodies: _post(naive[n], "/naive/events", bodies),
                times // 10,
                partial(_naive, ids),
            ),
            "bare": _contender(
                lambda n, bodies: _insert(bare[n], project, bodies), times, partial(_rows, ids)
            ),
        }
        results = rounds(contenders)
        for each in bare:
            each.close()
    yield Ratio(
        "batch of 100: rows/s to ModelSerializer", ratio(results, "ours", "naive"), at_least=10
    )
    yield Ratio(
        "batch of 100: rows/s to the bare insert", ratio(results, "ours", "bare"), at_least=0.35
    )
    yield Ratio(
        "batch of 100: statements to those of a batch of 10",
        _statements(project, 100) / _statements(project, 10),
        at_most=1,
        note=f"({_statements(project, 100)} statements)",
    )


def _contender(
    work: Callable[[int, Iterator[bytes]], int], times: int, body: Callable[[], bytes]
) -> Contender:
    """Return a contender whose threads take so many bodies from one heap, so that all end at once.

    The bodies are written before: a client costs little.
    """

    def run() -> float:
        bodies = iter([body() for _ in range(times)])
        return paced(at_once(lambda number: work(number, bodies), THREADS))()

    return run


def _post(client: Client, path: str, bodies: Iterator[bytes]) -> int:
    return sum(100 for body in bodies if client.post(path, body))


def _batch(people: int) -> bytes:
    return orjson.dumps({"batch": _calls(people)})


def _calls(people: int, size: int = 100) -> list[dict[str, Any]]:
    return [
        {
            "type": "track",
            "userId": f"user-{n * 7919 % people}",
            "event": "login",
            "properties": {"n": n},
            "messageId": f"message-{n}",
            "timestamp": now(),
        }
        for n in (next(_numbers) for _ in range(size))
    ]


def _events(contacts: list[Any]) -> list[dict[str, Any]]:
    return [
        {
            "contact_id": contacts[n % len(contacts)],
            "name": "login",
            "properties": {"n": n},
            "timestamp": now(),
            "received_at": now(),
            "message_id": f"bare-{n}",
        }
        for n in (next(_numbers) for _ in range(100))
    ]


def _naive(ids: list[str]) -> bytes:
    return orjson.dumps({"events": _events(ids)})


def _rows(ids: list[str]) -> bytes:
    return orjson.dumps(_events([Contact._meta.pk.get_prep_value(id) for id in ids]))


def _insert(connection: psycopg.Connection, project: Project, bodies: Iterator[bytes]) -> int:
    rows = 0
    for body in bodies:
        rows += connection.execute(
            _BARE, {"project": project.key, "rows": body.decode()}, prepare=True
        ).fetchone()[0]
        connection.commit()
    return rows


# Everything that a batch of calls stores, and nothing asked of it.
_BARE = """
    WITH row AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(%(rows)s) AS row (contact_id bigint, name text,
               properties jsonb, timestamp timestamptz, received_at timestamptz, message_id text)
    ), receipt AS (
        INSERT INTO contacts_eventreceipt (project_id, message_id, received_at)
        SELECT %(project)s, message_id, received_at FROM row ON CONFLICT DO NOTHING
    ), event AS (
        INSERT INTO contacts_event (project_id, contact_id, name, properties, timestamp,
               received_at, message_id, hops)
        SELECT %(project)s, contact_id, name, properties, timestamp, received_at, message_id, 0
          FROM row RETURNING id, contact_id, timestamp
    ), active AS (
        INSERT INTO contacts_contactactivity (project_id, contact_id, last_activity_at)
        SELECT %(project)s, contact_id, max(timestamp) FROM event GROUP BY contact_id
         ORDER BY contact_id
        ON CONFLICT (contact_id) DO UPDATE SET last_activity_at = excluded.last_activity_at
    )
    INSERT INTO growth_domainevent (project_id, type, data, hops, created_at)
    SELECT %(project)s, 'events.recorded',
           jsonb_build_object('events', jsonb_agg(jsonb_build_array(id, timestamp)),
                              'contacts', jsonb_agg(contact_id)), 0, max(timestamp) FROM event
    RETURNING jsonb_array_length(data -> 'contacts')
"""


def _statements(project: Project, size: int) -> int:
    at = now()
    calls = [
        parse_call(orjson.loads(orjson.dumps(each)), Envelope({}, at))
        for each in _calls(5000, size)
    ]
    with CaptureQueriesContext(connection) as queries:
        record_calls(project, calls, at=at)
    return len(queries)
