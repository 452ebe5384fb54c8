"""Posts what is due, as one loop that claims, posts and records until nothing is left.

The event loop runs only inside ``step`` and ``drain``, so that the database is never asked while it
runs. Each endpoint has a lane of its own: however long one takes, the others' lanes move on.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from datetime import datetime

import structlog
from django.conf import settings

from webhooks import signing
from webhooks.http.client import DEADLINE, Answer, Client
from webhooks.models.delivery import LEASE
from webhooks.operations.claiming import Parcel, claim, release
from webhooks.operations.outcomes import Outcome, record

IN_HAND = 1024
_STEP_SECONDS = 0.1
_ENOUGH = 128
"""So many finished attempts are worth a statement."""
_MUST_START_WITHIN = LEASE.total_seconds() - DEADLINE - 5

log = structlog.get_logger(__name__)


class Lane:
    """What waits in this process for one endpoint, and how many posts are under way to it."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[float, Parcel]] = deque()
        self.under_way = 0
        self.at_once = 1


class Courier:
    """Posts deliveries; made for one run of the sweep, and closed at its end."""

    def __init__(self, *, deadline: float = DEADLINE) -> None:
        self._loop = asyncio.new_event_loop()
        self._client = self._loop.run_until_complete(_client(deadline))
        self._lanes: dict[int, Lane] = {}
        self._done: list[Outcome] = []
        self._tasks: set[asyncio.Task] = set()
        self._news = asyncio.Event()

    @property
    def in_hand(self) -> int:
        """How many deliveries are here, under way or waiting."""
        return sum(len(lane.waiting) + lane.under_way for lane in self._lanes.values())

    def step(self, *, at: datetime) -> int:
        """Take what is due, post for a moment, and record what came of it; return how much is
        left to do.
        """
        taken = claim(at=at, limit=IN_HAND - self.in_hand) if self.in_hand < IN_HAND else []
        self._accept(taken)
        if self._tasks:
            self._loop.run_until_complete(self._post_for_a_moment())
        done = self._record(at)
        return len(taken) + done + self.in_hand

    def drain(self) -> None:
        """Finish what is under way; what waits is given back."""
        for lane in self._lanes.values():
            lane.at_once = 0
        if self._tasks:
            self._loop.run_until_complete(asyncio.wait(self._tasks))

    def settle(self, *, at: datetime) -> None:
        """Record what came of the last attempts, and give back what waits."""
        self._record(at)
        waiting = [parcel for lane in self._lanes.values() for _, parcel in lane.waiting]
        self._lanes.clear()
        release(waiting, at=at)

    def close(self) -> None:
        """Close all connections."""
        for task in self._tasks:
            task.cancel()
        self._loop.run_until_complete(_closed(self._client, self._tasks))
        self._loop.close()

    def _accept(self, parcels: Sequence[Parcel]) -> None:
        last_start = time.monotonic() + _MUST_START_WITHIN
        for parcel in parcels:
            lane = self._lanes.setdefault(parcel.endpoint, Lane())
            lane.at_once = parcel.at_once
            lane.waiting.append((last_start, parcel))
        for lane in [self._lanes[key] for key in {parcel.endpoint for parcel in parcels}]:
            for _ in range(min(lane.at_once - lane.under_way, len(lane.waiting))):
                self._begin(lane)

    def _begin(self, lane: Lane) -> None:
        lane.under_way += 1
        task = self._loop.create_task(self._work(lane))
        self._tasks.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task) -> None:
        self._tasks.discard(task)
        self._news.set()
        if not task.cancelled() and (error := task.exception()):
            log.error("courier_failed", error=repr(error))

    async def _work(self, lane: Lane) -> None:
        """Post one after the other while there is something and the lane is wide enough."""
        try:
            while lane.waiting and lane.under_way <= lane.at_once:
                last_start, parcel = lane.waiting.popleft()
                if time.monotonic() > last_start:
                    continue  # Its lease may end before the attempt does; then it is due again.
                outcome = Outcome(parcel, await self._post(parcel))
                self._done.append(outcome)  # The list is another one than before the post.
                if len(self._done) >= _ENOUGH:
                    self._news.set()
        finally:
            lane.under_way -= 1

    async def _post(self, parcel: Parcel) -> Answer:
        body = parcel.body.encode()
        headers = signing.headers(
            id=parcel.event_id,
            type=parcel.type,
            body=body,
            timestamp=int(time.time()),
            secrets=parcel.secrets,
        )
        return await self._client.post(parcel.url, body, headers)

    async def _post_for_a_moment(self) -> None:
        self._news.clear()
        stop = self._loop.time() + _STEP_SECONDS
        while self._tasks and len(self._done) < _ENOUGH and self._loop.time() < stop:
            try:
                async with asyncio.timeout_at(stop):
                    await self._news.wait()
            except TimeoutError:
                return
            self._news.clear()

    def _record(self, at: datetime) -> int:
        """Write what is done; a lane whose endpoint fails is emptied, and claimed anew by rule."""
        done, self._done = self._done, []
        record(done, at=at)
        failed = {each.parcel.endpoint for each in done if not each.answer.is_success}
        given_back = []
        for key in failed:
            if lane := self._lanes.get(key):
                given_back += [parcel for _, parcel in lane.waiting]
                lane.waiting.clear()
        release(given_back, at=at)
        for key in [key for key, lane in self._lanes.items() if not lane.under_way]:
            if not self._lanes[key].waiting:
                del self._lanes[key]
        return len(done)


async def _client(deadline: float) -> Client:
    agent = f"GrowthOS-Webhooks/{settings.VERSION}"
    return Client(settings.WEBHOOK_ALLOW_NETS, agent=agent, deadline=deadline)


async def _closed(client: Client, tasks: set[asyncio.Task]) -> None:
    if tasks:
        await asyncio.wait(set(tasks))
    await client.close()
