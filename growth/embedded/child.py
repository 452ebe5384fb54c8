"""Programs that run below us: they die with us, and what they started dies with them."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LINES_OF_A_TAIL = 15
_LONGEST_LINE = 500  # A log line can hold a whole traceback.
_PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec only the call itself is safe.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Owner:
    """The system user that a program runs as."""

    uid: int
    gid: int

    def identity(self) -> dict[str, Any]:
        """Return the arguments that make ``subprocess`` run something as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


@dataclass(frozen=True)
class Program:
    """What to run, as whom, and how to end it."""

    name: str
    command: Sequence[str | Path]
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    owner: Owner | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 10  # Seconds from the stop signal to the kill.


class Child:
    """A program that was started, in a process group of its own."""

    def __init__(self, program: Program, *, log: Path) -> None:
        self.program = program
        self.log = log
        self._is_over = False
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                program.command,
                cwd=program.directory,
                env={**os.environ, **program.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_dying_with_parent(program.stop_signal),
                **(program.owner.identity() if program.owner else {}),
            )

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its group."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended, or None while it runs."""
        return self._process.poll()

    def is_running(self) -> bool:
        """Tell whether it has not ended yet."""
        return self.exit_code is None

    def terminate(self) -> None:
        """Ask it to finish what it is doing and end."""
        self._process.send_signal(self.program.stop_signal)

    def kill(self) -> None:
        """End it and whatever it started, at once."""
        if self._is_over:
            return  # The number of the group may be another's by now.
        with contextlib.suppress(ProcessLookupError, PermissionError):  # Nobody is left of it.
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._is_over = True

    def stop(self) -> None:
        """Ask it to end, and kill it when its patience is over."""
        self.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(self.program.patience)
        self.kill()

    def tail(self) -> str:
        """Return the last lines that it wrote."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(line[:_LONGEST_LINE] for line in lines[-_LINES_OF_A_TAIL:])


def _dying_with_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    """Return what a child does before it begins, so that it ends if we are killed (Linux)."""
    if _libc is None:
        return None
    prctl = _libc.prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, int(stop_signal)) and None
