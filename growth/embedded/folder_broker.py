"""Celery's broker in a folder, in a form that two processes can use at the same time."""

import os
import uuid
from time import monotonic
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """Writes a message under another name first: a reader never finds one that is half written."""

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
