"""The queue of deliveries: due rows are taken, given back and settled by single statements.

Each endpoint may have only so many in hand as it takes quickly: one that answers in 50 ms gets many
at once, one that needs seconds gets two, one that fails gets one. So receivers that are slow or
dead fill no worker, and hold up nobody else's. A claim ends by itself: what a worker that died had
in hand is due again, with the same id.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from growth import ids
from webhooks.models.delivery import LEASE, Delivery
from webhooks.models.endpoint import BREAKER

MOST_AT_ONCE = 64
FEWEST_AT_ONCE = 2
_SECONDS_OF_WORK = 8.0
"""The time that all attempts under way at one endpoint may be expected to take together."""
_MOST_IN_HAND = 1024
_SECONDS_IN_HAND = 0.25
_NEW = 1.0  # the latency we expect of an endpoint that was never called

_CLAIM = """
WITH RECURSIVE endpoint (project_id, id, due_at) AS (  -- one step of the index each
    (SELECT project_id, endpoint_id, due_at FROM webhooks_delivery
      WHERE due_at IS NOT NULL
      ORDER BY project_id, endpoint_id, due_at LIMIT 1)
    UNION ALL
    SELECT next.project_id, next.endpoint_id, next.due_at
      FROM endpoint, LATERAL (
           SELECT project_id, endpoint_id, due_at FROM webhooks_delivery
            WHERE due_at IS NOT NULL
              AND (project_id, endpoint_id) > (endpoint.project_id, endpoint.id)
            ORDER BY project_id, endpoint_id, due_at LIMIT 1) next
), open AS (
    SELECT endpoint.project_id, endpoint.id, endpoint.due_at,
           CASE WHEN owner.failures >= %(breaker)s THEN 1
                ELSE greatest(%(fewest)s, least(%(most_in_hand)s, greatest(
                     least(%(most)s, %(work)s / coalesce(owner.latency, %(new)s)),
                     %(most)s * %(seconds)s / coalesce(owner.latency, %(new)s))))::int
           END AS room
      FROM endpoint
      JOIN webhooks_endpoint owner ON owner.id = endpoint.id
     WHERE endpoint.due_at <= %(at)s
       AND owner.disabled_at IS NULL AND owner.deleted_at IS NULL
       AND (owner.held_until IS NULL OR owner.held_until <= %(at)s)
), due AS (
    SELECT open.project_id, open.id, open.room - first.busy AS room
      FROM open, LATERAL (  -- Those in hand are among the first, for the first are taken first.
           SELECT count(*) FILTER (WHERE leased_until > %(at)s) AS busy,
                  min(due_at) FILTER (WHERE coalesce(leased_until <= %(at)s, true)) AS due_at
             FROM (SELECT leased_until, due_at FROM webhooks_delivery
                    WHERE project_id = open.project_id AND endpoint_id = open.id
                      AND due_at <= %(at)s
                    ORDER BY due_at LIMIT 2 * open.room + %(most)s) row) first
     WHERE open.room > first.busy AND first.due_at IS NOT NULL
     ORDER BY row_number() OVER (PARTITION BY open.project_id ORDER BY first.due_at), first.due_at
     LIMIT %(limit)s
), shared AS (
    SELECT due.project_id, due.id, least(due.room, ceil(%(limit)s::numeric
           / count(*) OVER (PARTITION BY due.project_id)
           / (SELECT count(DISTINCT project_id) FROM due))) AS share
      FROM due
), taken AS (
    SELECT mine.id FROM shared CROSS JOIN LATERAL (
           SELECT id FROM webhooks_delivery
            WHERE project_id = shared.project_id AND endpoint_id = shared.id
              AND due_at <= %(at)s AND coalesce(leased_until <= %(at)s, true)
            ORDER BY due_at LIMIT shared.share
              FOR UPDATE SKIP LOCKED) mine
     LIMIT 2 * %(limit)s  -- Never reached; without it the planner expects a tenth of the queue.
)
UPDATE webhooks_delivery delivery
   SET leased_until = %(until)s, begun_at = coalesce(begun_at, %(at)s)  -- No index knows them.
  FROM taken, webhooks_endpoint owner
 WHERE delivery.id = taken.id AND owner.id = delivery.endpoint_id
RETURNING delivery.id, delivery.endpoint_id, delivery.domain_event_id, delivery.type, delivery.body,
          delivery.attempt, delivery.begun_at, owner.url, owner.secret,
          CASE WHEN owner.previous_secret_until > %(at)s THEN owner.previous_secret ELSE '' END,
          owner.latency, owner.failures
"""


class Parcel(NamedTuple):
    """A delivery in the hands of a worker, and what it takes to post it."""

    key: int
    endpoint: int
    event: int
    type: str
    body: str
    attempt: int
    begun_at: datetime
    url: str
    secret: str
    previous_secret: str
    latency: float | None
    failures: int
    until: datetime

    @property
    def event_id(self) -> str:
        """The public id of the event: the receiver knows repetitions by it."""
        return ids.encode(_EVENT_PREFIX, self.event)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets to sign with, the newest first."""
        return (self.secret, self.previous_secret) if self.previous_secret else (self.secret,)

    @property
    def at_once(self) -> int:
        """How many posts to the endpoint may be under way together."""
        if self.failures >= BREAKER:
            return 1
        fitting = int(_SECONDS_OF_WORK / max(self.latency or _NEW, 0.001))
        return max(FEWEST_AT_ONCE, min(MOST_AT_ONCE, fitting))


def claim(*, at: datetime, limit: int) -> list[Parcel]:
    """Take due deliveries for this worker, a fair share for each project and endpoint."""
    until = at + LEASE
    with connection.cursor() as cursor:
        cursor.execute(
            _CLAIM,
            {
                "at": at,
                "until": until,
                "limit": limit,
                "breaker": BREAKER,
                "fewest": FEWEST_AT_ONCE,
                "most": MOST_AT_ONCE,
                "most_in_hand": _MOST_IN_HAND,
                "work": _SECONDS_OF_WORK,
                "seconds": _SECONDS_IN_HAND,
                "new": _NEW,
            },
        )
        parcels = [Parcel(*row, until) for row in cursor.fetchall()]
    parcels.sort(key=lambda parcel: parcel.key)
    return parcels


def release(parcels: Sequence[Parcel]) -> None:
    """Give back what was taken and not begun; each keeps its place."""
    if not parcels:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE webhooks_delivery SET leased_until = NULL
             WHERE id = ANY(%s) AND leased_until = ANY(%s)
            """,
            [[each.key for each in parcels], list({each.until for each in parcels})],
        )


_EVENT_PREFIX = Delivery._meta.get_field("domain_event").target_field.prefix
