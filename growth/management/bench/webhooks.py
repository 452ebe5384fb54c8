"""Deliveries to receivers in processes of their own."""

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from ipaddress import ip_network
from statistics import median
from subprocess import PIPE, Popen

import aiohttp
from django.conf import settings
from django.db import connection
from django.utils.timezone import now

from growth import outbox
from growth.management.bench.measure import Ratio, paced, ratio, rounds
from growth.models import DomainEvent, DomainEventType, Project
from growth.projects.operations import found_project
from webhooks import signing
from webhooks.models import Delivery, Endpoint
from webhooks.operations.claiming import MOST_AT_ONCE
from webhooks.operations.endpoints import create_endpoint
from webhooks.operations.posting import Courier
from webhooks.queries import frozen

SIZES = {True: 1_000, False: 10_000}
ENDPOINTS = 10
_RECEIVER = """
import asyncio, sys
class Receiver(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.rest = transport, b""
    def data_received(self, data):
        data = self.rest + data
        while (end := data.find(b"\\r\\n\\r\\n")) >= 0:
            at = data.lower().find(b"content-length:", 0, end)
            size = end + 4 + int(data[at + 15 : data.find(b"\\r\\n", at)])
            if len(data) < size:
                break
            data = data[size:]
            if sys.argv[1] == "answers":
                self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
        self.rest = data
async def main():
    server = await asyncio.get_running_loop().create_server(
        Receiver, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


def run(database_url: str, *, is_small: bool) -> Iterator[Ratio]:
    """Compare with a bare aiohttp loop that signs and posts the same bodies and logs nothing, and
    nine endpoints beside a dead one with the same nine beside a tenth that lives.
    """
    settings.WEBHOOK_ALLOW_NETS = [ip_network("127.0.0.0/8")]
    size = SIZES[is_small]
    with ExitStack() as stack:
        url = stack.enter_context(_receiver("answers"))
        dead = stack.enter_context(_receiver("is silent"))
        project = found_project("bench", at=now()).project
        endpoint = _endpoint(project, url)
        contenders = {
            "ours": lambda: _ours(project, endpoint, size),
            "bare": paced(lambda: asyncio.run(_bare(project, url, size))),
        }
        results = rounds(contenders)
        yield Ratio(
            "deliveries/s to a bare aiohttp loop", ratio(results, "ours", "bare"), at_least=0.8
        )
        slowdowns = [_slowdown(url, dead, size // 10, number) for number in range(3)]
        yield Ratio(
            "95th percentile beside a dead endpoint to without", median(slowdowns), at_most=1.2
        )


@contextmanager
def _receiver(manner: str) -> Iterator[str]:
    process = Popen([sys.executable, "-c", _RECEIVER, manner], stdout=PIPE, text=True)
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/hooks"
    finally:
        process.kill()
        process.wait()


def _endpoint(project: Project, url: str) -> Endpoint:
    return create_endpoint(project, url=url, events=["*"], types=["*"], at=now())


def _happen(project: Project, count: int, at: datetime) -> None:
    """Let so many events of 500 bytes happen, and have their deliveries planned."""
    type = DomainEventType.CONTACT_UPDATED
    for start in range(0, count, 1000):
        news = [
            outbox.News(type, {"n": n, "text": "x" * 180})
            for n in range(start, min(start + 1000, count))
        ]
        outbox.emit(project, *news, at=at)
    while outbox.relay(at=at):
        pass


def _ours(project: Project, endpoint: Endpoint, size: int) -> float:
    """Return our pace at deliveries that are planned; planning has its own place."""
    _happen(project, size, now())
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE webhooks_delivery")
    pace = paced(lambda: _post_all(size))()
    done = endpoint.deliveries.filter(status=Delivery.Status.DELIVERED).count()
    if done < size:
        raise RuntimeError(f"Only {done} of {size} were delivered.")
    Delivery.objects.all().delete()
    DomainEvent.objects.all().delete()
    return pace


def _post_all(size: int, seconds: float = 120) -> int:
    courier, stop = Courier(), time.monotonic() + seconds
    try:
        while courier.step(at=now()) and time.monotonic() < stop:
            pass
        courier.settle(at=now())
    finally:
        courier.close()
    return size


async def _bare(project: Project, url: str, size: int) -> int:
    """Sign and post as many bodies, as many at once, with nothing around it."""
    event = DomainEvent(
        id="evt_0123456789",
        project=project,
        type=DomainEventType.CONTACT_UPDATED,
        data={"n": 1, "text": "x" * 180},
        created_at=now(),
    )
    body, numbers, secret = frozen(event).encode(), iter(range(size)), signing.new_secret()
    connector = aiohttp.TCPConnector(limit=0)
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def work() -> None:
            for number in numbers:
                signed = signing.headers(
                    id=f"evt_{number}",
                    type=event.type,
                    body=body,
                    timestamp=int(time.time()),
                    secrets=[secret],
                )
                async with session.post(url, data=body, headers=signed) as response:
                    await response.read()

        await asyncio.gather(*(work() for _ in range(MOST_AT_ONCE)))
    return size


def _slowdown(url: str, dead: str, size: int, number: int) -> float:
    """Return the others' 95th percentile beside a dead endpoint to that beside a living one."""
    return _percentile(url, dead, size, number) / _percentile(url, url, size, number)


def _percentile(url: str, tenth: str, size: int, number: int) -> float:
    """Return within how many seconds of its event a delivery of the first nine has arrived."""
    project = Project.objects.create(name=f"bench-{number}-{os.urandom(4).hex()}")
    others = [_endpoint(project, url) for _ in range(ENDPOINTS - 1)]
    last = _endpoint(project, tenth)
    at = now()
    _happen(project, size, at)
    courier, arrived = Courier(deadline=5), []
    begun = time.monotonic()
    waiting = Delivery.objects.filter(endpoint__in=others, status="pending")
    known = waiting.count()
    while known and time.monotonic() < begun + 60:
        courier.step(at=now())
        left = waiting.count()
        arrived += [time.monotonic() - begun] * (known - left)
        known = left
    last.remove(at=now())
    courier.drain()
    courier.settle(at=now())
    courier.close()
    for each in others:
        each.remove(at=now())
    Delivery.objects.filter(project=project).delete()
    return sorted(arrived)[int(len(arrived) * 0.95)]
