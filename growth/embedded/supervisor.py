"""Keeps programs running: restarts what ends, and ends all of them in order."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from growth.embedded.child import Child, Program
from growth.embedded.errors import CannotStart
from growth.embedded.leftovers import MARK

_FIRST_PAUSE = 0.5  # Seconds until a restart; doubled for each end that follows soon.
_LONGEST_PAUSE = 10
_STEADY = 15  # Seconds after which an end is a new misfortune, not the same.
_BETWEEN_LOOKS = 0.1
_LARGEST_LOG = 10_000_000


@dataclass
class _Post:
    """One place to fill: the child that fills it, or when the next one will."""

    child: Child
    started_at: float
    pause: float = 0
    restart_at: float | None = None


class Supervisor:
    """Runs programs in batches; a later batch may need the earlier ones."""

    def __init__(self, data_dir: Path, *, tell: Callable[[str], None]) -> None:
        self._data_dir = data_dir
        self._tell = tell
        self._batches: list[list[_Post]] = []
        self._logs = data_dir / "log"
        self._logs.mkdir(mode=0o700, exist_ok=True)

    def start(self, *programs: Program) -> list[Child]:
        """Start a batch, which is ended before the batches that are running already."""
        batch: list[_Post] = []
        self._batches.append(batch)
        for program in programs:
            batch.append(_Post(self._child(program), time.monotonic()))
        return [post.child for post in batch]

    def log(self, name: str) -> Path:
        """Return the file that the program of this name writes to."""
        return self._logs / f"{name}.log"

    def keep(self) -> None:
        """Keep all programs running, for ever."""
        while True:
            self.tend()
            time.sleep(_BETWEEN_LOOKS)

    def wait_until(self, is_ready: Callable[[], bool], *, seconds: float) -> None:
        """Keep all programs running until they are ready.

        :raises CannotStart: if that takes too long.
        """
        deadline = time.monotonic() + seconds
        while not is_ready():
            if time.monotonic() > deadline:
                raise CannotStart(f"Nothing answers after {seconds:.0f} s; see {self._logs}.")
            self.tend()
            time.sleep(_BETWEEN_LOOKS)

    def tend(self) -> None:
        """Look at each program once, and restart the ones whose time has come."""
        for post in [post for batch in self._batches for post in batch]:
            _shorten(post.child.log)
            if not post.child.is_running():
                self._restart(post, at=time.monotonic())

    def stop(self) -> None:
        """End all programs, the last batch first; a signal meanwhile means at once."""
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, lambda *_: self._kill_batch())
        while self._batches:
            self._stop_batch([post.child for post in self._batches[-1]])
            self._batches.pop()

    def _restart(self, post: _Post, *, at: float) -> None:
        if post.restart_at is None:
            post.child.kill()  # What is left of its group would hold its port or its work.
            was_steady = at - post.started_at > _STEADY
            post.pause = _FIRST_PAUSE if was_steady or not post.pause else post.pause * 2
            post.restart_at = at + min(post.pause, _LONGEST_PAUSE)
            self._tell_of_end(post)
        elif at >= post.restart_at:
            post.child = self._child(post.child.program)
            post.started_at, post.restart_at = at, None

    def _tell_of_end(self, post: _Post) -> None:
        child = post.child
        self._tell(
            f"{child.program.name} has ended with {child.exit_code} and starts again; its last "
            f"lines, in {child.log}, are:\n{child.tail()}"
        )

    def _child(self, program: Program) -> Child:
        marked = {**program.environment, MARK: str(self._data_dir)}
        return Child(replace(program, environment=marked), log=self.log(program.name))

    def _stop_batch(self, children: list[Child]) -> None:
        running = [child for child in children if child.is_running()]
        for child in running:
            child.terminate()
        began = time.monotonic()
        while any(_has_time(child, since=began) for child in running):
            time.sleep(_BETWEEN_LOOKS)
        for child in children:
            child.kill()

    def _kill_batch(self) -> None:
        for post in self._batches[-1] if self._batches else []:
            post.child.kill()


def _shorten(log: Path) -> None:
    """Put away what a log has, once that is much; its writer appends to the same file."""
    if log.stat().st_size > _LARGEST_LOG:
        shutil.copy2(log, log.with_suffix(".log.old"))
        os.truncate(log, 0)


def _has_time(child: Child, *, since: float) -> bool:
    return child.is_running() and time.monotonic() < since + child.program.patience
