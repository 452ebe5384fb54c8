"""Celery's broker in a folder, in a form that two processes can use at the same time."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_SH, flock
from threading import RLock
from time import monotonic
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps

_binding = RLock()


class Channel(filesystem.Channel):
    """Writes a message under another name first: a reader never finds one that is half written.

    The tables of queues have a lock beside them, because kombu locks a table only after it has
    emptied it, and a reader may come in between. It also takes a binding for made before it has
    written it, and would drop what another thread sends by then.
    """

    def queue_bind(self, *args: Any, **kwargs: Any) -> None:
        with _binding:
            super().queue_bind(*args, **kwargs)

    def get_table(self, exchange: str) -> list:
        with self._tables(LOCK_SH):
            return super().get_table(exchange)

    def _queue_bind(self, *args: Any) -> None:
        with self._tables(LOCK_EX):
            super()._queue_bind(*args)

    @contextmanager
    def _tables(self, mode: int) -> Iterator[None]:
        self.control_folder.mkdir(exist_ok=True)
        with (self.control_folder / "lock").open("w") as file:
            flock(file, mode)
            yield

    def _put(self, queue: str, payload: Any, **_: Any) -> None:
        name = f"{round(monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        path = os.path.join(self.data_folder_out, name)
        draft = f"{path}.draft"
        try:
            with open(draft, "w") as file:
                file.write(dumps(payload))
            os.replace(draft, path)
        except OSError as error:
            raise ChannelError(f"Cannot add {path} to the queue.") from error


class Transport(filesystem.Transport):
    """Kombu's own, with the channel above."""

    Channel = Channel
