"""A real SMTP server for tests, on a loopback port. The recipient's address says how it behaves.

``anything@…`` is accepted; what stands before a plus chooses otherwise::

    421+ 450+ 550+      refused at RCPT; 421 also closes the connection
    policy+             refused at RCPT with 550 5.7.1
    554-data+           refused at DATA
    451-dot+ 554-dot+   refused after the final dot
    drop-before-dot+    the connection is closed when the message is announced
    drop-in-message+    the connection is closed in the middle of the message
    drop-after-dot+     the message is taken, and the connection closed without an answer
    slow+               answered after a while

``once-`` before any of them lets it happen to the first mail to the address only.
"""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

CERTIFICATE = Path(__file__).with_name("localhost.pem")
"""The sink's own, for localhost, with its key: whoever is to trust it takes it for an authority."""

SLOW_SECONDS = 0.3

_AT_RCPT = {
    "421": b"421 4.3.2 Closing for the night",
    "450": b"450 4.2.0 Greylisted",
    "550": b"550 5.1.1 No such mailbox",
    "policy": b"550 5.7.1 Relaying denied",
}
_AFTER_DOT = {"451-dot": b"451 4.3.0 Later, please", "554-dot": b"554 5.6.0 Not like this"}


class Hangup(Exception):
    """The server closes the connection."""


@dataclass
class Received:
    """One message as it came in, dots undone."""

    sender: str
    recipient: str
    data: bytes

    @property
    def parsed(self) -> EmailMessage:
        return message_from_bytes(self.data, policy=policy.default)


@dataclass
class Sink:
    """The server and what it received. What it took without an answer counts as received."""

    extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME")
    greeting: bytes = b"220 sink"
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    commands: list[str] = field(default_factory=list)
    tried: set[str] = field(default_factory=set)
    pause: float = 0.0
    ahead: list[bytes] = field(default_factory=list)  # what came with the end of each message
    is_hasty: bool = False  # forgets that
    is_encrypted: bool = False  # from the first byte on
    port: int = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def encrypted_url(self) -> str:
        return f"{'smtps' if self.is_encrypted else 'smtp+tls'}://localhost:{self.port}"

    @property
    def recipients(self) -> list[str]:
        return [each.recipient for each in self.received]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(Hangup, ConnectionError, asyncio.IncompleteReadError):
            await _Session(self, reader, writer).run()
        writer.close()


class _Session:
    def __init__(
        self, sink: Sink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.sink, self.reader, self.writer = sink, reader, writer
        self.sender = self.recipient = self.mode = ""

    async def run(self) -> None:
        self.say(self.sink.greeting)
        if not self.sink.greeting.startswith(b"220"):
            raise Hangup
        while line := (await self.reader.readline()).decode().rstrip("\r\n"):
            self.sink.commands.append(line)
            verb = line.split(" ", 1)[0].upper()
            await getattr(self, f"do_{verb.lower()}", self.do_other)(line)
            await self.writer.drain()

    def say(self, reply: bytes) -> None:
        self.writer.write(reply + b"\r\n")

    async def do_other(self, line: str) -> None:
        self.say(b"500 What?")

    async def do_ehlo(self, line: str) -> None:
        lines = ["sink", *self.sink.extensions]
        for extension in lines[:-1]:
            self.say(f"250-{extension}".encode())
        self.say(f"250 {lines[-1]}".encode())

    async def do_starttls(self, line: str) -> None:
        self.say(b"220 Go ahead")
        await self.writer.drain()
        await self.writer.start_tls(_tls())

    async def do_noop(self, line: str) -> None:
        self.say(b"250 OK")

    async def do_rset(self, line: str) -> None:
        self.sender = self.recipient = self.mode = ""
        self.say(b"250 OK")

    async def do_quit(self, line: str) -> None:
        self.say(b"221 Bye")
        raise Hangup

    async def do_mail(self, line: str) -> None:
        self.sender, self.recipient = line[line.index("<") + 1 : line.index(">")], ""
        self.say(b"250 OK")

    async def do_rcpt(self, line: str) -> None:
        address = line[line.index("<") + 1 : line.index(">")]
        self.mode = self.mode_of(address)
        self.say(_AT_RCPT.get(self.mode, b"250 OK"))
        if self.mode == "421":
            await self.writer.drain()
            raise Hangup
        self.recipient = "" if self.mode in _AT_RCPT else address

    def mode_of(self, address: str) -> str:
        mode = address.split("+")[0] if "+" in address else ""
        if mode.startswith("once-") and address in self.sink.tried:
            return ""
        self.sink.tried.add(address)
        return mode.removeprefix("once-")

    async def do_data(self, line: str) -> None:
        if not self.recipient or self.mode == "554-data":
            self.say(b"554 5.5.1 No valid recipients")
            return
        if self.mode == "drop-before-dot":
            raise Hangup
        self.say(b"354 Go on")
        await self.writer.drain()
        if self.mode == "drop-in-message":
            await self.reader.readexactly(10)
            raise Hangup
        data = await self.reader.readuntil(b"\r\n.\r\n")
        await self._take(data[:-3].replace(b"\r\n..", b"\r\n."))

    async def _take(self, data: bytes) -> None:
        if self.mode in _AFTER_DOT:
            self.say(_AFTER_DOT[self.mode])
            return
        self.sink.received.append(Received(self.sender, self.recipient, data))
        if self.mode == "drop-after-dot":
            raise Hangup
        if self.sink.pause:
            await asyncio.sleep(self.sink.pause)
        if self.mode == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        self.sink.ahead.append(bytes(self.reader._buffer))
        if self.sink.is_hasty:
            self.reader._buffer.clear()
        self.say(b"250 Taken")


@contextlib.contextmanager
def running(**options: object) -> Iterator[Sink]:
    """Run a sink in a thread of its own."""
    sink, loop = Sink(**options), asyncio.new_event_loop()
    server = loop.run_until_complete(
        asyncio.start_server(
            sink.serve,
            "127.0.0.1",
            0,
            limit=10_000_000,
            ssl=_tls() if sink.is_encrypted else None,
        )
    )
    sink.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        asyncio.run_coroutine_threadsafe(_stop(server), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    return context


async def _stop(server: asyncio.Server) -> None:
    server.close()
    sessions = asyncio.all_tasks() - {asyncio.current_task()}
    for session in sessions:
        session.cancel()
    await asyncio.gather(*sessions, return_exceptions=True)
