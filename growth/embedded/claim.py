"""The claim of one process to a directory, which ends with the process, however it ends."""

import fcntl
import os
from pathlib import Path
from typing import TextIO

from growth.embedded.errors import CannotStart


class Taken(CannotStart):
    """Another process has the directory."""


def claim(directory: Path) -> TextIO:
    """Take the directory, making it if it is missing; the claim lasts until the file is closed.

    :raises Taken: if another process has it.
    :raises CannotStart: if we may not write there.
    """
    try:
        # The system user of PostgreSQL passes through; what is private inside says so itself.
        directory.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        lock = (directory / "lock").open("a")
    except OSError as error:
        raise CannotStart(f"Cannot write to {directory}: {error.strerror}.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise Taken(f"Another process uses {directory}: stop it, or name another.") from error
    return lock
