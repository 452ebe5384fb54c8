"""Posts bodies to addresses that customers name. Every failure is an answer, never an exception."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from webhooks.http.addresses import Forbidden, Guard, Network

DEADLINE = 15.0
EXCERPT = 1024
_DRAINED = 64 * 1024
"""So much of an answer is read, so that the connection can be used again; the rest is not."""
_BODY_SECONDS = 5.0
_RESOLVERS = 64


@dataclass(frozen=True)
class Answer:
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


class Resolver(AbstractResolver):
    """Resolves a name once, and lets it pass only if all that it resolves to may be dialed.

    Names are looked up in threads of our own, so that a name whose servers are slow holds up no
    other.
    """

    def __init__(self, guard: Guard, threads: ThreadPoolExecutor) -> None:
        self._guard, self._threads = guard, threads

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _look_up, host, port, family)
        results = [_result(host, port, each) for each in found]
        for each in results:
            self._guard.vet(each["host"], port)
        return results

    async def close(self) -> None:
        """There is nothing to close: the threads are shared."""


def _look_up(host: str, port: int, family: int) -> list[Any]:
    return socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)


def _result(host: str, port: int, info: Any) -> ResolveResult:
    family, _, proto, _, address = info
    numeric = f"{address[0]}%{address[3]}" if len(address) > 2 and address[3] else address[0]
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(
        hostname=host, host=numeric, port=port, family=family, proto=proto, flags=flags
    )


class _Tracks:
    """Whether a post needed a connection of its own."""

    is_new = False


async def _note_connection(session: Any, context: Any, params: Any) -> None:
    context.trace_request_ctx.is_new = True


_TRACING = aiohttp.TraceConfig()
_TRACING.on_connection_create_start.append(_note_connection)


class Client:
    """Posts from the event loop that it was made in; connections are kept while it lives."""

    def __init__(self, allowed: Sequence[Network], *, agent: str, deadline: float = DEADLINE):
        self._threads = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolver")
        self._deadline = deadline
        self._agent = agent
        self._sessions = {
            (scheme, is_kept): self._session(Guard(allowed, is_tls=scheme == "https"), is_kept)
            for scheme in ("https", "http")
            for is_kept in (True, False)
        }

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Post the body and return the answer, which comes within the deadline."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        try:
            async with asyncio.timeout(self._deadline):
                fields = await self._exchange(url, body, headers)
        except Exception as error:
            fields = {"error": _word(error)}
        return Answer(**fields, seconds=loop.time() - start)

    async def close(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _exchange(self, url: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        """Post on a connection that was kept, if there is one; if it was closed as we took it, on
        a new one.
        """
        parsed, tracks = URL(url), _Tracks()
        try:
            return await self._post_once(True, parsed, body, headers, tracks)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            if tracks.is_new:
                raise
        return await self._post_once(False, parsed, body, headers, tracks)

    async def _post_once(
        self, is_kept: bool, url: URL, body: bytes, headers: dict[str, str], tracks: _Tracks
    ) -> dict[str, Any]:
        session = self._sessions[url.scheme, is_kept]
        async with session.post(
            url, data=body, headers=headers, allow_redirects=False, trace_request_ctx=tracks
        ) as response:
            return {
                "status": response.status,
                "retry_after": response.headers.get("Retry-After", ""),
                "excerpt": await _excerpt(response),
            }

    def _session(self, guard: Guard, is_kept: bool) -> aiohttp.ClientSession:
        def guarded_socket(info: Any) -> socket.socket:
            """Look once more at what is dialed, whichever way it came here."""
            family, kind, protocol, _, address = info
            guard.vet(_numeric(address), address[1])
            return socket.socket(family, kind, protocol)

        connector = aiohttp.TCPConnector(
            resolver=Resolver(guard, self._threads),
            socket_factory=guarded_socket,
            limit=0,
            force_close=not is_kept,
        )
        return aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None),  # ``post`` has one for all of it.
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            trace_configs=[_TRACING],
            headers={
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": self._agent,
            },
        )


def _numeric(address: Any) -> str:
    return f"{address[0]}%{address[3]}" if len(address) > 2 and address[3] else str(address[0])


async def _excerpt(response: aiohttp.ClientResponse) -> str:
    """Return the beginning of the body. The status has been said: a body that drips, is broken or
    never ends changes nothing.
    """
    if response.content.is_eof():  # Most are here as soon as their status is.
        return _text(response.content.read_nowait(EXCERPT))
    read = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            while len(read) <= _DRAINED and (chunk := await response.content.readany()):
                read += chunk
    except (aiohttp.ClientError, TimeoutError):
        response.close()
    if len(read) > _DRAINED:
        response.close()
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
    ((aiohttp.ClientResponseError, aiohttp.ClientPayloadError), "bad_answer"),
)
