"""Single calls, over HTTP: what they cost beside what they do, and beside the plainest way."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from pathlib import Path
from statistics import quantiles
from uuid import uuid4

import orjson
from django.utils.timezone import now

from growth.embedded import broker
from growth.embedded.child import Child
from growth.errors import DomainError
from growth.management.bench.data import make_contacts, make_events, some_contact_ids
from growth.management.bench.measure import Ratio, at_once, paced, ratio, rounds
from growth.management.bench.server import Client, served
from growth.models import ApiKey, Project
from growth.projects.operations import found_project

_VIEWS = "growth.management.bench.naive"
THREADS = 16
KEYS = 80
"""So many that none of them sends more than its plan allows: limits are on."""
CONTACTS = {True: 5_000, False: 100_000}
CALLS = {True: 30, False: 60}
"""Of each thread, in each round."""


def run(database_url: str, *, is_small: bool) -> Iterator[Ratio]:
    """Compare ``GET /v1/contacts/{id}`` with the same view that asks nobody who it is, and single
    reads and writes with those of ModelSerializers that do and answer the same.
    """
    project = found_project("bench", at=now()).project
    make_contacts(project, CONTACTS[is_small], now())
    make_events(project, CONTACTS[is_small] * 5, now(), days=30)
    keys, ids = _keys(project), some_contact_ids(project, 1000)
    with (
        _limits() as limits,
        served(database_url, "growth.management.bench.naive", **limits) as port,
    ):
        clients = [[Client(port, key) for key in keys[n::THREADS]] for n in range(THREADS)]
        _check_fields(clients[0][0], ids[0])
        work = partial(_contender, clients, ids, CALLS[is_small])
        results = rounds(
            {
                "get": work(_get("/v1/contacts")),
                "open": work(_get("/open/contacts")),
                "naive get": work(_get("/naive/contacts")),
                "patch": work(_patch("/v1/contacts")),
                "naive patch": work(_patch("/naive/contacts")),
                "event": work(_track("/v1/track")),
                "naive event": work(_track("/naive/track")),
            },
            count=3 if is_small else 5,
        )
        times = _times(clients, ids, CALLS[is_small])
    yield Ratio(
        "get: share of key, scope and rate limit",
        1 - ratio(results, "get", "open"),
        at_most=0.25,
        note="(counted in Redis)" if "REDIS_URL" in limits else "(counted in the process)",
    )
    for name, bar in (("get", 1.7), ("patch", 2), ("event", 1.3)):
        to_naive = ratio(results, name, f"naive {name}")
        yield Ratio(f"{name}: calls/s to ModelSerializer", to_naive, at_least=bar)
    cuts = quantiles(times, n=100)
    yield Ratio(
        f"get: 99th percentile to median, {THREADS} at once", cuts[98] / cuts[49], at_most=5
    )


Call = Callable[[Client, str], object]
"""Sends one call about the contact with this id."""


def _contender(
    clients: list[list[Client]], ids: list[str], calls: int, call: Call
) -> Callable[[], float]:
    def work(number: int) -> int:
        for n, client in zip(range(calls), cycle(clients[number])):
            call(client, ids[(number * calls + n) % len(ids)])
        return calls

    return paced(at_once(work, THREADS))


def _get(path: str) -> Call:
    return lambda client, id: client.get(f"{path}/{id}")


def _patch(path: str) -> Call:
    def call(client: Client, id: str) -> None:
        client.patch(f"{path}/{id}", orjson.dumps({"traits": {"seen": time.time()}}))

    return call


def _track(path: str) -> Call:
    """As clients of Segment's do: each event bears an id of its own."""

    def call(client: Client, id: str) -> None:
        user = f"user-{hash(id) % 1000}"
        body = {"user_id": user, "event": "login", "message_id": str(uuid4())}
        client.post(path, orjson.dumps(body))

    return call


def _check_fields(client: Client, id: str) -> None:
    """Refuse to compare views that do not say the same.

    :raises DomainError: if the plain view leaves something out, or adds something.
    """
    ours, plain = (orjson.loads(client.get(f"{path}/contacts/{id}")) for path in ("/v1", "/naive"))
    if ours.keys() ^ plain.keys() or ours["scores"] != plain["scores"]:
        raise DomainError(f"The plain view answers {plain}, and ours {ours}.")


def _times(clients: list[list[Client]], ids: list[str], calls: int) -> list[float]:
    """Return how many seconds each of so many reads took, with all threads at it."""
    times: list[float] = []

    def call(client: Client, id: str) -> None:
        begun = time.perf_counter()
        client.get(f"/v1/contacts/{id}")
        times.append(time.perf_counter() - begun)

    _contender(clients, ids, calls, call)()
    return times


def _keys(project: Project) -> list[str]:
    issue = partial(ApiKey.objects.issue, project, type=ApiKey.Type.SECRET, scopes=["*"])
    return [issue(name=f"bench {n}")[1] for n in range(KEYS)]


@contextmanager
def _limits() -> Iterator[dict[str, str]]:
    """Turn rate limits on; they are counted in a Redis of our own if this machine has one."""
    on = {"GROWTH_RATE_LIMITS": "true"}
    with tempfile.TemporaryDirectory() as directory:
        server = broker.redis(Path(directory), last_url="")
        if server is None:
            yield on
            return
        url, program = server
        child = Child(program, log=Path(directory) / "redis.log")
        try:
            yield on | {"REDIS_URL": url}
        finally:
            child.stop()
