"""``/v1/batch`` of a hundred calls over HTTP."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import orjson
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from contacts.api.calls import Envelope, parse_call
from contacts.models import Contact
from contacts.operations.events import record_calls
from growth.management.bench.data import make_contacts, make_events, some_contact_ids
from growth.management.bench.measure import Ratio, paced, ratio, rounds
from growth.management.bench.server import Client, served
from growth.models import Project
from growth.projects.operations import found_project

SIZES = {True: (5_000, 50_000), False: (100_000, 1_000_000)}
_numbers = count()


def run(database_url: str, *, is_small: bool) -> Iterator[Ratio]:
    """Compare with a ModelSerializer that creates the same events, and with their bare insert."""
    founding = found_project("bench")
    project, at = founding.project, now()
    contacts, events = SIZES[is_small]
    make_contacts(project, contacts, at)
    make_events(project, events, at)
    ids = some_contact_ids(project, 1000)
    batches = 10 if is_small else 40
    with served(database_url, "growth.management.bench.naive") as port:
        ours, naive = Client(port, founding.write_key), Client(port, founding.secret_key)
        contenders = {
            "ours": paced(lambda: _post(ours, "/v1/batch", batches, _calls)),
            "naive": paced(lambda: _post(naive, "/naive/events", 2, lambda: _naive(ids))),
            "bare": paced(lambda: _insert(project, ids, batches)),
        }
        results = rounds(contenders)
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


def _post(client: Client, path: str, times: int, body: Any) -> int:
    for _ in range(times):
        client.post(path, orjson.dumps(body()))
    return times * 100


def _calls(size: int = 100) -> dict[str, Any]:
    return {
        "batch": [
            {
                "type": "track",
                "userId": f"user-{n % 1000}",
                "event": "login",
                "properties": {"n": n},
                "messageId": f"message-{n}",
                "timestamp": now(),
            }
            for n in (next(_numbers) for _ in range(size))
        ]
    }


def _rows(ids: list[Any]) -> list[dict[str, Any]]:
    return [
        {
            "contact_id": ids[n % len(ids)],
            "name": "login",
            "properties": {"n": n},
            "timestamp": now(),
            "received_at": now(),
            "message_id": f"bare-{n}",
        }
        for n in (next(_numbers) for _ in range(100))
    ]


def _naive(ids: list[str]) -> dict[str, Any]:
    return {"events": _rows(ids)}


def _insert(project: Project, ids: list[str], times: int) -> int:
    keys = [Contact._meta.pk.get_prep_value(id) for id in ids]
    with connection.cursor() as cursor:
        for _ in range(times):
            cursor.execute(
                """
                INSERT INTO contacts_event (project_id, contact_id, name, properties, timestamp,
                       received_at, message_id, hops)
                SELECT %s, contact_id, name, properties, timestamp, received_at, message_id, 0
                  FROM jsonb_to_recordset(%s) AS row (contact_id bigint, name text,
                       properties jsonb, timestamp timestamptz, received_at timestamptz,
                       message_id text)
                """,
                [project.key, orjson.dumps(_rows(keys)).decode()],
            )
    return times * 100


def _statements(project: Project, size: int) -> int:
    at = now()
    calls = [
        parse_call(orjson.loads(orjson.dumps(each)), Envelope({}, at))
        for each in _calls(size)["batch"]
    ]
    with CaptureQueriesContext(connection) as queries:
        record_calls(project, calls, at=at)
    return len(queries)
