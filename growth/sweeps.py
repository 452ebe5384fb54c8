"""Sweeps: tasks that take due rows in batches until there are none, or five seconds are over.

A message says only "there may be work". Each run needs a slot, of which there are as many as the
processes of its queue can bear, so a pile of messages costs next to nothing.
"""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from celery import shared_task
from celery.app.task import Task
from django.conf import settings
from django.db import connection
from django.utils.timezone import now

from growth import outbox, telemetry

_RUN_SECONDS = 5
_LEASE = timedelta(seconds=20)


@dataclass(frozen=True)
class _Terms:
    """How a sweep runs: in how many processes at once, for how long, and what ends a run."""

    slots: int | None
    seconds: float | None
    finish: Callable[[], None] | None


def sweep(
    batch: Callable[..., int] | None = None,
    *,
    slots: int | None = None,
    seconds: float | None = None,
    finish: Callable[[], None] | None = None,
) -> Any:
    """Make a task of a function that takes one batch of due rows and returns how many it took.

    ``slots`` says how many runs there may be at once, if not as many as the settings say. A run
    ends with ``finish``, which may take its time: the slot is free by then.
    """
    terms = _Terms(slots, seconds, finish)
    if batch is None:
        return functools.partial(_sweep, terms=terms)
    return _sweep(batch, terms=terms)


def _sweep(batch: Callable[..., int], *, terms: _Terms) -> Task:
    @functools.wraps(batch)
    def run(**_: object) -> None:
        name = f"{batch.__module__}.{batch.__name__}"
        slot = _take_slot(name, terms.slots or settings.SWEEP_SLOTS)
        if slot is None:
            return
        try:
            try:
                with telemetry.SWEEPS.labels(name).time():
                    is_done = _take_batches(batch, name, slot, terms.seconds or _RUN_SECONDS)
            finally:
                _lease_slot(name, slot, timedelta())
            if not is_done:
                outbox.wake(name)
        finally:
            if terms.finish:
                terms.finish()

    return shared_task(run, name=f"{batch.__module__}.{batch.__name__}")


def _take_batches(batch: Callable[..., int], name: str, slot: int, seconds: float) -> bool:
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        if not batch(at=now()):
            return True
        _lease_slot(name, slot, _LEASE)
    return False


def _take_slot(name: str, slots: int) -> int | None:
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
            {"name": name, "lease": _LEASE, "slots": slots},
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
