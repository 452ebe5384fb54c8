"""Waitlists: a place, a page and an approval in a long list, beside bare SQL and a short list.

Bare SQL writes and reads the same rows in the same order, by hand-written statements alone.
"""

import random
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import orjson
from django.db import connection, transaction
from django.utils.timezone import now

from contacts.models import partitions
from growth.management.bench import waitlist_sql as sql
from growth.management.bench.data import vacuum
from growth.management.bench.measure import Ratio, paced, ratio, rounds
from growth.models import Project
from waitlists.models import Entry, Waitlist
from waitlists.operations.deciding import approve_first
from waitlists.operations.joining import Joining, join
from waitlists.operations.places import rerank
from waitlists.operations.waitlists import create_waitlist
from waitlists.queries import Listing, rows_of

SIZES = {True: (5_000, 50_000), False: (10_000, 1_000_000)}
BOOST, PAGE, BATCH = 3, 50, 50

_TABLES = ("contacts_contact", "waitlists_entry", "waitlists_bucket", "waitlists_waitlist")


def run(url: str, *, is_small: bool) -> Iterator[Ratio]:
    """Make a short list and a long one, and compare."""
    at = now()
    project = Project.objects.create(name="Bench", plan=Project.Plan.SCALE)
    partitions.ensure(at, at)
    short, long = (
        Bench(_filled(project, f"list-{size}", size, at), size, at) for size in SIZES[is_small]
    )
    for table in _TABLES:
        vacuum(table)
    yield from _reads(short, long)
    yield from _writes(short, long)


class Bench:
    """One list, and what is done with it."""

    def __init__(self, waitlist: Waitlist, size: int, at: datetime) -> None:
        self.waitlist, self.size, self.at = waitlist, size, at
        self.chance = random.Random(5)
        self.own = {"project": waitlist.project_key, "waitlist": waitlist.key}
        somewhere = Entry.objects.filter(waitlist=waitlist, status="waiting").order_by("sort_key")
        self.places = [self._place(somewhere, size * n // 40) for n in range(40)]
        self.joined = 0

    def _place(self, entries: Any, number: int) -> dict[str, Any]:
        entry = entries[number]
        return {"key": entry.sort_key, "at": entry.joined_at, "id": entry.key}

    def _some(self) -> dict[str, Any]:
        return self.chance.choice(self.places)

    def page(self, place: dict[str, Any] | None = None) -> int:
        """Read a page somewhere, as the API does."""
        place = place or self._some()
        after = [0, place["key"], place["at"].isoformat(), place["id"]]
        [row.as_dict() for row in Listing(self.waitlist).rows(after, PAGE)]
        return 1

    def first_page(self) -> int:
        """Read the first page."""
        [row.as_dict() for row in Listing(self.waitlist).rows(None, PAGE)]
        return 1

    def bare_page(self) -> int:
        """Read a page somewhere, and where its first one stands."""
        place = self._some()
        rows = _rows(sql.BARE_PAGE, {**place, **self.own, "count": PAGE})
        if rows:
            self._bare_position({"key": rows[0][3], "at": rows[0][4], "id": rows[0][0]})
        return 1

    def position(self) -> int:
        """Tell where one stands."""
        rows_of(self.own["project"], [self._some()["id"]])
        return 1

    def bare_position(self) -> int:
        """Tell where one stands, by the same books."""
        return self._bare_position(self._some())

    def _bare_position(self, place: dict[str, Any]) -> int:
        _rows(sql.BARE_STRETCHES, {**place, **self.own})
        _rows(sql.BARE_WITHIN, {**place, **self.own})
        return 1

    def counted_position(self) -> int:
        """Tell where one stands by counting those before."""
        _rows(sql.COUNT, {**self.places[-1], **self.own})
        return 1

    def last_position(self) -> int:
        """Tell where one of the last stands."""
        rows_of(self.own["project"], [self.places[-1]["id"]])
        return 1

    def join(self) -> int:
        """Put somebody on the list who was brought by a friend."""
        self.joined += 1
        friend = Entry.objects.only("code").get(pk=self._some()["id"])
        email = f"joined-{self.size}-{self.joined}@example.com"
        join(self.waitlist, Joining(email, code=friend.code, is_vouched_for=True), at=self.at)
        return 1

    def bare_join(self) -> int:
        """Write what a join writes."""
        self.joined += 1
        with transaction.atomic():
            self._bare_join(f"joined-{self.size}-{self.joined}@example.com")
        return 1

    def _bare_join(self, email: str) -> None:
        project, waitlist = self.own["project"], self.own["waitlist"]
        at = self.at
        code = Entry.objects.only("code").get(pk=self._some()["id"]).code
        _rows(
            "SELECT contact_id FROM contacts_identity WHERE project_id = %s AND kind = 'email'"
            " AND value = %s",
            [project, email],
        )
        [(contact,)] = _rows(sql.PEOPLE, {"project": project, "slug": email, "at": at, "count": 1})
        _do(
            "INSERT INTO contacts_identity (project_id, kind, value, contact_id)"
            " VALUES (%s, 'email', %s, %s)",
            [project, email, contact],
        )
        _rows(sql.HOLD, [waitlist])
        [(friend, key)] = _rows(
            "SELECT id, sort_key FROM waitlists_entry WHERE project_id = %s AND code = %s",
            [project, code],
        )
        _rows(
            "SELECT id FROM waitlists_entry WHERE project_id = %s AND waitlist_id = %s"
            " AND contact_id = %s",
            [project, waitlist, contact],
        )
        [(sequence,)] = _rows(
            "UPDATE waitlists_waitlist SET last_sequence = last_sequence + 1,"
            " waiting_count = waiting_count + 1 WHERE id = %s"
            " RETURNING last_sequence",
            [waitlist],
        )
        [(entry,)] = _rows(
            sql.JOIN,
            [
                project,
                waitlist,
                contact,
                f"X{self.size}{self.joined}",
                sequence,
                sequence,
                friend,
                at,
                at,
                at,
            ],
        )
        _do(
            "UPDATE waitlists_entry SET referral_count = referral_count + 1,"
            " sort_key = sort_key - %s WHERE id = %s",
            [BOOST, friend],
        )
        for where, delta in ((key, -1), (key - BOOST, 1), (sequence, 1)):
            _do(sql.MOVE, [project, waitlist, where, delta])
        self._bare_position({"key": sequence, "at": at, "id": entry})
        _rows(sql.EVENTS, [project, "$waitlist_joined", at, at, [contact]])
        _rows(sql.EVENTS, [project, "$waitlist_referred", at, at, [contact]])
        news = orjson.dumps({"id": entry, "email": email, "position": sequence}).decode()
        for _ in range(4):  # contact.created, its change, the entry, and the recorded events
            _do(sql.NEWS, [project, at, [contact], [news]])
        _do(sql.MAIL, [project, self.waitlist.stream_id, contact, email, email, news, at, at])

    def approve(self) -> int:
        """Let the first fifty in."""
        [row.as_dict() for row in approve_first(self.waitlist, BATCH, at=self.at)]
        return 1

    def bare_approve(self) -> int:
        """Write what an approval of fifty writes."""
        project, waitlist = self.own["project"], self.own["waitlist"]
        with transaction.atomic():
            _rows(sql.HOLD, [waitlist])
            taken = _rows(sql.TAKE, {**self.own, "now": self.at, "count": BATCH})
            for number in {key >> 10 for _, _, key, _, _ in taken}:
                gone = sum(key >> 10 == number for _, _, key, _, _ in taken)
                _do(sql.MOVE, [project, waitlist, number << 10, -gone])
            _do(
                "UPDATE waitlists_waitlist SET waiting_count = waiting_count - %s,"
                " approved_count = approved_count + %s WHERE id = %s",
                [BATCH, BATCH, waitlist],
            )
            people = [contact for _, contact, *_ in taken]
            mails = dict(
                _rows("SELECT id, email FROM contacts_contact WHERE id = ANY(%s)", [people])
            )
            _rows(sql.EVENTS, [project, "$waitlist_approved", self.at, self.at, people])
            told = [
                orjson.dumps({"id": e, "email": mails[c], "code": code, "count": n}).decode()
                for e, c, _, code, n in taken
            ]
            _do(sql.NEWS, [project, self.at, people, told])
            _do(sql.NEWS, [project, self.at, people[:1], [orjson.dumps(told).decode()]])
        return 1


def _reads(short: Bench, long: Bench) -> Iterator[Ratio]:
    results = rounds(
        {
            "page": _repeated(long.page),
            "bare page": _repeated(long.bare_page),
            "first page": _repeated(long.first_page),
            "last page": _repeated(lambda: long.page(long.places[-1])),
            "short page": _repeated(short.page),
            "position": _repeated(long.position),
            "bare position": _repeated(long.bare_position),
            "short position": _repeated(short.position),
            "last position": _repeated(long.last_position, 5),
            "counted position": _repeated(long.counted_position, 5),
        }
    )
    yield _times(results, "page", "bare page", 2, long)
    yield _times(results, "last page", "first page", 2, long)
    yield _times(results, "page", "short page", 2, long)
    yield _times(results, "position", "bare position", 2, long)
    yield _times(results, "position", "short position", 4, long)
    if long.size > 100_000:
        yield _times(results, "last position", "counted position", 0.05, long)


def _writes(short: Bench, long: Bench) -> Iterator[Ratio]:
    results = rounds(
        {
            "join": _repeated(long.join, 20),
            "bare join": _repeated(long.bare_join, 20),
            "approve 50": _repeated(long.approve, 10),
            "bare approve 50": _repeated(long.bare_approve, 10),
            "short approve 50": _repeated(short.approve, 10),
        }
    )
    yield _times(results, "join", "bare join", 2, long)
    yield _times(results, "approve 50", "bare approve 50", 2, long)
    yield _times(results, "approve 50", "short approve 50", 2, long)


def _times(results: list[dict[str, float]], ours: str, theirs: str, bar: float, of: Bench) -> Ratio:
    """Return how many times as long ours takes."""
    pace = sorted(result[ours] for result in results)[len(results) // 2]
    return Ratio(
        f"waitlist of {of.size:,}: time of {ours} to {theirs}",
        ratio(results, theirs, ours),
        at_most=bar,
        note=f"{1000 / pace:.2f} ms",
    )


def _repeated(work: Callable[[], int], times: int = 40) -> Callable[[], float]:
    return paced(lambda: sum(work() for _ in range(times)))


def _filled(project: Project, slug: str, size: int, at: datetime) -> Waitlist:
    waitlist = create_waitlist(project, name=slug, slug=slug, referral_boost=BOOST, at=at)
    with transaction.atomic():
        _do(
            sql.ENTRIES,
            {
                "project": project.key,
                "waitlist": waitlist.key,
                "slug": slug,
                "count": size,
                "at": at,
            },
        )
        Waitlist.objects.filter(pk=waitlist.pk).update(last_sequence=size, waiting_count=size)
        rerank(waitlist)
    return Waitlist.objects.select_related("project", "stream").get(pk=waitlist.pk)


def _do(statement: str, params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


def _rows(statement: str, params: Any) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall()
