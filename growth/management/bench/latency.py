"""How long it takes, on the real processes, until an event that was accepted has moved its contact
into a segment, while five hundred other events come in each second.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import orjson

from growth.embedded.ports import free_port
from growth.embedded.programs import ROOT
from growth.errors import DomainError
from growth.management.bench.measure import Ratio
from growth.management.bench.server import Client

RATE = 500
SECONDS = {True: 8, False: 12}
_BATCH = 25
_WARM_UP_SECONDS = 3
_READY_SECONDS = 40
_PEOPLE = 2000
_POLL_SECONDS = 0.05
_PATIENCE_SECONDS = 8
_RULES = {
    "operator": "AND",
    "conditions": [{"field": "events.login", "op": "count_gte", "value": 1, "window": "7d"}],
}


def run(database_url: str, *, is_small: bool) -> Iterator[Ratio]:
    """Send batches at an even pace; each has one event of a new person, who is looked for in the
    segment's list until they are there.
    """
    with tempfile.TemporaryDirectory() as folder, _system(database_url, Path(folder)) as system:
        client = Client(system.port, system.secret_key)
        made = client.post("/v1/segments", orjson.dumps({"name": "Active", "rules": _RULES}))
        watch = _Watch(Client(system.port, system.secret_key), json.loads(made)["id"])
        ingest = Client(system.port, system.write_key)
        watch.start()
        warm, _ = _send(ingest, "warm", _WARM_UP_SECONDS)
        watch.wait(set(warm))  # Workers start more slowly than the web server.
        accepted, rate = _send(ingest, "new", SECONDS[is_small])
        seen = watch.wait(set(accepted))
        watch.stop()
    if missing := accepted.keys() - seen.keys():
        raise DomainError(f"{len(missing)} of {len(accepted)} people are not in the segment yet.")
    waited = [seen[who] - accepted[who] for who in accepted]
    yield Ratio(
        "latency: seconds from 202 to the membership, 95th percentile",
        quantiles(waited, n=20)[-1],
        at_most=2,
        note=f"(median {median(waited):.2f} s, {rate:.0f} events/s)",
    )


class _System:
    def __init__(self, port: int, folder: Path) -> None:
        project: dict[str, Any] = json.loads((folder / "project.json").read_text())
        self.port = port
        self.secret_key, self.write_key = project["secret_key"], project["write_key"]


@contextmanager
def _system(database_url: str, folder: Path) -> Iterator[_System]:
    """Run everything that ``manage.py up`` runs, on the bench's database."""
    port = free_port(preferred=None)
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up", "--no-demo", "--port", str(port)]
        + ["--data-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database_url, "GROWTH_RATE_LIMITS": "false"},
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait(port, process)
        yield _System(port, folder)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(40)


def _wait(port: int, process: subprocess.Popen) -> None:
    stop = time.monotonic() + _READY_SECONDS
    while time.monotonic() < stop and process.poll() is None:
        try:
            Client(port).get("/readyz")
            return
        except (OSError, DomainError):
            time.sleep(0.1)
    raise DomainError("The system did not start; see its messages above.")


def _send(client: Client, name: str, seconds: float) -> tuple[dict[str, float], float]:
    """Send batches; return when that of each new person was accepted, and the events a second."""
    numbers, accepted = count(), {}
    start = time.monotonic()
    while (due := start + len(accepted) * _BATCH / RATE) < start + seconds:
        time.sleep(max(0, due - time.monotonic()))
        who = f"{name}-{len(accepted)}"
        people = [who, *(f"person-{next(numbers) * 7919 % _PEOPLE}" for _ in range(_BATCH - 1))]
        calls = [{"type": "track", "userId": each, "event": "login"} for each in people]
        client.post("/v1/batch", orjson.dumps({"batch": calls}))
        accepted[who] = time.monotonic()
    return accepted, len(accepted) * _BATCH / (time.monotonic() - start)


class _Watch:
    """Reads the newest members of a segment again and again, in a thread of its own."""

    def __init__(self, client: Client, segment: str) -> None:
        self._client, self._path = client, f"/v1/segments/{segment}/contacts?limit=100"
        self._seen: dict[str, float] = {}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def wait(self, wanted: set[str]) -> dict[str, float]:
        """Return when each member was first seen, as soon as these are, or nobody can wait."""
        stop = time.monotonic() + _PATIENCE_SECONDS
        while not wanted <= self._seen.keys() and time.monotonic() < stop:
            time.sleep(_POLL_SECONDS)
        return dict(self._seen)

    def stop(self) -> None:
        """Look no more."""
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over.wait(_POLL_SECONDS):
            self._look()

    def _look(self) -> None:
        """Read pages until one has nobody new."""
        path: str | None = self._path
        while path:
            page = orjson.loads(self._client.get(path))
            at = time.monotonic()
            new = {row["external_id"] for row in page["data"]} - self._seen.keys()
            self._seen |= dict.fromkeys(new, at)
            cursor = page["next_cursor"]
            path = f"{self._path}&cursor={cursor}" if new and cursor else None
