"""What became of attempts, written for many at once: their rows, and the health of endpoints."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
import structlog
from django.db import connection

from growth.transactions import atomic_with_retries
from webhooks.http.client import Answer
from webhooks.models.endpoint import BREAKER
from webhooks.operations.claiming import Parcel
from webhooks.operations.schedule import GIVES_UP_AFTER, asked_to_wait, hold, next_attempt

GONE = 410

log = structlog.get_logger(__name__)

_SETTLE = """
    UPDATE webhooks_delivery delivery
       SET attempt = least(delivery.attempt + 1, 32767),
           status = CASE WHEN row.success THEN 'delivered' ELSE 'failed' END,
           delivered_at = CASE WHEN row.success THEN %(at)s::timestamptz END,
           due_at = row.due_at, leased_until = NULL, http_status = row.status,
           response_time_ms = row.ms, response_body = row.excerpt, error = row.error
      FROM jsonb_to_recordset(%(rows)s)
           AS row (id bigint, until timestamptz, success boolean, due_at timestamptz,
                   status smallint, ms int, excerpt text, error text)
     WHERE delivery.id = row.id
       AND (delivery.leased_until = row.until  -- Else it is another worker's by now,
            OR row.success AND delivery.due_at IS NOT NULL)  -- which need not try any more.
"""

_TEND = """
    WITH row AS (
        SELECT * FROM unnest(%(keys)s::bigint[], %(failures)s::int[], %(successes)s::boolean[],
                             %(gone)s::boolean[], %(waits)s::interval[], %(latencies)s::float[])
               AS row (id, failures, success, gone, wait, latency)
    ), owner AS (
        SELECT endpoint.id, row.success, row.gone, row.wait, row.failures AS failed,
               CASE WHEN row.success THEN 0 ELSE endpoint.failures + row.failures END AS failures,
               (coalesce(endpoint.latency, row.latency) + row.latency) / 2 AS latency
          FROM webhooks_endpoint endpoint JOIN row ON row.id = endpoint.id
         ORDER BY endpoint.id FOR UPDATE OF endpoint
    )
    UPDATE webhooks_endpoint endpoint
       SET failures = owner.failures, latency = owner.latency,
           failing_since = CASE WHEN owner.success THEN NULL
                                ELSE coalesce(endpoint.failing_since, %(at)s) END,
           held_until = CASE WHEN owner.wait > interval '0' THEN %(at)s + owner.wait END
      FROM owner
     WHERE endpoint.id = owner.id
    RETURNING endpoint.id, endpoint.failures, endpoint.failing_since, owner.gone, owner.wait
"""


class Outcome(NamedTuple):
    """An attempt and what came of it."""

    parcel: Parcel
    answer: Answer


@atomic_with_retries
def record(outcomes: Sequence[Outcome], *, at: datetime) -> None:
    """Write what came of the attempts."""
    if not outcomes:
        return
    waits = [_wait(each.answer, at) for each in outcomes]
    _settle(outcomes, waits, at)
    _tend(outcomes, waits, at)


def _wait(answer: Answer, at: datetime) -> timedelta:
    return timedelta() if answer.is_success else asked_to_wait(answer.retry_after, at)


def _settle(outcomes: Sequence[Outcome], waits: Sequence[timedelta], at: datetime) -> None:
    rows = [_row(*each, at) for each in zip(outcomes, waits, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE, {"at": at, "rows": orjson.dumps(rows).decode()})


def _row(outcome: Outcome, wait: timedelta, at: datetime) -> dict[str, Any]:
    parcel, answer = outcome.parcel, outcome.answer
    return {
        "id": parcel.key,
        "until": parcel.until,
        "success": answer.is_success,
        "due_at": _due_at(outcome, wait, at),
        "status": answer.status,
        "ms": round(answer.seconds * 1000),
        "excerpt": answer.excerpt,
        "error": answer.error,
    }


def _due_at(outcome: Outcome, wait: timedelta, at: datetime) -> datetime | None:
    if outcome.answer.is_success or outcome.answer.status == GONE:
        return None
    parcel = outcome.parcel
    return next_attempt(parcel.attempt + 1, begun_at=parcel.begun_at, at=at, wait=wait)


def _tend(outcomes: Sequence[Outcome], waits: Sequence[timedelta], at: datetime) -> None:
    """Note how the endpoints do: their circuits, what they take, and whether they live at all."""
    groups: dict[int, list[tuple[Outcome, timedelta]]] = defaultdict(list)
    for outcome, wait in zip(outcomes, waits, strict=True):
        groups[outcome.parcel.endpoint].append((outcome, wait))
    with connection.cursor() as cursor:
        cursor.execute(_TEND, {"at": at} | _columns(groups))
        rows = cursor.fetchall()
    _hold(
        [
            (key, hold(failures, failing_for=at - (since or at), wait=wait))
            for key, failures, since, _, wait in rows
        ],
        at,
    )
    _disable([key for key, _, _, gone, _ in rows if gone], "gone", at)
    _disable([key for key, *rest in rows if _is_hopeless(*rest[:2], at)], "failing", at)


def _columns(groups: dict[int, list[tuple[Outcome, timedelta]]]) -> dict[str, list]:
    answers = {key: [each.answer for each, _ in group] for key, group in groups.items()}
    return {
        "keys": list(groups),
        "failures": [_count(not each.is_success for each in group) for group in answers.values()],
        "successes": [any(each.is_success for each in group) for group in answers.values()],
        "gone": [any(each.status == GONE for each in group) for group in answers.values()],
        "waits": [max(wait for _, wait in group) for group in groups.values()],
        "latencies": [sum(a.seconds for a in group) / len(group) for group in answers.values()],
    }


def _count(flags: Iterable[bool]) -> int:
    return sum(flags)


def _is_hopeless(failures: int, failing_since: datetime | None, at: datetime) -> bool:
    return bool(failing_since and failures >= BREAKER and failing_since <= at - GIVES_UP_AFTER)


def _hold(holds: Sequence[tuple[int, timedelta]], at: datetime) -> None:
    held = [(key, at + pause) for key, pause in holds if pause]
    if not held:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE webhooks_endpoint SET held_until = row.until
              FROM unnest(%s::bigint[], %s::timestamptz[]) AS row (id, until)
             WHERE webhooks_endpoint.id = row.id
            """,
            [[key for key, _ in held], [until for _, until in held]],
        )


def _disable(keys: Sequence[int], reason: str, at: datetime) -> None:
    """Disable the endpoints and have staff told; events are kept for them."""
    if not keys:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE webhooks_endpoint
               SET disabled_at = %s, disabled_reason = %s, notice_due_at = %s
             WHERE id = ANY(%s) AND disabled_at IS NULL
            RETURNING id
            """,
            [at, reason, at, list(keys)],
        )
        disabled = [key for (key,) in cursor.fetchall()]
    for key in disabled:
        log.warning("webhook_endpoint_disabled", endpoint=key, reason=reason)
