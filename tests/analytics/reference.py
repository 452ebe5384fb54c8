"""All four kinds of question answered by plain loops over all events: slow, and easy to believe.

It takes the JSON that the API takes, and knows nothing of the code it is compared with.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from contacts.oracle import values

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True)
class Happened:
    """One event; ``number`` is its place in the order of arrival."""

    who: int
    name: str
    properties: dict[str, Any]
    at: datetime
    number: int


@dataclass
class World:
    """All there is: events, what is known of people, and how the project counts days."""

    events: list[Happened]
    traits: dict[int, dict[str, Any]]
    tags: dict[int, list[str]]
    zone: ZoneInfo
    week_start: str
    now: datetime


def answer(body: dict[str, Any], world: World) -> dict[str, Any]:
    """Return the answer to the question."""
    kinds = {
        "event_count": _count,
        "unique_contacts": _count,
        "funnel": _funnel,
        "cohort_retention": _retention,
    }
    return {"type": body["type"], **kinds[body["type"]](body, world)}


def _passes(filters: dict[str, Any] | None, event: Happened, world: World) -> bool:
    for name, sought in (filters or {}).items():
        asked = sought if isinstance(sought, dict) else {"eq": sought}
        for op, value in asked.items():
            if name == "tags":
                held = value in world.tags[event.who]
            else:
                root, _, path = name.partition(".")
                inside = event.properties if root == "properties" else world.traits[event.who]
                found = values.inside(inside, path)
                negated = op == "neq"
                held = values.value_holds(
                    "eq" if negated else op, found, value, world.now, world.zone
                )
                held = held != negated
            if not held:
                return False
    return True


def _matches(step: Any, event: Happened, world: World, shared: dict | None = None) -> bool:
    if isinstance(step, str):
        step = {"event": step}
    if step["event"] is None:
        named = not event.name.startswith("$")
    else:
        named = event.name == step["event"]
    return named and _passes(step.get("filters"), event, world) and _passes(shared, event, world)


def _labels(by: str, event: Happened, world: World) -> list[str]:
    if by == "tags":
        return sorted(set(world.tags[event.who])) or ["(none)"]
    root, _, path = by.partition(".")
    found = values.inside(
        event.properties if root == "properties" else world.traits[event.who], path
    )
    if found is None:
        return ["(none)"]
    if isinstance(found, bool):
        return ["true" if found else "false"]
    return [str(found)]


# Time. Each moment is looked at on the clock on the wall, and nowhere else.


def _day(moment: datetime, world: World) -> date:
    return moment.astimezone(world.zone).date()


def _period(moment: datetime, interval: str, world: World) -> str:
    if interval == "hour":
        wall = moment.astimezone(world.zone)
        return (
            f"{moment.replace(minute=0, second=0, microsecond=0):%Y-%m-%dT%H:%M:%SZ}"
            if (wall.utcoffset().total_seconds() % 3600 == 0)
            else "unsupported"
        )
    return _first_day(_day(moment, world), interval, world).isoformat()


def _first_day(day: date, interval: str, world: World) -> date:
    if interval == "month":
        return date(day.year, day.month, 1)
    first = {"monday": 0, "sunday": 6, "saturday": 5}[world.week_start]
    while interval == "week" and day.weekday() != first:
        day -= timedelta(days=1)
    return day


def _days(first: date, last: date) -> Iterable[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)


def _periods(first: date, last: date, interval: str, world: World) -> list[str]:
    """Return the names of the periods, found by walking through every quarter of an hour or day."""
    if interval != "hour":
        return list(
            dict.fromkeys(
                _first_day(day, interval, world).isoformat() for day in _days(first, last)
            )
        )
    moment = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(days=2)
    names: list[str] = []
    while _day(moment, world) <= last:
        if _day(moment, world) >= first:
            names.append(_period(moment, "hour", world))
        moment += timedelta(minutes=15)
    return list(dict.fromkeys(names))


def _over(first: date, interval: str, world: World) -> date:
    """Return the first day after the period."""
    day = first + timedelta(days=1)
    while _first_day(day, interval, world) == first:
        day += timedelta(days=1)
    return day


def _range(body: dict[str, Any]) -> tuple[date, date]:
    return date.fromisoformat(body["from"]), date.fromisoformat(body["to"])


def _inside(body: dict[str, Any], event: Happened, world: World) -> bool:
    first, last = _range(body)
    return first <= _day(event.at, world) <= last


def _collapsed(sizes: dict[str, int]) -> Callable[[str], str]:
    greatest = sorted(sizes, key=lambda name: (-sizes[name], name.encode()))[:50]
    return lambda name: name if name in greatest else "other"


# Counts.


def _count(body: dict[str, Any], world: World) -> dict[str, Any]:
    is_unique = body["type"] == "unique_contacts"
    step = {"event": body.get("event"), "filters": body.get("filters")}
    interval = body.get("interval", "day")
    hits = [
        event
        for event in world.events
        if _inside(body, event, world) and _matches(step, event, world)
    ]
    names = _periods(*_range(body), interval, world)

    def number(events: list[Happened]) -> int:
        return len({event.who for event in events}) if is_unique else len(events)

    if "group_by" not in body:
        found: defaultdict[str, list[Happened]] = defaultdict(list)
        for event in hits:
            found[_period(event.at, interval, world)].append(event)
        data = [{"date": name, "count": number(found[name])} for name in names]
        return {"data": data, "total": number(hits)}
    grouped: defaultdict[str, list[Happened]] = defaultdict(list)
    for event in hits:
        for name in _labels(body["group_by"], event, world):
            grouped[name].append(event)
    shown = _collapsed({name: number(events) for name, events in grouped.items()})
    cells: defaultdict[tuple[str, str], list[Happened]] = defaultdict(list)
    totals: defaultdict[str, list[Happened]] = defaultdict(list)
    for name, events in grouped.items():
        totals[shown(name)] += events
        for event in events:
            cells[_period(event.at, interval, world), shown(name)].append(event)
    data = [
        {"date": name, "groups": {group: number(cells[name, group]) for group in totals}}
        for name in names
    ]
    total = number(hits) if is_unique else sum(len(events) for events in totals.values())
    return {"data": data, "total": total, "totals": {g: number(e) for g, e in totals.items()}}


# Funnels.


@dataclass
class Attempt:
    """How one attempt went: when each step was reached, and whether it may go on."""

    entry: Happened
    times: list[datetime]
    is_open: bool


def _funnel(body: dict[str, Any], world: World) -> dict[str, Any]:
    chosen = []
    for who in sorted({event.who for event in world.events}):
        own = [event for event in world.events if event.who == who]
        own.sort(key=lambda event: (event.at, event.number))
        attempts = list(_attempts(body, own, world))
        if not attempts:
            continue
        if body.get("entry", "best") == "first":
            chosen.append(attempts[0])
        else:
            chosen.append(max(attempts, key=lambda one: (len(one.times), one.is_open)))
    answer = _steps(body, chosen)
    if "group_by" not in body:
        return answer
    grouped: defaultdict[str, list[Attempt]] = defaultdict(list)
    for attempt in chosen:
        for name in _labels(body["group_by"], attempt.entry, world):
            grouped[name].append(attempt)
    shown = _collapsed({name: len(attempts) for name, attempts in grouped.items()})
    merged: defaultdict[str, dict[int, Attempt]] = defaultdict(dict)
    for name, attempts in grouped.items():
        for attempt in attempts:
            merged[shown(name)][attempt.entry.who] = attempt
    groups = {name: _steps(body, list(found.values())) for name, found in merged.items()}
    return answer | {"groups": groups}


def _attempts(body: dict[str, Any], own: list[Happened], world: World) -> Iterable[Attempt]:
    steps, order = body["steps"], body.get("order", "ordered")
    held = [name.removeprefix("properties.") for name in body.get("hold_constant", ())]
    own = [e for e in own if all(values.inside(e.properties, name) is not None for name in held)]

    def is_step(number: int, event: Happened) -> bool:
        return _matches(steps[number], event, world, body.get("filters"))

    for place, event in enumerate(own):
        entries = range(len(steps)) if order == "any" else (0,)
        if not _inside(body, event, world) or not any(is_step(n, event) for n in entries):
            continue
        kept = [values.inside(event.properties, name) for name in held]
        later = [
            each
            for each in own[place + 1 :]
            if [values.inside(each.properties, name) for name in held] == kept
        ]
        if order == "any":
            yield _any_attempt(body, event, later, is_step, world)
        else:
            yield _ordered_attempt(body, event, later, is_step, world)


def _ordered_attempt(
    body: dict[str, Any],
    entry: Happened,
    later: list[Happened],
    is_step: Callable[[int, Happened], bool],
    world: World,
) -> Attempt:
    limit, times, is_ended = entry.at + _window(body), [entry.at], False
    for event in later:
        if len(times) == len(body["steps"]) or event.at > limit or is_ended:
            break
        if is_step(len(times), event):
            times.append(event.at)
        elif body.get("order") == "strict":
            names = {s if isinstance(s, str) else s["event"] for s in _named(body)}
            is_ended = event.name in names or not event.name.startswith("$")
        else:
            is_ended = any(_excludes(each, len(times), event, world) for each in _excluded(body))
    is_open = len(times) < len(body["steps"]) and not is_ended and limit > world.now
    return Attempt(entry, times, is_open)


def _any_attempt(
    body: dict[str, Any],
    entry: Happened,
    later: list[Happened],
    is_step: Callable[[int, Happened], bool],
    world: World,
) -> Attempt:
    limit, is_ended = entry.at + _window(body), False
    found: dict[int, datetime] = {}
    for event in [entry, *later]:
        if event.at > limit or is_ended:
            break
        for number in range(len(body["steps"])):
            if is_step(number, event):
                found.setdefault(number, event.at)
        is_ended = any(_excludes(each, 1, event, world) for each in _excluded(body))
    is_open = len(found) < len(body["steps"]) and not is_ended and limit > world.now
    return Attempt(entry, sorted(found.values()), is_open)


def _excluded(body: dict[str, Any]) -> list[Any]:
    return body.get("exclusions", [])


def _named(body: dict[str, Any]) -> list[Any]:
    return [*body["steps"], *_excluded(body)]


def _excludes(exclusion: Any, reached: int, event: Happened, world: World) -> bool:
    if isinstance(exclusion, str):
        exclusion = {"event": exclusion}
    after = exclusion.get("after_step")
    return after in (None, reached) and _matches(exclusion, event, world)


def _window(body: dict[str, Any]) -> timedelta:
    text = body.get("window", "7d")
    return timedelta(seconds=int(text[:-1]) * UNITS[text[-1]])


def _steps(body: dict[str, Any], chosen: list[Attempt]) -> dict[str, Any]:
    data, count = [], len(body["steps"])
    reached = [sum(len(one.times) > number for one in chosen) for number in range(count)]
    for number, step in enumerate(body["steps"]):
        waiting = sum(one.is_open and len(one.times) == number + 1 for one in chosen)
        before = reached[max(number - 1, 0)]
        taken = [
            (one.times[number] - one.times[number - 1]) / timedelta(microseconds=1)
            for one in chosen
            if number and len(one.times) > number
        ]
        data.append(
            {
                "event": step if isinstance(step, str) else step["event"],
                "count": reached[number],
                "conversion_from_start": _rate(reached[number], reached[0]) or 0.0,
                "conversion_from_previous": _rate(reached[number], before) or 0.0,
                "drop_off": (
                    reached[number] - waiting - reached[number + 1] if number + 1 < count else 0
                ),
                "in_progress": waiting,
                "median_seconds": round(median(taken) / 1e6, 3) if taken else None,
                "avg_seconds": round(sum(taken) / len(taken) / 1e6, 3) if taken else None,
            }
        )
    return {"data": data, "total": reached[0]}


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


# Retention.


def _retention(body: dict[str, Any], world: World) -> dict[str, Any]:
    starts = _starts(body, world)
    answer = _cohorts(body, starts, world)
    if "group_by" not in body:
        return answer
    grouped: defaultdict[str, dict[tuple[int, str], Happened]] = defaultdict(dict)
    for key, event in starts.items():
        for name in _labels(body["group_by"], event, world):
            grouped[name][key] = event
    shown = _collapsed({name: len({who for who, _ in found}) for name, found in grouped.items()})
    merged: defaultdict[str, dict[tuple[int, str], Happened]] = defaultdict(dict)
    for name, found in grouped.items():
        merged[shown(name)] |= found
    groups = {name: _cohorts(body, found, world) for name, found in merged.items()}
    return answer | {"groups": groups}


def _starts(body: dict[str, Any], world: World) -> dict[tuple[int, str], Happened]:
    """Return the first start of each person, or of each person in each period."""
    step = body.get("start", body.get("event"))
    starts: dict[tuple[int, str], Happened] = {}
    seen = set()
    for event in sorted(world.events, key=lambda one: (one.at, one.number)):
        if not _matches(step, event, world, body.get("filters")):
            continue
        if body.get("cohort", "first_time") == "first_time":
            if event.who in seen:
                continue
            seen.add(event.who)
        if _inside(body, event, world):
            starts.setdefault((event.who, _period(event.at, _length(body), world)), event)
    return starts


def _length(body: dict[str, Any]) -> str:
    return body.get("period", body.get("interval", "week"))


def _cohorts(
    body: dict[str, Any], starts: dict[tuple[int, str], Happened], world: World
) -> dict[str, Any]:
    names = _periods(*_range(body), _length(body), world)
    step = body.get("return", body.get("event"))
    returns: defaultdict[int, list[datetime]] = defaultdict(list)
    for event in world.events:
        if _inside(body, event, world) and _matches(step, event, world, body.get("filters")):
            returns[event.who].append(event.at)
    data = []
    for place, name in enumerate(names):
        people = {who: event.at for (who, cohort), event in starts.items() if cohort == name}
        cells = [
            _cell(body, number, span, place, people, returns, world)
            for number, span in enumerate(_spans(body, place, names, world))
        ]
        data.append({"start": name, "size": len(people), "cells": cells})
    return {"data": data, "total": len({who for who, _ in starts}), "mean": _mean(data)}


_ROLLING = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}


def _midnight(day: date, world: World) -> datetime:
    """Return the first moment of the day: that before which every clock showed an earlier day."""
    early = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)
    return next(
        moment
        for moment in (early + timedelta(minutes=15 * n) for n in range(250))
        if _day(moment, world) >= day
    )


def _end(body: dict[str, Any], world: World) -> datetime:
    return min(_midnight(_range(body)[1] + timedelta(days=1), world), world.now)


def _spans(
    body: dict[str, Any], place: int, names: list[str], world: World
) -> list[tuple[int, int]]:
    count = len(names) - place
    if body.get("mode") == "rolling":
        first = max(
            _midnight(date.fromisoformat(names[place]), world), _midnight(_range(body)[0], world)
        )
        count = max(1, (_end(body, world) - first) // _ROLLING[_length(body)])
    if body.get("criterion") == "bracket":
        return [(first, last) for first, last in body["brackets"] if first < count]
    return [(number, number) for number in range(count)]


def _cell(
    body: dict[str, Any],
    number: int,
    span: tuple[int, int],
    place: int,
    people: dict[int, datetime],
    returns: dict[int, list[datetime]],
    world: World,
) -> dict[str, Any]:
    first, last = span
    length, end = _ROLLING[_length(body)], _end(body, world)
    is_rolling = body.get("mode") == "rolling"
    names = _periods(*_range(body), _length(body), world)

    def period(who: int, moment: datetime) -> int:
        if is_rolling:
            return (moment - people[who]) // length
        return names.index(_period(moment, _length(body), world)) - place

    eligible = {
        who for who, began in people.items() if not is_rolling or began + (last + 1) * length <= end
    }
    retained = 0
    for who in eligible:
        came = [period(who, moment) for moment in returns[who] if moment >= people[who]]
        if body.get("criterion") == "on_or_after":
            retained += any(each >= first for each in came)
        else:
            retained += any(first <= each <= last for each in came)
    if is_rolling:
        begun = _over(date.fromisoformat(names[place]), _length(body), world)
        begun = min(begun, _range(body)[1] + timedelta(days=1))
        is_over = _midnight(begun, world) + (last + 1) * length <= end
    else:
        is_over = place + last < len(names) and (
            _midnight(_over(date.fromisoformat(names[place + last]), _length(body), world), world)
            <= end
        )
    return {
        "period": number,
        **({"periods": [first, last]} if body.get("criterion") == "bracket" else {}),
        "eligible": len(eligible),
        "retained": retained,
        "rate": _rate(retained, len(eligible)),
        "complete": is_over,
    }


def _mean(data: list[dict[str, Any]]) -> list[dict[str, Any]]:
    sums: dict[int, tuple[int, int]] = {}
    for cohort in data:
        for cell in cohort["cells"]:
            if cell["complete"]:
                back, people = sums.get(cell["period"], (0, 0))
                sums[cell["period"]] = (back + cell["retained"], people + cell["eligible"])
    return [{"period": n, "rate": _rate(*sums[n])} for n in sorted(sums)]
