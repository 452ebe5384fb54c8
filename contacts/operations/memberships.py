"""Who is in which segment, kept exact as contacts change, as they act, and as time passes.

Whoever evaluates segments of a project holds them all until its commit, so evaluations of a project
follow each other, each sees what the last one wrote, and none goes back in time. Every change of a
contact is committed before it is told, so the last evaluation of a contact has seen everything.

A build writes the memberships of a whole segment. It holds the project's segments only at its end,
when it evaluates once more the contacts whose changes were told meanwhile: whoever told them saw
that the segment was not ready, and left it alone.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from graphlib import TopologicalSorter

from django.db import connection
from django.db.models import F, Max

from contacts.models import Contact, Event, Segment, SegmentClock
from contacts.models.contact import wire_time
from contacts.models.event import Changes, Fact
from contacts.models.segment import leave_segments
from contacts.operations.membership_sql import write_all, write_some
from growth import ids, outbox
from growth.models import DomainEvent, DomainEventType, Project
from growth.transactions import RaceLost, atomic_with_retries

BUILD_TASK = "contacts.tasks.build_segments"

_HELD = 0x73656773  # "segs"
_BUILT = 0x6275696C  # "buil"
_BATCH = 5000  # Of more contacts at once, the index lookups cost as much as a whole build.
_DUE = 1000


@dataclass(frozen=True)
class Move:
    """A contact entered the segment, or left it."""

    segment: Segment
    contact: int
    is_entry: bool


def hold_segments(project: Project) -> None:
    """Wait until nobody else evaluates segments of the project, and let others wait till commit."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_HELD, _hash(project.key)])


def follow_changes(
    project: Project, changes: Changes, *, at: datetime, hops: int = 0, is_quiet: bool = False
) -> None:
    """Bring all memberships in line with what changed of contacts, and announce who moved."""
    hold_segments(project)
    if gone := changes.get("deleted"):
        leave_segments(project, gone)
    segments = _looking_at(project, changes)
    touched = {segment.id: _touched(segment, changes) for segment in segments}
    moves = _reevaluate(segments, touched, at=at)
    if not is_quiet:
        announce(project, moves, at=at, hops=hops)


@atomic_with_retries
def follow_time(*, at: datetime) -> int:
    """Evaluate contacts whose membership time alone may have changed; return how many they were."""
    project = _most_overdue(at)
    if project is None:
        return 0
    hold_segments(project)
    touched = _due(project, at)
    segments = list(_ready(project).filter(pk__in=touched)) + _looking_at(project, {})
    moves = _reevaluate({each.id: each for each in segments}.values(), touched, at=at)
    announce(project, moves, at=at)
    return sum(map(len, touched.values()))


def follow_members(segment: Segment, moved: Iterable[int], *, is_entry: bool, at: datetime) -> None:
    """Bring segments that look at this one in line with who was put into it or taken out."""
    moves = [Move(segment, contact, is_entry) for contact in moved]
    changes = {f"segments.{segment.id}": [move.contact for move in moves]}
    announce(segment.project, moves, at=at)
    follow_changes(segment.project, changes, at=at)


def announce(project: Project, moves: Collection[Move], *, at: datetime, hops: int = 0) -> None:
    """Record the moves as events of the contacts, and tell them to the system."""
    if not moves:
        return
    contacts = Contact.objects.filter(pk__in={move.contact for move in moves})
    emails = dict(contacts.values_list("id", "email"))
    Event.objects.record(project, [_fact(move) for move in moves], at=at, hops=hops)
    outbox.emit(project, *(_news(move, emails, at) for move in moves), at=at, hops=hops)


@atomic_with_retries
def build_next(*, at: datetime) -> int:
    """Build a segment that waits for it, and that nobody else is building; return how many."""
    waiting = Segment.objects.building().select_related("project")
    for segment in waiting.order_by("?")[:20]:  # One that cannot be built holds up no other.
        if _claim(segment):
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = '240s'")
            build(segment, at=at)
            return 1
    return 0


def build_waiting(project: Project, *, at: datetime) -> None:
    """Build all segments of the project that wait for it, while it is held."""
    while segment := Segment.objects.in_project(project).building().first():
        build(segment, at=at)


def build(segment: Segment, *, at: datetime) -> None:
    """Write the memberships of a dynamic segment as backfill: nobody is told of them.

    :raises RaceLost: if the segment was deleted meanwhile.
    """
    revision, told = segment.revision, _last_position(segment.project)
    at = max(at, segment.evaluated_at or at)
    has_changed = write_all(segment, at=at)
    hold_segments(segment.project)
    current = Segment.objects.filter(pk=segment.pk).select_related("project").first()
    if current is None:
        raise RaceLost
    if current.revision != revision:
        return  # Its rule was changed meanwhile; it waits to be built again.
    current.status = Segment.Status.READY
    current.evaluated_at = at
    current.save(update_fields=["status", "evaluated_at"])
    has_changed |= _catch_up(current, told, at)
    if has_changed:
        rebuild(_dependents(current))


def rebuild(segments: Iterable[Segment]) -> None:
    """Let the memberships of the segments be written anew."""
    keys = [segment.pk for segment in segments]
    if keys:
        Segment.objects.filter(pk__in=keys).update(
            status=Segment.Status.BUILDING, revision=F("revision") + 1
        )
        outbox.wake(BUILD_TASK)


def _reevaluate(
    segments: Iterable[Segment], touched: Mapping[str, set[int]], *, at: datetime
) -> list[Move]:
    """Evaluate the touched contacts, and those who moved in a segment that another looks at."""
    segments = list(segments)
    at = max([at, *(segment.evaluated_at for segment in segments if segment.evaluated_at)])
    moved: dict[str, set[int]] = defaultdict(set)
    moves: list[Move] = []
    for segment in _in_order(segments):
        keys = touched.get(segment.id, set()).union(*(moved[id] for id in segment.looks_at))
        for batch in _batches(keys):
            found = [Move(segment, *move) for move in write_some(segment, batch, at=at)]
            moved[segment.id] |= {move.contact for move in found}
            moves += found
    Segment.objects.filter(pk__in=[each.pk for each in segments]).update(evaluated_at=at)
    return moves


def _in_order(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Yield the segments, each after those that it looks at."""
    by_id = {segment.id: segment for segment in segments}
    order = TopologicalSorter({id: by_id[id].looks_at for id in by_id}).static_order()
    return (by_id[id] for id in order if id in by_id)


def _batches(keys: set[int]) -> Iterator[list[int]]:
    ordered = sorted(keys)
    return (ordered[i : i + _BATCH] for i in range(0, len(ordered), _BATCH))


def _ready(project: Project):
    return Segment.objects.in_project(project).dynamic().ready().select_related("project")


def _looking_at(project: Project, changes: Changes) -> list[Segment]:
    """Return the segments that the changes concern, and all that look at other segments."""
    segments = _ready(project)
    if "created" in changes:
        return list(segments)
    return list(segments.mentioning(["segments", *changes]))


def _touched(segment: Segment, changes: Changes) -> set[int]:
    return {key for what in ("created", *segment.mentions) for key in changes.get(what, ())}


def _most_overdue(at: datetime) -> Project | None:
    due = SegmentClock.objects.filter(
        recheck_at__lte=at, segment__status=Segment.Status.READY
    ).select_related("project")
    clock = due.order_by("recheck_at").first()
    return clock.project if clock else None


def _due(project: Project, at: datetime) -> dict[str, set[int]]:
    due = SegmentClock.objects.filter(
        project=project, recheck_at__lte=at, segment__status=Segment.Status.READY
    )
    touched: dict[str, set[int]] = defaultdict(set)
    for segment, contact in due.order_by("recheck_at").values_list("segment", "contact")[:_DUE]:
        touched[segment].add(ids.decode("cntct", contact))
    return dict(touched)


def _claim(segment: Segment) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_BUILT, _hash(segment.key)])
        return cursor.fetchone()[0]


def _hash(key: int) -> int:
    return key % 2**31


def _last_position(project: Project) -> int:
    news = DomainEvent.objects.in_project(project).exclude(position=None)
    return news.aggregate(last=Max("position"))["last"] or 0


def _catch_up(segment: Segment, told: int, at: datetime) -> bool:
    """Evaluate those whose changes were told after the position, when the segment was not ready."""
    news = DomainEvent.objects.in_project(segment.project).filter(
        position__gt=told, type=DomainEventType.EVENTS_RECORDED
    )
    keys: set[int] = set()
    for each in news.only("data", "created_at"):
        keys |= _touched(segment, each.data["changes"])
        at = max(at, each.created_at)
    return bool(_reevaluate([segment], {segment.id: keys}, at=at)) if keys else False


def _dependents(segment: Segment) -> list[Segment]:
    others = Segment.objects.in_project(segment.project).dynamic()
    return list(others.mentioning([f"segments.{segment.id}"]))


def _fact(move: Move) -> Fact:
    name = "$segment_entered" if move.is_entry else "$segment_exited"
    properties = {"segment_id": move.segment.id, "name": move.segment.name}
    return Fact(move.contact, name, properties)


def _news(move: Move, emails: dict[str, str], at: datetime) -> outbox.News:
    contact_id = ids.encode("cntct", move.contact)
    data = {
        "segment_id": move.segment.id,
        "segment_name": move.segment.name,
        "contact_id": contact_id,
        "email": emails.get(contact_id) or None,
        "entered_at" if move.is_entry else "exited_at": wire_time(at),
    }
    type = DomainEventType.SEGMENT_ENTERED if move.is_entry else DomainEventType.SEGMENT_EXITED
    return outbox.News(type, data, subject=move.contact)
