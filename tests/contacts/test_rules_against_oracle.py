"""The SQL of rules says what plain Python says, whatever the rule and whoever the person."""

import json
import os
from datetime import timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from contacts import oracle, rules
from contacts.models import Segment
from contacts.rule_sql import matching, verdicts
from growth.models import Project
from tests.contacts import random_rules
from tests.factories import AT

ROUNDS = int(os.environ.get("GROWTH_ORACLE_ROUNDS", 10))
RULES = 30
PEOPLE = 40
ZONES = ["America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]  # half an hour of summer
LATER = AT + timedelta(seconds=1)  # Every random event has happened by now.


@pytest.fixture(params=range(ROUNDS))
def random(request: pytest.FixtureRequest) -> Random:
    return Random(request.param)


@pytest.fixture
def project(random: Random, db: None) -> Project:
    return Project.objects.create(name="Acme", timezone=random.choice(ZONES))


def told(statement) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        return cursor.fetchall()


def test_every_rule_finds_whom_the_oracle_finds(random, project):
    people = random_rules.people(random, project, PEOPLE)
    segment_ids = list(Segment.objects.values_list("id", flat=True))
    zone = ZoneInfo(project.timezone)

    for _ in range(RULES):
        written = random_rules.rule(random, segment_ids)
        rule = rules.parse(written, zone=zone)
        at = AT + timedelta(hours=random.choice([0, 0, 1, 24, 100, 150, 5900]))  # over two clocks
        expected = {k for k, p in people.items() if oracle.matches(written, p, at=at, zone=zone)}

        found = [key for (key,) in told(matching(rule, project=project, at=at))]
        everybody = told(verdicts(rule, project=project, at=at))
        some = sorted(random.sample(sorted(people), PEOPLE // 2))
        touched = told(verdicts(rule, project=project, at=at, among=some))

        assert sorted(found) == sorted(expected), json.dumps(written)
        assert {key for key, is_in, _ in everybody if is_in} == expected, json.dumps(written)
        assert {key for key, is_in, _ in touched if is_in} == expected & {*some}, json.dumps(
            written
        )
        clocks = {key: recheck_at for key, _, recheck_at in everybody}
        assert {key: recheck_at for key, _, recheck_at in touched} == {
            key: clocks[key] for key in some if key in clocks
        }, json.dumps(written)


def test_nobody_changes_before_the_clock_says_so(random, project):
    people = random_rules.people(random, project, PEOPLE)
    segment_ids = list(Segment.objects.values_list("id", flat=True))
    zone = ZoneInfo(project.timezone)

    for _ in range(RULES):
        written = random_rules.rule(random, segment_ids)
        for _, clock, flip in clocks_and_flips(written, people, project, zone):
            assert clock is None or clock > LATER, json.dumps(written)
            assert flip is None or (clock is not None and clock <= flip), json.dumps(written)


def test_a_single_condition_changes_exactly_when_the_clock_says_so(random, project):
    people = random_rules.people(random, project, PEOPLE)
    zone = ZoneInfo(project.timezone)

    for _ in range(RULES):
        condition = random.choice(
            [
                {**random_rules.event_condition(random), "window": "7d"},
                {"field": "traits.since", "op": "within_last", "value": "3d"},
                {"field": "created_at", "op": "not_within_last", "value": "36h"},
            ]
        )
        if condition["op"] == "count_eq":
            continue  # Two events may leave the window at once.
        written = {"operator": "AND", "conditions": [condition]}
        for _, clock, flip in clocks_and_flips(written, people, project, zone):
            assert clock == flip, json.dumps(written)


def clocks_and_flips(written: dict, people: dict, project: Project, zone: ZoneInfo) -> list[tuple]:
    rule = rules.parse(written, zone=zone)
    rows = told(verdicts(rule, project=project, at=LATER, among=sorted(people)))
    clocks = {key: recheck_at for key, _, recheck_at in rows}
    return [
        (key, clocks.get(key), oracle.flips(written, person, at=LATER, zone=zone))
        for key, person in people.items()
        if not person.is_deleted
    ]
