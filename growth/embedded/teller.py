"""What the system says on its standard output. Who does not read it must hold nothing up."""

import contextlib
import os
import queue
import threading
import time

STDOUT = 1  # Not sys.stdout: a thread that is stuck in it would keep its lock when Python ends.
_MOST_WAITING = 100  # Lines; what comes while so many wait is in the logs all the same.
_SECONDS_TO_FINISH = 2
_BETWEEN_LOOKS = 0.02


class Teller:
    """Writes lines from a thread of its own.

    A terminal that is held, or a pipe that nobody reads, blocks whoever writes to it. Whoever keeps
    programs running may not be blocked.
    """

    def __init__(self, descriptor: int = STDOUT) -> None:
        self._descriptor = descriptor
        self._lines: queue.Queue[str] = queue.Queue(_MOST_WAITING)
        threading.Thread(target=self._run, name="teller", daemon=True).start()

    def tell(self, line: str) -> None:
        """Write the line soon; leave it out if nobody has read for long."""
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(line)

    def finish(self) -> None:
        """Return when all is written, or when nobody seems to read it."""
        stop = time.monotonic() + _SECONDS_TO_FINISH
        while self.is_behind() and time.monotonic() < stop:
            time.sleep(_BETWEEN_LOOKS)

    def is_behind(self) -> bool:
        """Tell whether some lines are not written yet."""
        return self._lines.unfinished_tasks > 0

    def _run(self) -> None:
        while True:
            self._write(f"{self._lines.get()}\n".encode(errors="replace"))
            self._lines.task_done()

    def _write(self, rest: bytes) -> None:
        with contextlib.suppress(OSError):  # Who read this has left; we go on.
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
