"""The books of a list: whoever changes an entry's status or rank writes them in the same breath.

All of it happens under the lock of the list's row. That is taken after the locks of contacts: who
joins, merges or erases holds those already, and who only approves needs none.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import F

from contacts.models import Event
from contacts.models.contact import wire_time
from contacts.models.event import Fact
from growth import outbox
from growth.models import DomainEventType
from waitlists.models import BUCKET_BITS, Entry, Waitlist
from waitlists.queries import Row

_BOOK = """
    WITH stretch AS (
        INSERT INTO waitlists_bucket AS bucket (project_id, waitlist_id, number, count)
        SELECT %(project)s, %(waitlist)s, number, delta
          FROM unnest(%(numbers)s::bigint[], %(deltas)s::int[]) AS moved (number, delta)
         ORDER BY number
        ON CONFLICT (project_id, waitlist_id, number)
        DO UPDATE SET count = bucket.count + excluded.count
    )
    UPDATE waitlists_waitlist
       SET last_sequence = last_sequence + %(born)s,
           pending_count = pending_count + %(pending)s,
           waiting_count = waiting_count + %(waiting)s,
           approved_count = approved_count + %(approved)s,
           rejected_count = rejected_count + %(rejected)s
     WHERE id = %(waitlist)s
"""
_REBUILD = f"""
    WITH gone AS (DELETE FROM waitlists_bucket WHERE project_id = %(project)s
                     AND waitlist_id = %(waitlist)s AND number <> ALL(ARRAY(
                         SELECT DISTINCT sort_key >> {BUCKET_BITS} FROM waitlists_entry
                          WHERE project_id = %(project)s AND waitlist_id = %(waitlist)s
                            AND status = 'waiting')))
    INSERT INTO waitlists_bucket AS bucket (project_id, waitlist_id, number, count)
    SELECT %(project)s, %(waitlist)s, sort_key >> {BUCKET_BITS}, count(*) FROM waitlists_entry
     WHERE project_id = %(project)s AND waitlist_id = %(waitlist)s AND status = 'waiting'
     GROUP BY 3 ORDER BY 3
    ON CONFLICT (project_id, waitlist_id, number) DO UPDATE SET count = excluded.count
"""


@dataclass(frozen=True)
class Move:
    """One entry's change; without ``was`` it is new."""

    was: str | None
    now: str
    key_before: int
    key_after: int


def book(waitlist: Waitlist, moves: Iterable[Move]) -> None:
    """Write what the moves did to counts and stretches."""
    statuses: Counter[str] = Counter(dict.fromkeys(Entry.Status.values, 0))
    stretches: Counter[int] = Counter()
    born = 0
    for move in moves:
        born += move.was is None
        statuses[move.now] += 1
        if move.was:
            statuses[move.was] -= 1
        if move.was == Entry.Status.WAITING:
            stretches[move.key_before >> BUCKET_BITS] -= 1
        if move.now == Entry.Status.WAITING:
            stretches[move.key_after >> BUCKET_BITS] += 1
    changed = {number: delta for number, delta in stretches.items() if delta}
    with connection.cursor() as cursor:
        cursor.execute(
            _BOOK,
            {
                **statuses,
                "project": waitlist.project_key,
                "waitlist": waitlist.key,
                "born": born,
                "numbers": list(changed),
                "deltas": list(changed.values()),
            },
        )


def credit(waitlist: Waitlist, referrers: Sequence[int], friends: int) -> list[Move]:
    """Count one friend more, or one less, for each of these entries, by their keys; return how
    that moves them. An entry that is named twice is counted twice.
    """
    times = Counter(referrers)
    if not times:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE waitlists_entry entry
               SET referral_count = referral_count + counted.friends,
                   sort_key = sort_key - counted.friends * %s::bigint
              FROM unnest(%s::bigint[], %s::int[]) AS counted (id, friends)
             WHERE entry.id = counted.id AND entry.project_id = %s
            RETURNING status, sort_key + counted.friends * %s::bigint, sort_key
            """,
            [
                waitlist.referral_boost,
                list(times),
                [friends * count for count in times.values()],
                waitlist.project_key,
                waitlist.referral_boost,
            ],
        )
        return [Move(status, status, before, after) for status, before, after in cursor.fetchall()]


def rerank(waitlist: Waitlist) -> None:
    """Bring all ranks in line with a new ``referral_boost``."""
    own = Entry.objects.filter(project=waitlist.project_id, waitlist=waitlist)
    boost = waitlist.referral_boost
    own.filter(referral_count__gt=0).update(sort_key=F("sequence") - F("referral_count") * boost)
    with connection.cursor() as cursor:
        cursor.execute(_REBUILD, {"project": waitlist.project_key, "waitlist": waitlist.key})


@dataclass(frozen=True)
class Told:
    """What happened to an entry: the fact of the contact's, and the news, if there is any."""

    row: Row
    fact: str
    news: DomainEventType | None = None
    about: Row | None = None


def tell(waitlist: Waitlist, told: Sequence[Told], *, at: datetime, hops: int = 0) -> None:
    """Write what happened into the stream of events and the outbox, in one statement each."""
    if not told:
        return
    facts = [Fact(each.row.contact, each.fact, _properties(waitlist, each)) for each in told]
    Event.objects.record(waitlist.project, facts, at=at, hops=hops)
    news = [
        outbox.News(each.news, _payload(waitlist, each.row), subject=each.row.contact)
        for each in told
        if each.news
    ]
    outbox.emit(waitlist.project, *news, at=at, hops=hops)


def _properties(waitlist: Waitlist, told: Told) -> dict[str, object]:
    shown = told.row.as_dict()
    properties = {"waitlist_id": shown["waitlist_id"], "entry_id": shown["id"]}
    if told.about:
        properties["referred_entry_id"] = told.about.as_dict()["id"]
    return properties


def _payload(waitlist: Waitlist, row: Row) -> dict[str, object]:
    shown = {
        name: wire_time(value) if isinstance(value, datetime) else value
        for name, value in row.as_dict().items()
    }
    return shown | {"waitlist": {"id": waitlist.id, "name": waitlist.name}}
