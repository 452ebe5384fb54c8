"""Posts what is due: one thread claims and records, another runs the event loop that posts.

So the posts go on while the database is asked. Each endpoint has a lane of its own: however long
one takes, the others' lanes move on. Whatever is handed to the loop comes back, posted or not.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings

from webhooks import signing
from webhooks.http.client import DEADLINE, Answer, Client
from webhooks.http.loop import Loop
from webhooks.models.delivery import LEASE
from webhooks.operations.claiming import Parcel, claim, release
from webhooks.operations.outcomes import Outcome, record

IN_HAND = 2048
_STEP_SECONDS = 0.1
_ENOUGH = 400
"""So many finished attempts are worth a statement."""
_MUST_START_WITHIN = LEASE.total_seconds() - DEADLINE - 5


class Courier:
    """Posts deliveries; made for one run of the sweep, and closed at its end."""

    def __init__(self, *, deadline: float = DEADLINE) -> None:
        self._in_hand = 0
        self._loop = Loop()
        self._lanes = self._loop.run(_lanes(self._loop, deadline))

    def step(self, *, at: datetime) -> int:
        """Take what is due, post for a moment, and record what came of it; return how much there
        was or is to do.
        """
        room = IN_HAND - self._in_hand  # A claim may be a few larger: shares are rounded up.
        taken = claim(at=at, limit=room) if room > 0 else []
        if taken:
            self._in_hand += len(taken)
            self._loop.call(self._lanes.accept, taken)
        if self._in_hand:
            self._lanes.wait(_STEP_SECONDS)
        return len(taken) + self.settle(at=at) + self._in_hand

    def drain(self) -> None:
        """Finish what is under way; what waits is not begun any more."""
        self._loop.call(self._lanes.stop)
        self._lanes.wait_for_the_last()

    def settle(self, *, at: datetime) -> int:
        """Record what was posted, give back what was not, and return how much that was."""
        posted, returned = self._lanes.take()
        self._in_hand -= len(posted) + len(returned)
        record(posted, at=at)
        release(returned)
        failed = {each.parcel.endpoint for each in posted if not each.answer.is_success}
        if failed:  # Whether they get more is for the next claim to say.
            self._loop.call(self._lanes.empty, failed)
        return len(posted) + len(returned)

    def close(self) -> None:
        """Close all connections; what is under way is lost, and due again when its lease ends."""
        self._loop.run(self._lanes.client.close())
        self._loop.close()


class Lane:
    """What waits for one endpoint, and how many posts are under way to it."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[float, Parcel]] = deque()
        self.under_way = 0
        self.at_once = 1


class Lanes:
    """Everything in hand, by endpoint. All but ``wait…`` and ``take`` run in the loop's thread."""

    def __init__(self, loop: Loop, client: Client) -> None:
        self.client = client
        self._loop = loop
        self._lanes: dict[int, Lane] = {}
        self._in_hand = 0
        self._is_stopped = False
        self._done: deque[Outcome | Parcel] = deque()
        self._is_worth_it = threading.Event()
        self._is_idle = threading.Event()
        self._is_idle.set()

    def accept(self, parcels: Sequence[Parcel]) -> None:
        """Post these as soon as their lanes let them."""
        last_start = time.monotonic() + _MUST_START_WITHIN
        self._in_hand += len(parcels)
        self._is_idle.clear()
        for parcel in parcels:
            lane = self._lanes.setdefault(parcel.endpoint, Lane())
            lane.at_once = parcel.at_once
            lane.waiting.append((last_start, parcel))
            if lane.under_way < lane.at_once:
                lane.under_way += 1
                self._loop.begin(self._work(lane))

    def empty(self, endpoints: set[int]) -> None:
        """Return what waits for these endpoints."""
        for key in endpoints & self._lanes.keys():
            waiting = self._lanes[key].waiting
            while waiting:
                self._finish(waiting.popleft()[1])

    def stop(self) -> None:
        """Return all that waits, and begin nothing more."""
        self._is_stopped = True
        self.empty(set(self._lanes))
        self._note()

    def wait(self, seconds: float) -> None:
        """Wait until enough is done to be worth a statement, or all is, or the time is over."""
        self._is_worth_it.wait(seconds)

    def wait_for_the_last(self) -> None:
        """Wait until nothing is under way."""
        self._is_idle.wait(DEADLINE + 5)

    def take(self) -> tuple[list[Outcome], list[Parcel]]:
        """Return what was posted since the last time, and what comes back as it was."""
        self._is_worth_it.clear()
        posted: list[Outcome] = []
        returned: list[Parcel] = []
        while self._done:
            each = self._done.popleft()
            if isinstance(each, Outcome):
                posted.append(each)
            else:
                returned.append(each)
        return posted, returned

    async def _work(self, lane: Lane) -> None:
        """Post one after the other while there is something and the lane is wide enough."""
        try:
            while lane.waiting and lane.under_way <= lane.at_once:
                last_start, parcel = lane.waiting.popleft()
                if self._is_stopped or time.monotonic() > last_start:
                    self._finish(parcel)  # Its lease might end before the attempt does.
                else:
                    self._finish(Outcome(parcel, await self._post(parcel)))
        finally:
            lane.under_way -= 1
            self._forget_idle_lanes()

    def _finish(self, done: Outcome | Parcel) -> None:
        self._done.append(done)
        self._in_hand -= 1
        self._note()

    def _note(self) -> None:
        if not self._in_hand:
            self._is_idle.set()
        if not self._in_hand or len(self._done) >= _ENOUGH:
            self._is_worth_it.set()

    def _forget_idle_lanes(self) -> None:
        if not self._in_hand:
            self._lanes.clear()

    async def _post(self, parcel: Parcel) -> Answer:
        body = parcel.body.encode()
        headers = signing.headers(
            id=parcel.event_id,
            type=parcel.type,
            body=body,
            timestamp=int(time.time()),
            secrets=parcel.secrets,
        )
        return await self.client.post(parcel.url, body, headers)


async def _lanes(loop: Loop, deadline: float) -> Lanes:
    agent = f"GrowthOS-Webhooks/{settings.VERSION}"
    return Lanes(loop, Client(settings.WEBHOOK_ALLOW_NETS, agent=agent, deadline=deadline))
