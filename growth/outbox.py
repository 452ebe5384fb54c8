"""The outbox: domain events are written with the change that made them, and told afterwards.

Each listener's work is done once for each domain event: it commits together with the mark that the
event was told. A listener that fails holds up nobody; it is tried again on its own, later and
later, and after ten attempts it waits for staff. What a listener refuses waits for staff at once.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Protocol

import orjson
import structlog
from celery import current_app
from django.db import connection, transaction
from django.db.models import Min, QuerySet
from django.dispatch import Signal

from growth import telemetry
from growth.models import DomainEvent, DomainEventType, ListenerFailure, Project
from growth.transactions import atomic_with_retries

MAX_HOPS = 8
MAX_ATTEMPTS = 10
MOST_COUNTED = 100_000
RELAY_TASK = "growth.tasks.relay_outbox"

_RELAY_LOCK = 0x6F7574626F78  # "outbox": one relay at a time, so that positions follow commits.
_WAKE_INTERVAL = 0.1

log = structlog.get_logger(__name__)


class Unfit(Exception):
    """Raised by a listener for news that no other attempt would make fit, in a sentence for people.

    The news is parked, where staff see it, and may try it again when they have set right what it
    needs. Nothing that somebody told the system is dropped without a trace.
    """


class Listener(Protocol):
    """Takes domain events of one type and one project, in the order they were written.

    It runs in a savepoint: what it writes stands or falls with its having been told.
    """

    __module__: str
    __qualname__: str

    def __call__(self, news: Sequence[DomainEvent], *, at: datetime) -> None: ...


news_redacted = Signal()
"""Sent when all that news of some ``subjects`` said of them was taken out of it, in the transaction
that did so. Whoever keeps copies brings them in line, and returns how many, by table.
"""

_listeners: dict[str, list[Listener]] = defaultdict(list)


@dataclass(frozen=True)
class News:
    """One domain event to be written."""

    type: DomainEventType
    data: dict[str, Any] = field(default_factory=dict)
    subject: int | None = None


_ROWS = """
    SELECT * FROM jsonb_to_recordset(%(rows)s) AS row (type text, data jsonb, subject bigint)
"""


def emitting(source: str) -> str:
    """Return the INSERT of the news that ``source`` selects, as a part of the statement that makes
    the change. Its parameters are project, hops and at; the relay is to be woken.

    :param source: a SELECT of type, data and subject.
    """
    return f"""
        INSERT INTO growth_domainevent (project_id, type, data, subject, hops, created_at)
        SELECT %(project)s, type, data, subject, %(hops)s, %(at)s FROM ({source}) news
    """


def emit(project: Project, *news: News, at: datetime, hops: int = 0) -> None:
    """Write the news in the transaction of the change, and wake the relay after its commit."""
    if not news:
        return
    rows = [{"type": each.type, "data": each.data, "subject": each.subject} for each in news]
    told = orjson.dumps(rows).decode()
    params: dict[str, Any] = {"project": project.key, "hops": hops, "at": at, "rows": told}
    with connection.prepared_cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute(emitting(_ROWS), params)
    wake(RELAY_TASK)


def listen(*types: DomainEventType) -> Callable[[Listener], Listener]:
    """Register the decorated function for news of these types."""

    def register(listener: Listener) -> Listener:
        for each in types:
            _listeners[each].append(listener)
        return listener

    return register


@atomic_with_retries
def relay(*, at: datetime, limit: int = 500) -> int:
    """Tell the next waiting domain events to their listeners; return how many there were.

    Positions are given under one lock and commit with the work, so a reader that goes by position
    meets no gap that fills up later.
    """
    if not _take_relay_lock():
        return 0
    waiting = list(DomainEvent.objects.waiting().select_related("project")[:limit])
    _give_positions(waiting)
    for _, group in groupby(waiting, key=lambda event: (event.project_id, event.type)):
        _tell(list(group), at)
    return len(waiting)


@atomic_with_retries
def retry_failures(*, at: datetime, limit: int = 50) -> int:
    """Tell those listeners again that failed before and are due; return how many there were."""
    due = ListenerFailure.objects.due(at).select_related("domain_event__project")
    failures = list(due.select_for_update(skip_locked=True, of=("self",)).order_by("id")[:limit])
    for failure in failures:
        listener = _named(failure.listener, failure.domain_event.type)
        if listener is None or _run(listener, [failure.domain_event], at):
            failure.delete()
    return len(failures)


def _take_relay_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_RELAY_LOCK])
        return cursor.fetchone()[0]


def _give_positions(waiting: Sequence[DomainEvent]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE growth_domainevent event SET position = numbered.position
              FROM (SELECT id, nextval('growth_domainevent_position') AS position
                      FROM (SELECT id FROM unnest(%s::bigint[]) id ORDER BY id) ordered) numbered
             WHERE event.id = numbered.id
            """,
            [[event.key for event in waiting]],
        )


def _tell(news: list[DomainEvent], at: datetime) -> None:
    told = [event for event in news if event.hops < MAX_HOPS]
    if len(told) < len(news):
        log.warning("loop_ended", type=news[0].type, events=len(news) - len(told))
    for listener in _listeners[news[0].type] if told else ():
        if not _run(listener, told, at) and len(told) > 1:
            for event in told:  # One of them is poison; the others must not wait for it.
                _run(listener, [event], at)


def _run(listener: Listener, news: Sequence[DomainEvent], at: datetime) -> bool:
    try:
        with transaction.atomic():
            listener(news, at=at)
    except Unfit as refusal:
        if len(news) == 1:
            log.warning("news_parked", listener=_name(listener), reason=str(refusal))
            _park(listener, news[0], refusal, at)
        return False
    except Exception as error:
        log.exception("listener_failed", listener=_name(listener), type=news[0].type)
        telemetry.LISTENER_FAILURES.labels(_name(listener)).inc()
        if len(news) == 1:
            _note_failure(listener, news[0], error, at)
        return False
    return True


def _note_failure(listener: Listener, event: DomainEvent, error: Exception, at: datetime) -> None:
    failure, is_new = ListenerFailure.objects.get_or_create(
        project=event.project,
        domain_event=event,
        listener=_name(listener),
        defaults={"error": repr(error), "due_at": at + timedelta(seconds=1)},
    )
    if is_new:
        return
    failure.attempts += 1
    failure.error = repr(error)
    failure.due_at = at + timedelta(seconds=2 ** min(failure.attempts, 12))
    failure.parked_at = at if failure.attempts >= MAX_ATTEMPTS else None
    failure.save(update_fields=["attempts", "error", "due_at", "parked_at"])


def _park(listener: Listener, event: DomainEvent, refusal: Unfit, at: datetime) -> None:
    ListenerFailure.objects.update_or_create(
        project=event.project,
        domain_event=event,
        listener=_name(listener),
        defaults={"error": str(refusal), "due_at": at, "parked_at": at},
    )


def _name(listener: Listener) -> str:
    return f"{listener.__module__}.{listener.__qualname__}"


def _named(name: str, type: str) -> Listener | None:
    return next((each for each in _listeners[type] if _name(each) == name), None)


class _Waker:
    """Sends wake-ups from a thread of its own, so that no request ever waits for the broker."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, name: str) -> None:
        with self._changed:
            self._names.add(name)
            if self._thread is None or not self._thread.is_alive():  # also after a fork
                self._thread = threading.Thread(target=self._run, name="waker", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._names)
                names, self._names = self._names, set()
            for name in names:
                self._send(name)
            time.sleep(_WAKE_INTERVAL)

    def _send(self, name: str) -> None:
        try:
            current_app.send_task(name, expires=30, retry=False)
        except Exception as error:  # A sweep finds the work within seconds all the same.
            log.warning("wake_lost", task=name, error=repr(error))


_waker = _Waker()


def wake(task: str) -> None:
    """Say after commit that there is work for the task; at most once in 100 ms in each process."""
    transaction.on_commit(lambda: _waker.add(task))


@dataclass(frozen=True)
class DueRows:
    """Rows that wait for their time: what health and metrics count, without knowing the app."""

    queue: str
    name: str
    rows: Callable[[], QuerySet]
    due_field: str

    def oldest_age(self, at: datetime) -> timedelta:
        """Return for how long the oldest due row has been due."""
        oldest = self.rows().aggregate(oldest=Min(self.due_field))["oldest"]
        return max(at - oldest, timedelta()) if oldest else timedelta()

    def depth(self, at: datetime) -> int:
        """Return how many rows are due, up to ``MOST_COUNTED``."""
        return self.rows().filter(**{f"{self.due_field}__lte": at})[:MOST_COUNTED].count()


_due_rows: list[DueRows] = []


def register_due_rows(rows: DueRows) -> None:
    """Let health and metrics watch these rows."""
    _due_rows.append(rows)


def watched() -> Iterable[DueRows]:
    """Return everything that waits for its time, the outbox first."""
    return (
        DueRows("default", "outbox", DomainEvent.objects.waiting, "created_at"),
        *_due_rows,
    )
