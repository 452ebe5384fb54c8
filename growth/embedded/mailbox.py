"""The mailbox: an SMTP server that accepts all mail and delivers none of it.

A message is answered with 250 when it is on disk, not before.
"""

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from growth.embedded.errors import CannotStart
from growth.embedded.maildir import Maildir

_SECONDS_TO_ANSWER = 5  # For the dialogues that are in the middle of a message at the end.


class Keeper:
    """Keeps what the server is given."""

    def __init__(self, maildir: Maildir) -> None:
        self._maildir = maildir
        self.open_stores = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Store one message."""
        content = envelope.original_content or b""
        self.open_stores += 1
        try:
            name = await asyncio.to_thread(
                self._maildir.store, content, recipients=envelope.rcpt_tos, at=time.time()
            )
        finally:
            self.open_stores -= 1
        return f"250 Kept as {name}"


def serve(directory: Path, *, host: str, port: int, tell: Callable[[str], None]) -> None:
    """Take mail until a signal ends it.

    :raises CannotStart: if the directory or the port cannot be used.
    """
    maildir = Maildir(directory)
    try:
        maildir.create()
        asyncio.run(_serve(Keeper(maildir), host=host, port=port, tell=tell))
    except OSError as error:
        raise CannotStart(
            f"The mailbox cannot run on port {port} with {directory}: {error.strerror}."
        ) from error


async def _serve(keeper: Keeper, *, host: str, port: int, tell: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    server = await loop.create_server(lambda: _smtp(keeper), host, port)
    tell(f"The mailbox takes mail at smtp://{host}:{server.sockets[0].getsockname()[1]}")
    await stop.wait()
    server.close()
    await _wait_for_stores(keeper)


def _smtp(keeper: Keeper) -> SMTP:
    # A name of its own, because looking up this machine's can take seconds.
    return SMTP(keeper, hostname="mailbox.localhost", ident="growth", enable_SMTPUTF8=True)


async def _wait_for_stores(keeper: Keeper) -> None:
    """Let the messages that are being stored be answered, so that none is in doubt."""
    for _ in range(_SECONDS_TO_ANSWER * 10):
        await asyncio.sleep(0.1)
        if not keeper.open_stores:
            return
