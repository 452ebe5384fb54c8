"""The one stream of what contacts did, and of what happened to them in any part of the system."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

import orjson
import structlog
from django.contrib.postgres.indexes import BrinIndex
from django.db import connection, models

from contacts.models import partitions
from contacts.models.event_sql import storing, storing_parameters
from growth import outbox
from growth.models import DomainEventType, Project, ProjectModel, ProjectQuerySet, PublicIdField

SYSTEM_PREFIX = "$"

log = structlog.get_logger(__name__)

Changes = dict[str, list[int]]
"""What changed, as rules call it (``traits.plan``, ``events.login``), and the contacts it changed
of.
"""


@dataclass(frozen=True)
class Fact:
    """Something that happened to a contact just now, told by a part of the system.

    By its ``message_id`` the fact is found again, if it turns out to be none.
    """

    contact: int
    name: str
    properties: dict[str, Any] = field(default_factory=dict)
    message_id: str | None = None


def _project() -> models.ForeignKey:
    # Facts are many: the check of a foreign key would cost as much as the row.
    return models.ForeignKey(
        "growth.Project",
        models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
        editable=False,
    )


class EventQuerySet(ProjectQuerySet):
    """Events, by what is true of them."""

    def told(self, pairs: Sequence[Sequence[Any]]) -> Self:
        """Keep the events that a piece of news names by ``[key, timestamp]``."""
        if not pairs:
            return self.none()
        times = [datetime.fromisoformat(time) for _, time in pairs]
        keys = [key for key, _ in pairs]
        return self.filter(id__in=keys, timestamp__gte=min(times), timestamp__lte=max(times))


_ROWS = """
    SELECT * FROM jsonb_to_recordset(%(rows)s) AS row (contact_id bigint, name text,
           properties jsonb, timestamp timestamptz, message_id text)
"""
_STORE = f"WITH {storing(_ROWS)} SELECT"


class EventManager(models.Manager.from_queryset(EventQuerySet)):
    """The births of events, always many at once."""

    def record(
        self,
        project: Project,
        facts: Sequence[Fact],
        *,
        at: datetime,
        hops: int = 0,
        changes: Changes | None = None,
    ) -> None:
        """Store facts of our own and tell the system; ``changes`` names what else they changed."""
        rows = [
            {
                "contact_id": f.contact,
                "name": f.name,
                "properties": f.properties,
                "timestamp": at,
                "message_id": f.message_id,
            }
            for f in facts
        ]
        self.store(project, rows, at=at, hops=hops, changes=changes, is_own_act=False)

    def store(
        self,
        project: Project,
        rows: list[dict[str, Any]],
        *,
        at: datetime,
        hops: int = 0,
        changes: Changes | None = None,
        is_quiet: bool = False,
        is_own_act: bool = True,
    ) -> None:
        """Insert events and tell of them, in one statement; the rows bear contact_id, name,
        properties, timestamp and, where there is one, message_id.

        ``changes`` names what else changed; for the rest see ``announce``. What contacts did
        themselves is their last activity.
        """
        if not rows:
            announce(project, changes=changes, is_quiet=is_quiet, at=at, hops=hops)
            return
        times = [row["timestamp"] for row in rows]
        partitions.ensure(min(times), max(times))
        news_hops, is_quiet = unlooped(project, hops, is_quiet)
        params = storing_parameters(
            project,
            at=at,
            changes=changes,
            hops=hops,
            news_hops=news_hops,
            is_quiet=is_quiet,
            is_own_act=is_own_act,
        )
        with connection.cursor() as cursor:
            cursor.execute(_STORE, params | {"rows": orjson.dumps(rows).decode()})
        outbox.wake(outbox.RELAY_TASK)

    def copy(self, project: Project, rows: Iterable[tuple], *, at: datetime) -> None:
        """Insert rows of (contact key, name, properties as JSON, timestamp) by COPY.

        The months of their timestamps must be there; see ``partitions.ensure``.
        """
        tail = f"\t{at.isoformat()}\t{project.key}\t0\n"
        lines = [
            f"{contact}\t{_copied(name)}\t{_copied(properties)}\t{timestamp.isoformat()}{tail}"
            for contact, name, properties, timestamp in rows
        ]
        command = (
            "COPY contacts_event (contact_id, name, properties, timestamp, received_at,"
            " project_id, hops) FROM STDIN"
        )
        with connection.cursor() as cursor, cursor.copy(command) as copy:
            copy.write("".join(lines))


def _copied(text: str) -> str:
    """Return the text as COPY reads it."""
    if "\\" in text or "\n" in text or "\t" in text or "\r" in text:
        text = text.replace("\\", "\\\\").replace("\n", "\\n")
        text = text.replace("\t", "\\t").replace("\r", "\\r")
    return text


def announce(
    project: Project,
    *,
    changes: Changes | None,
    is_quiet: bool = False,
    at: datetime,
    hops: int = 0,
) -> None:
    """Tell the system of what changed of contacts, in one piece of news.

    Quiet news keep segments right, and let nobody hear of it. So are those in which a loop ends.
    """
    if not changes:
        return
    hops, is_quiet = unlooped(project, hops, is_quiet)
    outbox.emit(project, news_of(changes, is_quiet=is_quiet), at=at, hops=hops)


def news_of(changes: Changes, *, is_quiet: bool = False) -> outbox.News:
    """Return what ``announce`` tells, for whoever tells more at the same time."""
    data = {"changes": changes, "events": [], "quiet": is_quiet}
    return outbox.News(DomainEventType.EVENTS_RECORDED, data)


def unlooped(project: Project, hops: int, is_quiet: bool = False) -> tuple[int, bool]:
    """Return with how many hops the news goes on, and whether nobody hears of it."""
    if hops < outbox.MAX_HOPS:
        return hops, is_quiet
    log.warning("loop_ended", project=project.id, hops=hops)
    return outbox.MAX_HOPS - 1, True


class Event(ProjectModel):
    """One thing that a contact did, at ``timestamp``; it reached us at ``received_at``.

    The table is partitioned by month of ``timestamp``, so its key in the database is
    ``(id, timestamp)``. ``hops`` counts its causes: 0 came from outside.
    """

    id = PublicIdField(prefix="evnt")
    project = _project()
    contact = models.ForeignKey(
        "Contact", models.DO_NOTHING, db_constraint=False, db_index=False, related_name="events"
    )
    name = models.CharField(max_length=256)
    properties = models.JSONField(default=dict)
    timestamp = models.DateTimeField()
    received_at = models.DateTimeField()
    message_id = models.CharField(max_length=255, null=True)
    hops = models.SmallIntegerField(default=0)

    objects = EventManager()

    class Meta:
        indexes = [
            models.Index(
                fields=["project", "contact", "timestamp"], name="event_of_contact"
            ),  # a contact's history; rule_sql for touched contacts
            models.Index(
                fields=["project", "name", "timestamp"],
                include=["contact", "id"],
                name="event_by_name",
            ),  # rule_sql for whole segments; analytics, which orders events of one moment by id
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return the event as the API shows it."""
        return {
            "id": self.id,
            "event": self.name,
            "properties": self.properties,
            "timestamp": self.timestamp,
            "received_at": self.received_at,
            "message_id": self.message_id,
            "contact_id": self.contact_id,
        }


class EventReceiptQuerySet(ProjectQuerySet):
    """Receipts by their age."""

    def prune(self, before: datetime, limit: int = 10_000) -> int:
        """Delete so many of those that are older; return how many there were."""
        with connection.cursor() as cursor:
            cursor.execute(
                """
                DELETE FROM contacts_eventreceipt WHERE ctid = ANY(ARRAY(
                       SELECT ctid FROM contacts_eventreceipt WHERE received_at < %s LIMIT %s))
                """,
                [before, limit],
            )
            return cursor.rowcount


class EventReceipt(ProjectModel):
    """The message id of an event that was stored: the second event of that id is a duplicate."""

    pk = models.CompositePrimaryKey("project", "message_id")
    project = _project()
    message_id = models.CharField(max_length=255)
    received_at = models.DateTimeField()

    objects = EventReceiptQuerySet.as_manager()

    class Meta:
        indexes = [BrinIndex(fields=["received_at"], name="receipt_age")]  # prune_receipts
