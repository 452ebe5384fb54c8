"""The list of contacts, over HTTP."""

from collections.abc import Iterator

from django.utils.timezone import now

from growth.management.bench.data import make_contacts
from growth.management.bench.measure import Ratio, paced, ratio, rounds
from growth.management.bench.server import Client, served
from growth.projects.operations import found_project

SIZES = {True: 10_000, False: 1_000_000}


def run(database_url: str, *, is_small: bool) -> Iterator[Ratio]:
    """Compare pages of 100 with those of a ModelSerializer, and deep pages with the first."""
    founding = found_project("bench")
    make_contacts(founding.project, SIZES[is_small], now())
    pages = 10 if is_small else 50
    with served(database_url, "growth.management.bench.naive") as port:
        client = Client(port, founding.secret_key)
        deep = _cursor(client, 50 if is_small else 500)
        contenders = {
            "ours": paced(lambda: _get(client, "/v1/contacts?limit=100", pages)),
            "deep": paced(lambda: _get(client, f"/v1/contacts?limit=100&cursor={deep}", pages)),
            "naive": paced(lambda: _get(client, "/naive/contacts", pages)),
        }
        results = rounds(contenders)
    yield Ratio(
        "list of 100: pages/s to ModelSerializer", ratio(results, "ours", "naive"), at_least=5
    )
    yield Ratio(
        "list of 100: time of a deep page to the first", ratio(results, "ours", "deep"), at_most=1.3
    )


def _get(client: Client, path: str, times: int) -> int:
    for _ in range(times):
        client.get(path)
    return times


def _cursor(client: Client, depth: int) -> str:
    cursor = ""
    for _ in range(depth):
        cursor = client.get(f"/v1/contacts?limit=100&cursor={cursor}")["next_cursor"]
    return cursor
