"""The whole system on its real processes, as ``make up`` starts it, for tests of all of it."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from growth.embedded.leftovers import MARK
from growth.embedded.maildir import Maildir
from growth.embedded.ports import free_port
from growth.embedded.programs import ROOT

_SECONDS_TO_STOP = 30  # Each program may finish what it has begun.
_OURS = ("GROWTH_", "DATABASE_URL", "REDIS_URL", "EMAIL_URL", "DJANGO_SETTINGS_MODULE", "PYTEST")


def clean_environment() -> dict[str, str]:
    """Return the environment of a person who has set nothing, for a process of its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}


class System:
    """A running instance, and what a person outside can do to it."""

    def __init__(self, process: subprocess.Popen, data_dir: Path) -> None:
        self.process, self.data_dir = process, data_dir
        self.project = json.loads((data_dir / "project.json").read_text())

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str = "secret_key",
        seconds: float = 60,
    ) -> Any:
        """Return what the API answers."""
        request = urllib.request.Request(
            self.project["base_url"] + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.project[key]}",
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                content = answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read()!r}") from None
        return json.loads(content) if content else None

    def walk(self, path: str) -> Iterator[Any]:
        """Yield everything on all pages of a list."""
        cursor = ""
        while cursor is not None:
            page = self.call("GET", f"{path}{'&' if '?' in path else '?'}limit=100&cursor={cursor}")
            yield from page["data"]
            cursor = page["next_cursor"]

    def manage(self, *arguments: str) -> str:
        """Run a management command on the instance and return what it prints."""
        environment = clean_environment() | {"GROWTH_DATA_DIR": str(self.data_dir)}
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def mailed(self, subject: str = "") -> Counter[str]:
        """Return how many mails of the subject each address has received."""
        mailbox = Maildir(self.data_dir / "mailbox")
        wanted = f"Subject: {subject}".encode()
        received: Counter[str] = Counter()
        for name in mailbox.names():
            message = mailbox.read(name) or b""
            head = message.split(b"\r\n\r\n", 1)[0]
            if not subject or wanted in head:
                recipient = head.split(b"X-Envelope-To: ", 1)[1].split(b"\r\n", 1)[0]
                received[recipient.decode()] += 1
        return received

    def kill_workers(self, queue: str) -> int:
        """Kill the workers of the queue without a warning; return how many processes died."""
        return _kill(self._processes("worker", queue))

    def kill_one_worker(self, queue: str, chance: random.Random) -> int:
        """Kill one process that does the queue's work; return how many died."""
        processes = self._processes("worker", queue)
        hands = _hands(processes)
        return _kill([chance.choice(hands)] if hands else [])

    def kill(self, program: str) -> int:
        """Kill a program without a warning: beat, web, broker or database."""
        return _kill(self._processes(_SIGNS[program])[:1])

    def _processes(self, *signs: str) -> list[psutil.Process]:
        """Return the processes whose command has all the signs, parents first."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                command = process.cmdline()
                if all(any(sign in part for part in command) for sign in signs):
                    found.append(process)
        return found


def _hands(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Return those of the processes that another of them started: the ones that do the work."""
    keys, hands = {process.pid for process in processes}, []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.ppid() in keys:
                hands.append(process)
    return hands


def _kill(processes: Sequence[psutil.Process]) -> int:
    killed = 0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
            killed += 1
    return killed


_SIGNS = {
    "beat": "--schedule",
    "web": "granian",
    "broker": "redis-server",
    "database": "--unix_socket_directories",
}


@contextmanager
def running(data_dir: Path, **environment: str) -> Iterator[System]:
    """Start an instance without demo data, yield it when it answers, and stop it.

    Nobody reads what it says after that, as behind a pager: that must not hold it up.
    """
    port = free_port(preferred=None)
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up", "--no-demo", "--port", str(port)]
        + ["--data-dir", str(data_dir)],
        cwd=ROOT,
        env=clean_environment() | environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        next(line for line in process.stdout if line.strip().startswith("curl "))
        yield System(process, data_dir)
    finally:
        is_over = _stop(process, data_dir)
    assert is_over, f"It did not stop within {_SECONDS_TO_STOP} s."


def _stop(process: subprocess.Popen, data_dir: Path) -> bool:
    """Stop the instance, kill by id what stays; tell whether it stopped by itself."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_SECONDS_TO_STOP)
        is_over = True
    except subprocess.TimeoutExpired:
        is_over = False
    process.kill()
    process.wait()
    process.stdout.close()
    leftovers = [each for each in psutil.process_iter(["environ"]) if _is_of(each, data_dir)]
    _kill(leftovers)
    psutil.wait_procs(leftovers, timeout=5)
    return is_over


def _is_of(process: psutil.Process, data_dir: Path) -> bool:
    return (process.info["environ"] or {}).get(MARK) == str(data_dir)


def eventually(condition: Callable[[], Any], *, seconds: float = 60, every: float = 0.2) -> Any:
    """Return what the condition says as soon as it is true.

    :raises AssertionError: if it stays false.
    """
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        if outcome := condition():
            return outcome
        time.sleep(every)
    raise AssertionError("It did not come true in time.")
