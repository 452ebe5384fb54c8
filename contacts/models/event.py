"""The one stream of what contacts did, and of what happened to them in any part of the system."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Self

import orjson
import structlog
from django.contrib.postgres.indexes import BrinIndex
from django.db import connection, models

from contacts.models import partitions
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


_STORE = """
    INSERT INTO contacts_event
           (project_id, contact_id, name, properties, timestamp, received_at, message_id, hops)
    SELECT %(project)s, contact_id, name, properties, timestamp, %(at)s, message_id, %(hops)s
      FROM jsonb_to_recordset(%(rows)s) AS row (contact_id bigint, name text,
           properties jsonb, timestamp timestamptz, message_id text)
    RETURNING id, contact_id, name, timestamp
"""
_STORE_ACTS = f"""
    WITH stored AS ({_STORE}),
    active AS (
        INSERT INTO contacts_contactactivity AS activity (project_id, contact_id, last_activity_at)
        SELECT %(project)s, contact_id, max(timestamp) FROM stored
         GROUP BY contact_id ORDER BY contact_id
        ON CONFLICT (contact_id) DO UPDATE SET last_activity_at = excluded.last_activity_at
         WHERE coalesce(activity.last_activity_at < excluded.last_activity_at, true)
    )
    SELECT id, contact_id, name, timestamp FROM stored
"""


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
        stored = self.store(project, rows, at=at, hops=hops, is_own_act=False)
        announce(project, stored, changes=changes, at=at, hops=hops)

    def store(
        self,
        project: Project,
        rows: list[dict[str, Any]],
        *,
        at: datetime,
        hops: int = 0,
        is_own_act: bool = True,
    ) -> list["StoredEvent"]:
        """Insert events in one statement; the rows bear contact_id, name, properties, timestamp
        and, where there is one, message_id. What contacts did themselves is their last activity.
        """
        if not rows:
            return []
        times = [row["timestamp"] for row in rows]
        partitions.ensure(min(times), max(times))
        with connection.cursor() as cursor:
            cursor.execute(
                _STORE_ACTS if is_own_act else _STORE,
                {"project": project.key, "at": at, "hops": hops, "rows": _json(rows)},
            )
            return [StoredEvent(*row) for row in cursor.fetchall()]

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


class StoredEvent(NamedTuple):
    """What the rest of the system needs to know of an event to look at it."""

    key: int
    contact: int
    name: str
    timestamp: datetime


def announce(
    project: Project,
    stored: Sequence[StoredEvent],
    *,
    changes: Changes | None = None,
    is_quiet: bool = False,
    at: datetime,
    hops: int = 0,
) -> None:
    """Tell the system of stored events and of what else changed of contacts, in one piece of news.

    Quiet news keep segments right, and let nobody hear of it. So are those in which a loop ends.
    """
    if hops >= outbox.MAX_HOPS:
        log.warning("loop_ended", project=project.id, hops=hops)
        hops, is_quiet = outbox.MAX_HOPS - 1, True
    together: dict[str, set[int]] = {what: set(who) for what, who in (changes or {}).items()}
    for event in stored:
        together.setdefault(f"events.{event.name}", set()).add(event.contact)
    if not together:
        return
    data = {
        "changes": {what: sorted(who) for what, who in together.items()},
        "events": [[event.key, event.timestamp.isoformat()] for event in stored],
        "quiet": is_quiet,
    }
    outbox.emit(project, outbox.News(DomainEventType.EVENTS_RECORDED, data), at=at, hops=hops)


def _json(rows: list[dict[str, Any]]) -> str:
    return orjson.dumps(rows).decode()


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
                fields=["project", "name", "timestamp"], include=["contact"], name="event_by_name"
            ),  # rule_sql for whole segments; analytics
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
