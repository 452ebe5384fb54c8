"""A mail server that only answers: the least that any could do, so that it hides nothing of us.

``python -m growth.management.bench.sink`` prints its port, and takes all that comes.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_END = b"\r\n.\r\n"
_ANSWERS = {
    b"EHLO": b"250-sink\r\n250 PIPELINING\r\n",
    b"DATA": b"354 Go on\r\n",
    b"QUIT": b"221 Bye\r\n",
}


class _Session(asyncio.Protocol):
    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport, self._rest, self._is_message = transport, b"", False
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._rest += data
        answers = []
        while answer := self._next():
            answers.append(answer)
        if answers:
            self._transport.write(b"".join(answers))

    def _next(self) -> bytes:
        head, found, rest = self._rest.partition(_END if self._is_message else b"\r\n")
        if not found:
            return b""
        self._rest = rest
        if self._is_message:
            self._is_message = False
            return b"250 OK\r\n"
        verb = head[:4].upper()
        self._is_message = verb == b"DATA"
        return _ANSWERS.get(verb, b"250 OK\r\n")


@contextmanager
def running() -> Iterator[int]:
    """Run the server in a process of its own, yield its port, and end it."""
    process = subprocess.Popen([sys.executable, "-m", __name__], stdout=subprocess.PIPE)
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate()


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Session, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
