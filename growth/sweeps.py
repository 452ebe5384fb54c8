"""Sweeps: tasks that take due rows in batches until there are none, or five seconds are over.

A message says only "there may be work". Each run needs a slot, of which there are as many as the
processes of its queue can bear, so a pile of messages costs next to nothing.
"""

import functools
import time
from collections.abc import Callable
from datetime import timedelta

from celery import shared_task
from celery.app.task import Task
from django.conf import settings
from django.db import connection
from django.utils.timezone import now

from growth import outbox, telemetry

_RUN_SECONDS = 5
_LEASE = timedelta(seconds=20)


def sweep(batch: Callable[..., int]) -> Task:
    """Make a task of a function that takes one batch of due rows and returns how many it took."""

    @functools.wraps(batch)
    def run(**_: object) -> None:
        name = f"{batch.__module__}.{batch.__name__}"
        slot = _take_slot(name)
        if slot is None:
            return
        try:
            with telemetry.SWEEPS.labels(name).time():
                is_done = _take_batches(batch, name, slot)
        finally:
            _lease_slot(name, slot, timedelta())
        if not is_done:
            outbox.wake(name)

    return shared_task(run, name=f"{batch.__module__}.{batch.__name__}")


def _take_batches(batch: Callable[..., int], name: str, slot: int) -> bool:
    stop = time.monotonic() + _RUN_SECONDS
    while time.monotonic() < stop:
        if not batch(at=now()):
            return True
        _lease_slot(name, slot, _LEASE)
    return False


def _take_slot(name: str) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO growth_sweepslot (sweep, number, leased_until)
            SELECT %(name)s, number, now() + %(lease)s FROM generate_series(1, %(slots)s) number
             WHERE NOT EXISTS (SELECT FROM growth_sweepslot slot WHERE slot.sweep = %(name)s
                                  AND slot.number = number.number AND slot.leased_until > now())
             ORDER BY number LIMIT 1
            ON CONFLICT (sweep, number) DO UPDATE SET leased_until = excluded.leased_until
             WHERE growth_sweepslot.leased_until <= now()
            RETURNING number
            """,
            {"name": name, "lease": _LEASE, "slots": settings.SWEEP_SLOTS},
        )
        row = cursor.fetchone()
    return row[0] if row else None


def _lease_slot(name: str, slot: int, lease: timedelta) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE growth_sweepslot SET leased_until = now() + %s"
            " WHERE sweep = %s AND number = %s",
            [lease, name, slot],
        )
