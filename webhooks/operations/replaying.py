"""Events of the past, queued again for one endpoint: those it misses, those that failed, or all."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from growth import outbox
from growth.models import DomainEvent
from growth.transactions import atomic_with_retries
from webhooks.models import Endpoint, Replay
from webhooks.models.delivery import ATTEMPT_TASK, REPLAY_TASK
from webhooks.models.subscriptions import types_of
from webhooks.queries import frozen

_BATCH = 500

# What is under way or due is left alone: it is being sent anyhow.
_QUEUE = """
    INSERT INTO webhooks_delivery AS delivery
           (project_id, endpoint_id, domain_event_id, type, body, is_test, status, attempt,
            created_at, due_at, response_body, error)
    SELECT %(project)s, %(endpoint)s, event.id, event.type, event.body, false, 'pending', 0,
           event.created_at, %(at)s, '', ''
      FROM unnest(%(ids)s::bigint[], %(types)s::text[], %(bodies)s::text[],
                  %(times)s::timestamptz[]) AS event (id, type, body, created_at)
     WHERE %(which)s <> 'failed' OR EXISTS (
           SELECT FROM webhooks_delivery known
            WHERE known.project_id = %(project)s AND known.endpoint_id = %(endpoint)s
              AND known.domain_event_id = event.id)
     ORDER BY event.id
    ON CONFLICT (project_id, endpoint_id, domain_event_id) DO UPDATE
       SET status = 'pending', attempt = 0, begun_at = NULL, delivered_at = NULL, due_at = %(at)s
     WHERE delivery.due_at IS NULL
       AND (%(which)s = 'all' OR delivery.status <> 'delivered')
"""


def begin_replay(
    endpoint: Endpoint, *, since: datetime, until: datetime, which: str, at: datetime
) -> Replay:
    """Have the events of the range queued again for the endpoint."""
    replay = Replay.objects.create(
        project=endpoint.project,
        endpoint=endpoint,
        since=since,
        until=until,
        which=which,
        created_at=at,
        due_at=at,
    )
    outbox.wake(REPLAY_TASK)
    return replay


@atomic_with_retries
def replay(*, at: datetime) -> int:
    """Queue the next events of one replay; return how many replays were worked on.

    The place it has come to commits with what is queued, so it goes on there if it is killed.
    """
    rows = Replay.objects.running().select_related("endpoint__project")
    rows = rows.select_for_update(skip_locked=True, of=("self",))
    running = rows.order_by("due_at", "id").first()
    if running is None:
        return 0
    events = _next(running)
    if events:
        running.queued += _queue(running, events, at)
        running.position = events[-1].position
    is_done = len(events) < _BATCH or running.endpoint.deleted_at is not None
    running.due_at = None if is_done else at  # Others have their turn first.
    running.save(update_fields=["queued", "position", "due_at"])
    outbox.wake(ATTEMPT_TASK)
    return 1


def _next(running: Replay) -> Sequence[DomainEvent]:
    types = types_of(running.endpoint.types)
    events = DomainEvent.objects.filter(
        project=running.project_id,
        position__gt=running.position,
        type__in=types,
        created_at__gte=running.since,
        created_at__lt=running.until,
    )
    return list(events.order_by("position")[:_BATCH])


def _queue(running: Replay, events: Sequence[DomainEvent], at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            _QUEUE,
            {
                "project": running.project_key,
                "endpoint": running.endpoint.key,
                "which": running.which,
                "at": at,
                "ids": [event.key for event in events],
                "types": [event.type for event in events],
                "bodies": [frozen(event) for event in events],
                "times": [event.created_at for event in events],
            },
        )
        return cursor.rowcount
