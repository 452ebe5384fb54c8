"""What SQL answers is what plain loops answer, of random streams and random questions.

``ANALYTICS_STREAMS`` says of how many; a thousand take some minutes.
"""

import os
import random
from datetime import timedelta
from typing import Any

import pytest

from growth.analytics import rollups
from growth.analytics.grammar import read_query
from growth.analytics.queries import answer, people_behind
from growth.analytics.questions import Pick
from growth.analytics.statements import rows
from tests.analytics.reference import World
from tests.analytics.reference import answer as reference
from tests.analytics.streams import add_events, make_question, make_world

STREAMS = int(os.environ.get("ANALYTICS_STREAMS", "24"))
QUESTIONS = 12


def asked(body: dict[str, Any], project: Any, world: World) -> dict[str, Any]:
    return answer(read_query(body, project, at=world.now), project, at=world.now)


def by_group(told: dict[str, Any]) -> Any:
    """Return the groups by their names, without the order that the reference does not know."""
    groups = told.get("groups")
    if not isinstance(groups, list):
        return groups
    return {each["group"]: {k: v for k, v in each.items() if k != "group"} for each in groups}


def assert_same(told: dict[str, Any], expected: dict[str, Any], why: Any) -> None:
    for name in ("type", "total", "totals"):
        assert told.get(name) == expected.get(name), (name, why)
    is_grouped_retention = told["type"] == "cohort_retention" and "groups" in told
    if not is_grouped_retention:
        assert told["data"] == expected["data"], why
        assert told.get("mean") == expected.get("mean"), why
    assert by_group(told) == expected.get("groups"), why


@pytest.mark.slow  # Each stream is asked a dozen questions, by loops too.
@pytest.mark.parametrize("seed", range(STREAMS))
def test_random_questions_about_random_streams(project, seed, monkeypatch):
    monkeypatch.setattr(rollups, "WORTH_KEEPING", 1)
    chance = random.Random(seed)
    world = make_world(project, chance)
    for number in range(QUESTIONS):
        if number == 4:  # From here on daily totals answer what they can.
            rollups.fold_next(at=world.now)
            rollups.people_next(at=world.now)
        if number == 8:  # Late events, which nobody has folded yet.
            first = world.now - timedelta(days=5)
            add_events(project, world, chance, first, world.now, chance.randint(0, 10))
        body = make_question(world, chance)

        told = asked(body, project, world)

        assert_same(told, reference(body, world), (seed, body))
        if number % 3 == 0:
            assert_people(body, told, project, world)
    assert list(rollups.drifts(project)) == []


def assert_people(body: dict[str, Any], told: dict[str, Any], project: Any, world: World) -> None:
    """Assert that as many people are behind numbers as the numbers say."""
    question = read_query(body, project, at=world.now)

    def count(**pick: Any) -> int:
        found = people_behind(question, Pick(**pick), project, at=world.now)
        return len({key for (key,) in rows(found)})

    if body["type"] == "unique_contacts":
        assert count() == told["total"]
        for each in told["data"][:3]:
            for group, number in each.get("groups", {None: each.get("count")}).items():
                if group != "other":
                    assert count(date=each["date"], group=group) == number
    elif body["type"] == "funnel":
        for number, step in enumerate(told["data"], 1):
            assert count(step=number) == step["count"]
            assert count(step=number, outcome="in_progress") == step["in_progress"]
            if number < len(told["data"]):
                assert count(step=number, outcome="dropped") == step["drop_off"]
    elif body["type"] == "cohort_retention":
        for cohort in told["data"][:3]:
            assert count(date=cohort["start"]) == cohort["size"]
            for cell in cohort["cells"][:3]:
                found = count(date=cohort["start"], period=cell["period"])
                assert found == cell["retained"]
