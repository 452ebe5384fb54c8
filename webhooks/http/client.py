"""Posts bodies to addresses that customers name. Every failure is an answer, never an exception.

aiohttp dials, keeps connections, and reads answers; the request is written here, all at once: it
differs from the one before it in a few lines only, and building each anew from its parts, as
aiohttp's session does, takes longer than all the rest of a post.
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from weakref import WeakSet

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from webhooks.http.addresses import Forbidden, Guard, Network
from webhooks.http.dialing import connector

DEADLINE = 15.0
EXCERPT = 1024
_DRAINED = 64 * 1024
"""So much of an answer is read, so that the connection can be used again; the rest is not."""
_BODY_SECONDS = 5.0
_RESOLVERS = 64
_NO_TIMEOUT = aiohttp.ClientTimeout(total=None)  # ``post`` has one for all of it.


class Answer(NamedTuple):
    """What came of one post: a status, or the word for why there was none."""

    status: int | None = None
    excerpt: str = ""
    retry_after: str = ""
    error: str = ""
    seconds: float = 0.0

    @property
    def is_success(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


class _Target(NamedTuple):
    """Where a post goes: by which connections, and the lines of its head that never change."""

    request: aiohttp.ClientRequest
    kept: aiohttp.TCPConnector
    fresh: aiohttp.TCPConnector
    head: bytes


class _Stale(Exception):
    """A connection that was kept ended before it answered: it was closed as we took it."""


class Client:
    """Posts from the event loop that it was made in; connections are kept while it lives."""

    def __init__(self, allowed: Sequence[Network], *, agent: str, deadline: float = DEADLINE):
        self._threads = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolver")
        self._deadline = deadline
        self._agent = agent
        self._targets: dict[str, _Target] = {}
        self._used: WeakSet[ResponseHandler] = WeakSet()
        self._connectors = {
            (scheme, is_kept): connector(
                Guard(allowed, is_tls=scheme == "https"), self._threads, is_kept=is_kept
            )
            for scheme in ("https", "http")
            for is_kept in (True, False)
        }

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post the body and return the answer, which comes within the deadline."""
        time = asyncio.get_running_loop().time
        start = time()
        try:
            async with asyncio.timeout(self._deadline):
                answer = await self._exchange(url, body, headers)
        except Exception as error:
            answer = Answer(error=_word(error))
        return answer._replace(seconds=time() - start)

    async def close(self) -> None:
        """Close all connections."""
        for each in self._connectors.values():
            await each.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _exchange(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post on a connection that was kept, if there is one; if it was closed as we took it, on
        a new one.
        """
        target = self._targets.get(url) or self._target(url)
        lines = "".join([f"{name}: {text}\r\n" for name, text in headers.items()])
        length = b"Content-Length: %d\r\n\r\n" % len(body)
        request = b"".join((target.head, lines.encode(), length, body))
        try:
            return await self._post_once(target.kept, target, request)
        except _Stale:
            return await self._post_once(target.fresh, target, request)

    async def _post_once(
        self, connector: aiohttp.TCPConnector, target: _Target, request: bytes
    ) -> Answer:
        connection = await connector.connect(target.request, [], _NO_TIMEOUT)
        protocol, transport = connection.protocol, connection.transport
        assert protocol is not None  # until the connection is closed
        assert transport is not None
        is_new = protocol not in self._used
        try:
            self._used.add(protocol)
            protocol.set_response_params(read_until_eof=True, auto_decompress=False)
            transport.write(request)
            return await _answer(connection, protocol)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if is_new:
                raise
            raise _Stale from error
        finally:
            connection.close()  # unless its answer has been read

    def _target(self, url: str) -> _Target:
        parsed = URL(url)
        request = aiohttp.ClientRequest("POST", parsed, loop=asyncio.get_running_loop())
        lines = (
            f"POST {parsed.raw_path_qs} HTTP/1.1",
            f"Host: {request.headers['Host']}",
            "Accept: */*",
            "Accept-Encoding: identity",
            "Content-Type: application/json",
            f"User-Agent: {self._agent}",
        )
        kept, fresh = (self._connectors[parsed.scheme, is_kept] for is_kept in (True, False))
        target = _Target(request, kept, fresh, "".join(f"{each}\r\n" for each in lines).encode())
        self._targets[url] = target
        return target


async def _answer(connection: Connection, protocol: ResponseHandler) -> Answer:
    """Return what is answered on the connection, which is kept if all of the answer was read."""
    message, content = await protocol.read()
    while 100 <= message.code < 200 and message.code != 101:  # More is to come.
        message, content = await protocol.read()
    excerpt = await _excerpt(content)
    connection.release()
    return Answer(message.code, excerpt, message.headers.get("Retry-After", ""))


async def _excerpt(content: aiohttp.StreamReader) -> str:
    """Return the beginning of the body. The status has been said: a body that drips, is broken or
    never ends changes nothing, but that its connection is not kept.
    """
    if content.is_eof():  # Most are here as soon as their status is.
        return _text(content.read_nowait(EXCERPT))
    read = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            while len(read) <= _DRAINED and (chunk := await content.readany()):
                read += chunk
    except (aiohttp.ClientError, TimeoutError):
        pass  # aiohttp keeps no connection whose answer did not end.
    return _text(bytes(read[:EXCERPT]))


def _text(body: bytes) -> str:
    return body.decode("utf-8", errors="replace").replace("\0", "�")


def _word(error: BaseException) -> str:
    """Return the word for what went wrong; an error of a kind we do not know is one too."""
    for each in (error, error.__cause__, error.__context__):
        if isinstance(each, Forbidden):
            return "address_forbidden"
    for kinds, word in _WORDS:
        if isinstance(error, kinds):
            return word
    return "request_failed"


_WORDS: tuple[tuple[Any, str], ...] = (
    ((TimeoutError, aiohttp.ServerTimeoutError), "timeout"),
    ((aiohttp.ClientConnectorDNSError, socket.gaierror), "name_not_found"),
    ((aiohttp.ClientSSLError, ssl.SSLError, ssl.CertificateError), "tls_failed"),
    (
        (aiohttp.ServerDisconnectedError, aiohttp.ClientConnectionResetError, ConnectionError),
        "disconnected",
    ),
    ((aiohttp.ClientConnectorError, aiohttp.ClientOSError, OSError), "connection_failed"),
    ((aiohttp.InvalidURL, KeyError, ValueError), "bad_address"),
    ((HttpProcessingError, aiohttp.ClientPayloadError), "bad_answer"),
)
