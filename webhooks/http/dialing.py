"""Connections to what customers name: a name is resolved once, and what is dialed was vetted."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from webhooks.http.addresses import Guard


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


def connector(guard: Guard, threads: ThreadPoolExecutor, *, is_kept: bool) -> aiohttp.TCPConnector:
    """Return what dials as the guard lets it, and keeps connections for the next post or not."""

    def guarded_socket(info: Any) -> socket.socket:
        """Look once more at what is dialed, whichever way it came here."""
        family, kind, protocol, _, address = info
        guard.vet(_numeric(address), address[1])
        return socket.socket(family, kind, protocol)

    return aiohttp.TCPConnector(
        resolver=Resolver(guard, threads),
        socket_factory=guarded_socket,
        limit=0,
        force_close=not is_kept,
    )


def _numeric(address: Any) -> str:
    return f"{address[0]}%{address[3]}" if len(address) > 2 and address[3] else str(address[0])
