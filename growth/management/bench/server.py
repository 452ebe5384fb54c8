"""The real web server on a bench's database, and a client that keeps its connection."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.conf import settings

from growth.errors import DomainError

_READY_SECONDS = 30


@contextmanager
def served(database_url: str, urlconf: str) -> Iterator[int]:
    """Run the web server with the URL map, yield its port, and end it."""
    port = _free_port()
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "growth.settings",
        "GROWTH_URLCONF": urlconf,
        "GROWTH_DATABASE_POOL": "4",
        "GROWTH_LOG_LEVEL": "WARNING",
        "REDIS_URL": f"filesystem://{settings.DATA_DIR}/bench-queue",
    }
    granian = [str(Path(sys.executable).with_name("granian")), "--interface", "wsgi"]
    options = ["--workers", "2", "--blocking-threads", "2", "--log-level", "warning"]
    server = subprocess.Popen(
        [*granian, "--port", str(port), *options, "growth.wsgi:application"], env=environment
    )
    try:
        _wait(port)
        yield port
    finally:
        server.terminate()
        server.wait(20)


class Client:
    """One connection to the server, in the name of one key."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def get(self, path: str) -> bytes:
        """Return what the path answers."""
        return self._call("GET", path, None)

    def post(self, path: str, body: bytes) -> bytes:
        """Return what the path answers to the body."""
        return self._call("POST", path, body)

    def _call(self, method: str, path: str, body: bytes | None) -> bytes:
        self._connection.request(method, path, body, self._headers)
        response = self._connection.getresponse()
        content = response.read()
        if response.status >= 300:
            raise DomainError(f"{method} {path}: {response.status} {content[:300]!r}")
        return content


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(port: int) -> None:
    stop = time.monotonic() + _READY_SECONDS
    while time.monotonic() < stop:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=2)) as connection:
            try:
                connection.request("GET", "/healthz")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                time.sleep(0.1)
    raise DomainError("The web server did not start; see its messages above.")
