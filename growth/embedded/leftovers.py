"""Processes that a killed run left behind."""

import contextlib
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

# In the environment of all that we start, and of all that they start: the data directory.
MARK = "GROWTH_SUPERVISED_IN"


def end_leftovers(data_dir: Path, *, patience: float = 2) -> None:
    """End what a killed run on this data directory left running, except its database."""
    end(list(_marked(data_dir)), by=signal.SIGTERM, patience=patience)


def end(processes: Sequence[psutil.Process], *, by: signal.Signals, patience: float) -> None:
    """End the processes by this signal, and kill those that take longer than the patience."""
    for process in processes:
        _send(process, by)
    _, stubborn = psutil.wait_procs(processes, timeout=patience)
    for process in stubborn:
        _send(process, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=patience)


def _marked(data_dir: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter(["environ", "name"]):
        marks = process.info["environ"] or {}
        ours = marks.get(MARK) == str(data_dir) and process.pid != os.getpid()
        if ours and process.info["name"] != "postgres":
            yield process


def _send(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):  # It has just ended by itself.
        process.send_signal(number)
