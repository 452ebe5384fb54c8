"""Whatever happens, in whatever order: stored memberships are what the oracle says of everybody."""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from contacts import oracle
from contacts.models import Contact, Event, Membership, Segment
from contacts.models.event import Fact, announce
from contacts.operations.memberships import follow_time
from contacts.operations.scoring import decay_next
from contacts.operations.segments import (
    add_members,
    create_segment,
    remove_members,
    revise_segment,
)
from growth.models import ListenerFailure, Project
from tests.contacts import random_rules
from tests.factories import AT, make_contact

HISTORIES = int(os.environ.get("GROWTH_ORACLE_HISTORIES", 3))
STEPS = 25
SEGMENTS = 8


class History:
    """A project to which random things happen; every action may follow any other."""

    def __init__(self, project: Project, random: Random) -> None:
        self.project = project
        self.random = random
        self.now = AT
        self.static = create_segment(project, name="static", rules=None, at=AT)
        self.segments = [self.static]
        for _ in range(6):
            self.arrive()
        while len(self.segments) <= SEGMENTS:
            rules = self.rules(self.segments)
            self.segments.append(create_segment(project, name="some", rules=rules, at=AT))

    def step(self) -> Callable[[], None]:
        """Return the next action."""
        actions = [self.arrive, self.leave, self.change, self.edit, self.name, self.unname]
        return self.random.choice([*actions, *[self.act] * 4, *[self.wait] * 4])

    def arrive(self) -> None:
        made = {"traits": random_rules.traits(self.random), "created_at": self.now}
        contact = make_contact(self.project, **made, tags=self.random.sample(["vip", "beta"], 1))
        announce(self.project, changes={"created": [contact.key]}, at=self.now)

    def leave(self) -> None:
        self.someone().remove(at=self.now)

    def change(self) -> None:
        self.someone().revise(traits=random_rules.traits(self.random), at=self.now)

    def act(self) -> None:
        facts = [
            Fact(self.someone().key, name, {"amount": random_rules.anything(self.random)})
            for name in self.random.choices(random_rules.EVENTS, k=3)
        ]
        Event.objects.record(self.project, facts, at=self.now)

    def wait(self) -> None:
        self.now += timedelta(minutes=self.random.choice([1, 30, 60, 600, 3000, 9000]))

    def edit(self) -> None:
        place = self.random.randrange(1, len(self.segments))
        rules = self.rules(self.segments[:place])
        revise_segment(self.segments[place], rules=rules, at=self.now)

    def name(self) -> None:
        add_members(self.static, [self.someone()], at=self.now)

    def unname(self) -> None:
        remove_members(self.static, [self.someone()], at=self.now)

    def someone(self) -> Contact:
        return self.random.choice(Contact.objects.alive().order_by("id"))

    def rules(self, earlier: list[Segment]) -> dict[str, Any]:
        ids = [segment.id for segment in earlier]
        asked = self.random.choice(ids)
        chance = self.random.random()
        if chance < 0.2:
            where = {"field": "properties.segment_id", "op": "eq", "value": asked}
            entries = {"field": "events.$segment_entered", "op": "exists", "where": where}
            return {"operator": "AND", "conditions": [{**entries, "window": "3d"}]}
        if chance < 0.6:
            members = {"field": "segments", "op": "contains", "value": asked}
            others = random_rules.condition(self.random, ids)
            operator = self.random.choice(["AND", "OR", "NOT"])
            return {"operator": operator, "conditions": [members, others]}
        return random_rules.rule(self.random, ids, depth=2)

    def people(self) -> dict[int, oracle.Person]:
        """Return everybody as the oracle sees them, in the segments where the oracle puts them."""
        found = {c.key: random_rules.as_person(c) for c in Contact.objects.alive()}
        for contact in Membership.objects.filter(segment=self.static).select_related("contact"):
            found[contact.contact.key].segments.add(self.static.id)
        for event in Event.objects.select_related("contact"):
            if event.contact.key in found:
                told = (event.name, event.timestamp, event.properties)
                found[event.contact.key].events.append(told)
        for person in found.values():
            engagement = oracle.engagement(person, at=self.now, zone=self.project.zone)
            person.scores = {"engagement": engagement, "lead": oracle.lead(person)}
        for segment in self.segments[1:]:
            segment.refresh_from_db()
            for person in found.values():
                if oracle.matches(segment.rules, person, at=self.now, zone=self.project.zone):
                    person.segments.add(segment.id)
        return found


def settle(history: History, relay: Callable[[datetime], None]) -> None:
    relay(history.now)
    while decay_next(at=history.now) or follow_time(at=history.now):
        relay(history.now)


@pytest.mark.parametrize("seed", range(HISTORIES))
@pytest.mark.slow  # a history is long
def test_memberships_are_what_the_oracle_says_after_every_step(seed, db, relay):
    project = Project.objects.create(name="Acme", timezone="America/New_York")
    history = History(project, Random(seed))

    for number in range(STEPS):
        action = history.step()
        action()
        settle(history, relay)

        expected = {key: person.segments for key, person in history.people().items()}
        stored: dict[int, set[str]] = {key: set() for key in expected}
        for membership in Membership.objects.select_related("contact"):
            stored[membership.contact.key].add(membership.segment_id)
        assert stored == expected, f"after step {number}: {action.__name__}"
    assert not ListenerFailure.objects.exists()
