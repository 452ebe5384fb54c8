"""Random people and random rules that have something to say of each other."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

from contacts.models import Contact, ContactActivity, Event, Membership, Segment
from contacts.models.addresses import email_key
from contacts.oracle import Person
from growth.models import Project
from tests.factories import AT

TEXTS = ["trial", "Trial", "growth", "10", "", "true", "100%", "a_b", "a\\b", "it's", "é", "null"]
NUMBERS = [0, 1, 10, 10.0, 9.5, -3, 1e3, 0.1, 2**53 + 1]
TIMES = [
    "2026-03-01",
    "2026-02-28",
    "2026-03-01T05:00:00Z",
    "2026-03-01 05:00",
    "2026-03-01T00:00:00-05:00",
    "2026-03-01T10:30:00.123456789+0530",
    "2026-03-02T12:00:00Z",
    "2026-11-01T01:30:00",  # twice in New York
    "2026-03-08T02:30:00",  # never in New York
    "2024-02-29",
    "9999-12-31",
    "2026-02-20T12:00:00+14",
    "2026-02-28T20:00:00-14:00",
]
NO_TIMES = [
    "2026-02-30",
    "2023-02-29",
    "0999-01-01",
    "2026-03-01T24:00:00Z",
    "2026-03-01T10:00+15:00",
    "2026-03-01x",
    " 2026-03-01",
    "2026-3-1",
    "20260301",
    "2026-03-01T10:00:60Z",
    "٢٠٢٦-03-01",
]
OTHERS: list[Any] = [True, False, None, [], ["trial", 10, True, "2026-03-01"], ["Trial"], {"a": 1}]
TRAITS = ["plan", "mrr", "since", "flags", "company.size", "it's %s"]
TAGS = ["vip", "VIP", "beta"]
EVENTS = ["login", "purchase", "$email_opened", "a.b c"]
DURATIONS = ["1h", "36h", "3d", "7d", "2w", "366d"]
COMPARISONS = ["gt", "gte", "lt", "lte"]


def anything(random: Random) -> Any:
    """Return a value that a trait may have."""
    return random.choice(random.choice([TEXTS, NUMBERS, TIMES, NO_TIMES, OTHERS]))


def traits(random: Random) -> dict[str, Any]:
    """Return what may be known of a person."""
    chosen = {
        name: anything(random) for name in TRAITS if "." not in name and random.random() < 0.8
    }
    if random.random() < 0.7:
        chosen["company"] = random.choice([{"size": anything(random)}, "Acme", [{"size": 10}]])
    return chosen


def past(random: Random) -> datetime:
    """Return a moment in the last 40 days, often at the edge of a window."""
    edge = random.choice([0, 1, 36, 72, 168, 336])
    return AT - timedelta(hours=edge, seconds=random.choice([-1, 0, 1, 1800, 90_000]))


def people(random: Random, project: Project, count: int) -> dict[int, Person]:
    """Store random contacts with events and memberships; return what they are, by key."""
    segment = Segment.objects.create(project=project, name="named", type="static", status="ready")
    contacts = Contact.objects.bulk_create(_contact(random, project, n) for n in range(count))
    found = {}
    for contact in contacts:
        found[contact.key] = person = as_person(contact)
        person.events = [_event(random) for _ in range(random.randrange(9))]
        if random.random() < 0.6:
            scores = {
                name: random.choice([0, 1, 5, 10, 45, 100]) for name in ("engagement", "lead")
            }
            ContactActivity.objects.create(project=project, contact=contact, **scores)
            person.scores = scores
        if random.random() < 0.3:
            person.segments.add(segment.id)
            Membership.objects.create(
                project=project, segment=segment, contact=contact, entered_at=AT
            )
    Event.objects.bulk_create(
        Event(
            project=project, contact_id=key, name=name, timestamp=at, received_at=at, properties=p
        )
        for key, person in found.items()
        for name, at, p in person.events
    )
    return found


def as_person(contact: Contact) -> Person:
    """Return the contact as the oracle sees it, without events."""
    return Person(
        email=contact.email,
        phone=contact.phone,
        external_id=contact.external_id,
        traits=contact.traits,
        tags=contact.tags,
        created_at=contact.created_at,
        is_deleted=contact.deleted_at is not None,
    )


def rule(random: Random, segment_ids: list[str], depth: int = 3) -> dict:
    """Return a random group."""
    inner = [
        rule(random, segment_ids, depth - 1)
        if depth > 1 and random.random() < 0.3
        else condition(random, segment_ids)
        for _ in range(random.randint(1, 3))
    ]
    return {"operator": random.choice(["AND", "AND", "OR", "NOT"]), "conditions": inner}


def condition(random: Random, segment_ids: list[str]) -> dict:
    """Return a random condition on any field."""
    kinds = ["trait", "trait", "trait", "text", "set", "created_at", "event", "event", "score"]
    kind = random.choice(kinds)
    if kind == "trait":
        return {"field": f"traits.{random.choice(TRAITS)}", **question(random)}
    if kind == "text":
        return _about_text(random)
    if kind == "set":
        return _about_set(random, segment_ids)
    if kind == "created_at":
        return {"field": "created_at", **_about_time(random)}
    if kind == "score":
        return _about_score(random)
    return event_condition(random)


def question(random: Random, *, is_timed: bool = True) -> dict:
    """Return a random operator with a value, as a trait takes them."""
    kind = random.randrange(7 if is_timed else 6)
    scalar = random.choice([*TEXTS, *NUMBERS, *TIMES, *NO_TIMES, True, False])
    text = random.choice([*TEXTS, *TIMES, "ria", "RIA", "%", "_", "\\"]) or "0"
    match kind:
        case 0:
            return {"op": random.choice(["eq", "neq"]), "value": scalar}
        case 1:
            values = random.sample([*TEXTS, *NUMBERS, *TIMES, True], random.randint(1, 12))
            return {"op": random.choice(["in", "not_in"]), "value": values}
        case 2:
            value = random.choice(random.choice([NUMBERS, TIMES]))
            return {"op": random.choice(COMPARISONS), "value": value}
        case 3:
            return random.choice(
                [{"op": "between", "value": [0, 10]}, _about_time(random, "between")]
            )
        case 4:
            value = random.choice([text, text, 10, True])
            return random.choice(
                [
                    {"op": random.choice(["contains", "not_contains"]), "value": value},
                    {"op": "starts_with", "value": text},
                ]
            )
        case 5:
            return {"op": random.choice(["exists", "not_exists"])}
    return _about_time(random, random.choice(["within_last", "not_within_last"]))


def event_condition(random: Random) -> dict:
    """Return a random condition on events."""
    made: dict[str, Any] = {"field": f"events.{random.choice(EVENTS)}"}
    if random.random() < 0.2:
        made["op"] = random.choice(["exists", "not_exists"])
    else:
        made["op"] = random.choice(["count_gte", "count_lte", "count_eq"])
        made["value"] = random.randrange(4)
    if random.random() < 0.7:
        made["window"] = random.choice(DURATIONS)
    if random.random() < 0.3:
        asked = {"field": "properties.amount", **question(random, is_timed=False)}
        made["where"] = random.choice([asked, {"operator": "NOT", "conditions": [asked]}])
    return made


def _about_score(random: Random) -> dict:
    field = random.choice(["scores.engagement", "scores.lead"])
    numbers = [0, 1, 5, 10, 10.0, 9.5, 20, 45, 50, -3, 100]
    return {
        "field": field,
        **random.choice(
            [
                {"op": random.choice(["eq", "neq", *COMPARISONS]), "value": random.choice(numbers)},
                {"op": random.choice(["in", "not_in"]), "value": random.sample(numbers, 3)},
                {"op": "between", "value": [5, 45.5]},
            ]
        ),
    }


def _about_text(random: Random) -> dict:
    field = random.choice(["email", "traits.email", "phone", "external_id", "traits.external_id"])
    value = random.choice(["ANN-1@example.com", "ann-2@Example.com", "+14155550101", "u-1", "U-1"])
    part = random.choice(["@EXAMPLE", "ann", "-1", "+1415", "%", "_"])
    return {
        "field": field,
        **random.choice(
            [
                {"op": random.choice(["exists", "not_exists"])},
                {"op": random.choice(["eq", "neq"]), "value": value},
                {"op": random.choice(["in", "not_in"]), "value": [value, "x@example.com"]},
                {"op": random.choice(["contains", "not_contains", "starts_with"]), "value": part},
            ]
        ),
    }


def _about_set(random: Random, segment_ids: list[str]) -> dict:
    field, pool = random.choice([("tags", TAGS), ("segments", segment_ids)])
    if field == "tags" and random.random() < 0.3:
        return {"field": field, "op": random.choice(["exists", "not_exists"])}
    if random.random() < 0.5:
        op = random.choice(["in", "not_in"])
        return {
            "field": field,
            "op": op,
            "value": random.sample(pool, random.randint(1, len(pool))),
        }
    op = random.choice(["eq", "neq", "contains", "not_contains"])
    return {"field": field, "op": op, "value": random.choice(pool)}


def _about_time(random: Random, op: str = "") -> dict:
    op = op or random.choice(
        [*COMPARISONS, "eq", "neq", "between", "within_last", "not_within_last"]
    )
    if "within_last" in op:
        return {"op": op, "value": random.choice(DURATIONS)}
    if op == "between":
        return {
            "op": op,
            "value": ["2026-02-20", random.choice(["2026-03-01", "2026-03-02T12:00Z"])],
        }
    return {"op": op, "value": random.choice(TIMES)}


def _contact(random: Random, project: Project, number: int) -> Contact:
    email = random.choice(["", f"Ann-{number}@example.com"])
    return Contact(
        project=project,
        email=email,
        email_key=email_key(email),
        phone=random.choice(["", "+14155550101", "unknown"]),
        external_id=random.choice(["", f"u-{number}", f"U_{number}"]),
        traits=traits(random),
        tags=random.sample(TAGS, random.randrange(3)),
        created_at=past(random),
        updated_at=AT,
        deleted_at=AT if random.random() < 0.05 else None,
    )


def _event(random: Random) -> tuple[str, datetime, dict]:
    properties = {"amount": anything(random)} if random.random() < 0.7 else {}
    return random.choice(EVENTS), past(random), properties
