"""The real web server on a bench's database, and a client that costs little beside it."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from growth.errors import DomainError

_READY_SECONDS = 30


@contextmanager
def served(database_url: str, urlconf: str, **environment: str) -> Iterator[int]:
    """Run the web server with the URL map, yield its port, and end it."""
    port = _free_port()
    with tempfile.TemporaryDirectory() as queue:
        server = _start(port, database_url, urlconf, queue, environment)
        try:
            _wait(port)
            yield port
        finally:
            server.terminate()
            server.wait(20)


def _start(
    port: int, database_url: str, urlconf: str, queue: str, more: dict[str, str]
) -> subprocess.Popen:
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "growth.settings",
        "GROWTH_URLCONF": urlconf,
        "GROWTH_DATABASE_POOL": "4",
        "GROWTH_LOG_LEVEL": "WARNING",
        "GROWTH_RATE_LIMITS": "false",
        "REDIS_URL": f"filesystem://{queue}",
        **more,
    }
    granian = [str(Path(sys.executable).with_name("granian")), "--interface", "wsgi"]
    options = ["--workers", "2", "--blocking-threads", "2", "--log-level", "warning"]
    return subprocess.Popen(
        [*granian, "--port", str(port), *options, "growth.wsgi:application"], env=environment
    )


class Client:
    """One connection to the server, in the name of one key. It reads no more of an answer than it
    must: http.client would take a fifth of the time that the answer took.
    """

    def __init__(self, port: int, key: str = "", headers: Mapping[str, str] | None = None) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        told = {"Host": "127.0.0.1", "Authorization": f"Bearer {key}", **(headers or {})}
        self._head = "".join(f"{name}: {text}\r\n" for name, text in told.items())

    def get(self, path: str) -> bytes:
        """Return what the path answers."""
        return self._call(f"GET {path} HTTP/1.1\r\n{self._head}\r\n".encode())

    def post(self, path: str, body: bytes) -> bytes:
        """Return what the path answers to the body, which is JSON."""
        return self._send("POST", path, body)

    def patch(self, path: str, body: bytes) -> bytes:
        """Return what the path answers to the merge patch, which is JSON."""
        return self._send("PATCH", path, body)

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _send(self, method: str, path: str, body: bytes) -> bytes:
        head = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return self._call(f"{method} {path} HTTP/1.1\r\n{self._head}{head}\r\n".encode() + body)

    def _call(self, request: bytes) -> bytes:
        self._socket.sendall(request)
        answer = self._read(b"")
        while (end := answer.find(b"\r\n\r\n")) < 0:
            answer = self._read(answer)
        head = answer[:end].lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        while len(answer) < end + 4 + length:
            answer = self._read(answer)
        if int(head[9:12]) >= 300:
            raise DomainError(f"{request[:80]!r}: {answer[:500]!r}")
        return answer[end + 4 :]

    def _read(self, answer: bytes) -> bytes:
        if more := self._socket.recv(1 << 18):
            return answer + more
        raise DomainError("The web server closed the connection.")


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(port: int) -> None:
    stop = time.monotonic() + _READY_SECONDS
    while time.monotonic() < stop:
        try:
            with closing(Client(port)) as client:
                client.get("/healthz")
                return
        except OSError:
            time.sleep(0.1)
    raise DomainError("The web server did not start; see its messages above.")
