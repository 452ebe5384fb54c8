"""How many requests a second a key may send, and how many a minute an address without one.

They are counted in Redis; where it is not, or is gone, each process counts for itself, and nobody
is kept waiting for it.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.timezone import now
from limits.storage import MemoryStorage, RedisStorage, Storage
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from growth.models import Project

MANAGEMENT, INGEST = "management", "ingest"
RATES = {
    MANAGEMENT: {Project.Plan.FREE: 10, Project.Plan.GROWTH: 50, Project.Plan.SCALE: 100},
    INGEST: {Project.Plan.FREE: 100, Project.Plan.GROWTH: 500, Project.Plan.SCALE: 1000},
}
"""Requests a second of one key."""

MINUTE = timedelta(minutes=1)

_HOME = 64  # bits of an IPv6 address that a provider gives to one customer
_REDIS_TIMEOUT = 0.1  # seconds
_REDIS_PAUSE = 5  # seconds without Redis after it failed

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Rate:
    """Where somebody stands in the window that runs until ``reset``, in seconds since 1970."""

    limit: int
    count: int
    reset: int

    @property
    def is_exceeded(self) -> bool:
        """Whether this request is one too many."""
        return self.count > self.limit

    def headers(self) -> dict[str, str]:
        """Return what every answer says of it."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(self.limit - self.count, 0)),
            "X-RateLimit-Reset": str(self.reset),
        }


class Counter:
    """Counts requests in Redis, and in this process while Redis is away."""

    def __init__(self, url: str) -> None:
        self._local = MemoryStorage()
        self._shared: Storage | None = None
        self._away_until = 0.0
        if url.startswith(("redis:", "rediss:", "unix:")):
            timeouts = {"socket_timeout": _REDIS_TIMEOUT, "socket_connect_timeout": _REDIS_TIMEOUT}
            self._shared = RedisStorage(url, **timeouts)

    def add(self, name: str, seconds: int = 2) -> int:
        """Return how many have come under the name, this one included, in so many seconds."""
        if self._shared and time.monotonic() >= self._away_until:
            try:
                return self._shared.incr(name, seconds)
            except Exception as error:  # Whatever is wrong with it, requests go on.
                self._away_until = time.monotonic() + _REDIS_PAUSE
                log.warning("rate_limits_are_local", error=repr(error))
        return self._local.incr(name, seconds)


_counter = Counter(settings.BROKER_URL)


def is_within(name: str, limit: int, window: timedelta, *, at: datetime) -> bool:
    """Count one under the name, and tell whether that is still within the limit of the window."""
    return not settings.RATE_LIMITS or not _rate(name, limit, window, at=at).is_exceeded


def _rate(name: str, limit: int, window: timedelta, *, at: datetime) -> Rate:
    """Count one under the name. Windows follow each other without a gap, from 1970 on.

    The first that is too many is logged: what is turned away later in the window adds nothing.
    """
    seconds = int(window.total_seconds())
    number = int(at.timestamp() // seconds)
    rate = Rate(limit, _counter.add(f"limit/{name}/{number}", seconds), (number + 1) * seconds)
    if rate.count == limit + 1:
        log.warning("limit_reached", name=name, limit=limit, seconds=seconds)
    return rate


def client_address(request: HttpRequest) -> str:
    """Return where the request comes from; of what it says of that, only our own proxies' word.

    Of IPv6 it is the network, because each home has more addresses than a limit can count.
    """
    told = request.META.get("REMOTE_ADDR", "")
    if settings.PROXIES:
        hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        told = hops[-min(settings.PROXIES, len(hops))].strip()
    try:
        address = ip_address(told)
    except ValueError:
        return told
    if not isinstance(address, IPv6Address):
        return told
    return str(address.ipv4_mapped or ip_network((address, _HOME), strict=False))


class KeyThrottle(BaseThrottle):
    """Lets each key send what the plan of its project allows; ``view.rate`` names which rate."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if not settings.RATE_LIMITS or request.auth is None:
            return True
        kind = getattr(view, "rate", MANAGEMENT)
        second = int(time.time())
        count = _counter.add(f"rate/{kind}/{request.auth.pk}/{second}")
        rate = Rate(RATES[kind][request.auth.project.plan], count, second + 1)
        request._request.rate = rate
        return not rate.is_exceeded

    def wait(self) -> float:
        return math.ceil(time.time()) - time.time()


class AddressThrottle(BaseThrottle):
    """Lets each network address ask so often a minute for what needs no key."""

    def allow_request(self, request: Request, view: Any) -> bool:
        return is_address_welcome(request._request)

    def wait(self) -> float:
        return seconds_left()


def is_address_welcome(request: HttpRequest) -> bool:
    """Count the request under its address, and tell whether it is to be answered."""
    if not settings.RATE_LIMITS:
        return True
    name = f"public/{client_address(request)}"
    request.rate = _rate(name, settings.PUBLIC_REQUESTS_PER_ADDRESS, MINUTE, at=now())
    return not request.rate.is_exceeded


def seconds_left() -> float:
    """Return how long the minute goes on."""
    return 60 - time.time() % 60


class RateMiddleware:
    """Tells in every answer where the key, or the address without one, stands."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if rate := getattr(request, "rate", None):
            for name, value in rate.headers().items():
                response.headers[name] = value
        return response
