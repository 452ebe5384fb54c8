"""Random streams of events, and random questions about them."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from django.db import connection

from contacts.models import Contact, Event, partitions
from growth.models import Project
from tests.analytics.reference import Happened, World

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "America/Havana", "Asia/Kolkata")
CHANGES = (  # days on which clocks change, and others
    datetime(2026, 3, 29, tzinfo=UTC),
    datetime(2026, 10, 25, tzinfo=UTC),
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2026, 3, 8, tzinfo=UTC),
    datetime(2026, 6, 10, tzinfo=UTC),
)
NAMES = ("open", "try", "buy", "leave", "$email_clicked")
WINDOWS = ("30m", "6h", "1d", "3d", "14d")


def make_world(project: Project, chance: random.Random) -> World:
    """Store a random stream, and return all that is in it."""
    project.timezone, project.week_start = (
        chance.choice(ZONES),
        chance.choice(("monday", "sunday", "saturday")),
    )
    project.save()
    middle, days = chance.choice(CHANGES), chance.choice((2, 10, 40, 90))
    people = [_person(project, number, chance) for number in range(chance.randint(1, 8))]
    now = middle + timedelta(days=days * chance.random(), seconds=chance.randrange(86400))
    world = World(
        events=[],
        traits={person.key: person.traits for person in people},
        tags={person.key: person.tags for person in people},
        zone=ZoneInfo(project.timezone),
        week_start=project.week_start,
        now=now,
    )
    add_events(project, world, chance, middle - timedelta(days=days), now, chance.randint(0, 60))
    return world


def add_events(
    project: Project, world: World, chance: random.Random, first: datetime, last: datetime, n: int
) -> None:
    """Store so many more events, of which many share a moment, and some are told twice."""
    keys, seconds = list(world.traits), int((last - first).total_seconds())
    grain = chance.choice((1, 900, 3600, 21600))
    rows = []
    for _ in range(n):
        at = first + timedelta(seconds=chance.randrange(max(1, seconds)) // grain * grain)
        properties = {"kind": chance.choice(("a", "b", 3, True)), "n": chance.randrange(4)}
        if chance.random() < 0.2:
            del properties["kind"]
        row = (chance.choice(keys), chance.choice(NAMES), properties, at)
        rows += [row] * chance.choice((1, 1, 1, 1, 2))
    partitions.ensure(first - timedelta(days=2), last + timedelta(days=2))
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM contacts_event")
        number = cursor.fetchone()[0]
    written = [(who, name, orjson.dumps(p).decode(), at) for who, name, p, at in rows]
    Event.objects.copy(project, written, at=last)
    world.events += [Happened(*row, number + place) for place, row in enumerate(rows, 1)]


def _person(project: Project, number: int, chance: random.Random) -> Contact:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    traits = {"plan": chance.choice(("free", "growth", "scale")), "seats": chance.randrange(5)}
    if chance.random() < 0.2:
        del traits["plan"]
    return Contact.objects.create(
        project=project,
        external_id=f"user-{number}",
        traits=traits,
        tags=chance.sample(("vip", "beta", "old"), chance.randrange(3)),
        created_at=moment,
        updated_at=moment,
    )


def make_question(world: World, chance: random.Random) -> dict[str, Any]:
    """Return the body of a random query about the world."""
    makers = {
        "event_count": _count,
        "unique_contacts": _count,
        "funnel": _funnel,
        "cohort_retention": _cohorts,
    }
    type = chance.choice(list(makers))
    body = {"type": type, **_range(world, chance), **makers[type](chance)}
    hourly = body.get("interval") == "hour"
    if hourly and (world.zone.key == "Asia/Kolkata" or _length(body) > 14):
        body["interval"] = "day"
    if chance.random() < 0.3:
        body["filters"] = _filters(chance)
    if chance.random() < 0.3:
        kinds = ("traits.plan", "tags", "traits.seats", "properties.kind", "properties.n")
        body["group_by"] = chance.choice(kinds)
    return body


def _length(body: dict[str, Any]) -> int:
    return (date.fromisoformat(body["to"]) - date.fromisoformat(body["from"])).days


def _range(world: World, chance: random.Random) -> dict[str, str]:
    days = [event.at.astimezone(world.zone).date() for event in world.events]
    days = days or [world.now.date()]
    first, last = min(days), max(days)
    spread = (last - first).days + 1
    start = first + timedelta(days=chance.randrange(-1, spread))
    end = start + timedelta(days=chance.randrange(spread + 2))
    return {"from": start.isoformat(), "to": end.isoformat()}


def _filters(chance: random.Random) -> dict[str, Any]:
    return chance.choice(
        (
            {"traits.plan": "growth"},
            {"traits.plan": {"neq": "free"}},
            {"properties.n": {"gte": 1}},
            {"tags": "vip"},
            {"traits.seats": {"lt": 4}, "properties.kind": {"exists": None}},
            {"properties.kind": "a"},
        )
    )


def _step(chance: random.Random) -> Any:
    name = chance.choice(NAMES)
    return {"event": name, "filters": _filters(chance)} if chance.random() < 0.3 else name


def _count(chance: random.Random) -> dict[str, Any]:
    body = {"interval": chance.choice(("hour", "day", "week", "month"))}
    return body | ({"event": chance.choice(NAMES)} if chance.random() < 0.8 else {})


def _funnel(chance: random.Random) -> dict[str, Any]:
    order = chance.choice(("ordered", "ordered", "strict", "any"))
    if order == "any":
        names = chance.sample(NAMES, chance.randint(3, 4))
        steps, exclusions = names[:-1], names[-1:]
    else:
        steps = [_step(chance) for _ in range(chance.randint(2, 4))]
        exclusions = [_step(chance)]
        if chance.random() < 0.4:
            only = exclusions[0] if isinstance(exclusions[0], dict) else {"event": exclusions[0]}
            exclusions = [only | {"after_step": chance.randint(1, len(steps) - 1)}]
    body: dict[str, Any] = {
        "steps": steps,
        "order": order,
        "entry": chance.choice(("best", "first")),
        "window": chance.choice(WINDOWS),
    }
    if chance.random() < 0.5:
        body["exclusions"] = exclusions
    if chance.random() < 0.25:
        body["hold_constant"] = chance.sample(["properties.n", "properties.kind"], 1)
    return body


def _cohorts(chance: random.Random) -> dict[str, Any]:
    body: dict[str, Any] = {
        "period": chance.choice(("day", "week", "month")),
        "mode": chance.choice(("calendar", "rolling")),
        "criterion": chance.choice(("on", "on_or_after", "bracket")),
        "cohort": chance.choice(("first_time", "recurring")),
    }
    if body["criterion"] == "bracket":
        body["brackets"] = chance.choice(([[0, 0], [1, 2], [4, 9]], [[0, 1], [2, 5]], [[1, 1]]))
    if chance.random() < 0.4:
        return body | {"event": chance.choice(NAMES)}
    return body | {"start": _step(chance), "return": _step(chance)}
