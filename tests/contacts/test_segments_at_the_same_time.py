"""Builds, edits, news and the clock work on the same segment at once, and it ends exact."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils.timezone import now

from contacts.models import Contact, Event, Membership, Segment
from contacts.models.event import Fact
from contacts.operations import memberships, segments
from contacts.operations.memberships import build_next, follow_time
from contacts.operations.segments import create_segment, revise_segment
from contacts.queries import contacts_matching, read_rule
from growth import outbox
from growth.models import ListenerFailure, Project
from tests.contacts.written_rules import TRIAL, one
from tests.factories import make_contact

pytestmark = pytest.mark.django_db(transaction=True)


def in_thread(work: Callable[[], object]) -> Callable[[], object]:
    """Return the work with a connection of its own, which it closes."""

    def run() -> object:
        try:
            return work()
        finally:
            connection.close()

    return run


def relay_all() -> None:
    while outbox.relay(at=now()):
        pass


def members(segment: Segment) -> set[str]:
    return set(Membership.objects.filter(segment=segment).values_list("contact_id", flat=True))


@pytest.fixture
def project() -> Project:
    return Project.objects.create(name="Acme")


@pytest.mark.parametrize("is_told_before_the_build_ends", [True, False])
def test_a_change_told_while_a_segment_is_built_is_not_lost(
    project, monkeypatch, is_told_before_the_build_ends
):
    monkeypatch.setattr(segments, "SMALL", 0)
    contact = make_contact(project)
    segment = create_segment(project, name="Trials", rules=TRIAL, at=now())
    has_written, may_end = threading.Event(), threading.Event()
    write_all = memberships.write_all

    def write_slowly(*args: object, **kwargs: object) -> bool:
        has_changed = write_all(*args, **kwargs)
        has_written.set()
        may_end.wait(5)
        return has_changed

    monkeypatch.setattr(memberships, "write_all", write_slowly)
    with ThreadPoolExecutor() as pool:
        build = pool.submit(in_thread(lambda: build_next(at=now())))
        has_written.wait(5)
        contact.revise(traits={"plan": "trial"}, at=now())
        if is_told_before_the_build_ends:
            relay_all()
        assert members(segment) == set()
        may_end.set()
        assert build.result() == 1
    relay_all()

    segment.refresh_from_db()
    assert segment.is_ready
    assert members(segment) == {contact.id}


def test_rules_changed_while_a_segment_is_built_are_the_ones_that_hold(project, monkeypatch):
    monkeypatch.setattr(segments, "SMALL", 0)
    make_contact(project, traits={"plan": "trial"})
    other = make_contact(project, traits={"plan": "scale"})
    segment = create_segment(project, name="Trials", rules=TRIAL, at=now())
    write_all = memberships.write_all

    def edit_meanwhile(building: Segment, **kwargs: object) -> bool:
        monkeypatch.setattr(memberships, "write_all", write_all)
        scale = one(field="traits.plan", op="eq", value="scale")
        edit = in_thread(lambda: revise_segment(segment, rules=scale, at=now()))
        with ThreadPoolExecutor() as pool:
            pool.submit(edit).result()
        return write_all(building, **kwargs)

    monkeypatch.setattr(memberships, "write_all", edit_meanwhile)
    assert [build_next(at=now()) for _ in range(3)] == [1, 1, 0]

    assert members(segment) == {other.id}


def test_one_segment_is_built_by_one_worker_at_a_time(project, monkeypatch):
    monkeypatch.setattr(segments, "SMALL", 0)
    make_contact(project)
    create_segment(project, name="Trials", rules=TRIAL, at=now())
    write_all = memberships.write_all

    def write_slowly(*args: object, **kwargs: object) -> bool:
        time.sleep(0.2)
        return write_all(*args, **kwargs)

    monkeypatch.setattr(memberships, "write_all", write_slowly)
    with ThreadPoolExecutor() as pool:
        builds = [pool.submit(in_thread(lambda: build_next(at=now()))) for _ in range(3)]

    assert sorted(build.result() for build in builds) == [0, 0, 1]


def test_circles_made_at_the_same_time_are_refused(project):
    first, second = (create_segment(project, name=n, rules=TRIAL, at=now()) for n in "ab")
    start = threading.Barrier(2)

    def point(segment: Segment, other: Segment) -> bool:
        start.wait(5)
        try:
            looking = one(field="segments", op="contains", value=other.id)
            revise_segment(segment, rules=looking, at=now())
        except Exception:
            return False
        return True

    with ThreadPoolExecutor() as pool:
        edits = [
            pool.submit(in_thread(lambda pair=pair: point(*pair)))
            for pair in [(first, second), (second, first)]
        ]

    assert sorted(edit.result() for edit in edits) == [False, True]


@pytest.mark.slow  # it is a race for a second and a half
def test_everything_at_once_ends_exact(project, monkeypatch):
    monkeypatch.setattr(segments, "SMALL", 0)
    contacts = [make_contact(project) for _ in range(8)]
    login = {"field": "events.login", "op": "count_gte", "value": 2}
    made = [
        create_segment(project, name="plan", rules=TRIAL, at=now()),
        create_segment(project, name="often", rules=one(**login, window="1s"), at=now()),
        create_segment(project, name="ever", rules=one(**login), at=now()),
    ]
    looking = one(field="segments", op="in", value=[made[0].id, made[1].id])
    made.append(create_segment(project, name="either", rules=looking, at=now()))
    stop = now() + timedelta(seconds=1.5)

    def repeatedly(act: Callable[[int], object]) -> Callable[[], object]:
        def work() -> None:
            number = 0
            while now() < stop:
                act(number := number + 1)

        return in_thread(work)

    def change(number: int) -> None:
        plan = ("trial", "scale")[number % 2]
        Contact.objects.get(pk=contacts[number % 8].pk).revise(traits={"plan": plan}, at=now())

    def act(number: int) -> None:
        facts = [Fact(contacts[number % 8].key, "login")]
        Event.objects.record(project, facts, at=now())

    def edit(number: int) -> None:
        plan = ("trial", "scale")[number % 2]
        rules = one(field="traits.plan", op="eq", value=plan)
        revise_segment(Segment.objects.get(pk=made[0].pk), rules=rules, at=now())
        time.sleep(0.05)

    def tick(number: int) -> None:
        build_next(at=now())
        follow_time(at=now())

    with ThreadPoolExecutor() as pool:
        relays = [lambda number: outbox.relay(at=now())] * 2
        for work in [pool.submit(repeatedly(a)) for a in (change, act, edit, tick, tick, *relays)]:
            work.result()
    relay_all()
    while build_next(at=now()):
        relay_all()
    time.sleep(1.1)
    while follow_time(at=now()):
        relay_all()

    for segment in Segment.objects.select_related("project"):
        matching = contacts_matching(project, read_rule(segment), at=now())
        assert members(segment) == set(matching.values_list("id", flat=True)), segment.name
    assert Membership.objects.exists()
    assert not ListenerFailure.objects.exists()
