"""The list of contacts, over HTTP."""

from collections.abc import Iterator
from functools import partial

import orjson
from django.utils.timezone import now

from growth.management.bench.data import make_contacts
from growth.management.bench.measure import Ratio, at_once, paced, ratio, rounds
from growth.management.bench.server import Client, served
from growth.projects.operations import found_project

THREADS = 8
SIZES = {True: 10_000, False: 1_000_000}


def run(database_url: str, *, is_small: bool) -> Iterator[Ratio]:
    """Compare pages of 100 with those of a ModelSerializer, and deep pages with the first."""
    founding = found_project("bench", at=now())
    make_contacts(founding.project, SIZES[is_small], now())
    pages = 10 if is_small else 60
    with served(database_url, "growth.management.bench.naive") as port:
        clients = [Client(port, founding.secret_key) for _ in range(THREADS)]
        deep = _cursor(clients[0], 50 if is_small else 500)
        contenders = {
            name: paced(at_once(partial(_get, clients, path, pages), THREADS))
            for name, path in (
                ("ours", "/v1/contacts?limit=100"),
                ("deep", f"/v1/contacts?limit=100&cursor={deep}"),
                ("naive", "/naive/contacts"),
            )
        }
        results = rounds(contenders)
    yield Ratio(
        "list of 100: pages/s to ModelSerializer", ratio(results, "ours", "naive"), at_least=5
    )
    yield Ratio(
        "list of 100: time of a deep page to the first", ratio(results, "ours", "deep"), at_most=1.3
    )


def _get(clients: list[Client], path: str, times: int, number: int) -> int:
    for _ in range(times):
        clients[number].get(path)
    return times


def _cursor(client: Client, depth: int) -> str:
    cursor = ""
    for _ in range(depth):
        page = client.get(f"/v1/contacts?limit=100&cursor={cursor}")
        cursor = orjson.loads(page)["next_cursor"]
    return cursor
