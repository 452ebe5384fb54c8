"""Merges of the same people meet, and everybody ends in one contact with everything."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils.timezone import now

from contacts.models import Contact, Event, Identity, Merge
from contacts.operations.calls import Call
from contacts.operations.events import record_calls
from contacts.operations.merging import merge_contacts
from contacts.operations.traits import make_sighting
from growth.errors import Conflict, Invalid
from growth.models import Project
from tests.factories import make_contact, make_event

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 5


@pytest.fixture
def project() -> Project:
    return Project.objects.create(name="Acme")


def at_once(*works: Callable[[], object]) -> list[str]:
    """Do the works at the same time; return the names of what they raised, or "done"."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> str:
        try:
            start.wait(5)
            work()
        except (Conflict, Invalid) as error:
            return type(error).__name__
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(len(works)) as pool:
        return sorted(pool.map(run, works))


def make_people(project: Project, count: int) -> list[Contact]:
    people = [make_contact(project, external_id=f"{now().timestamp()}") for _ in range(count)]
    for person in people:
        make_event(person, "login")
    return people


def merging(source: Contact, target: Contact) -> Callable[[], object]:
    def work() -> object:
        rows = {each.id: each for each in Contact.objects.filter(pk__in=[source.pk, target.pk])}
        return merge_contacts(source=rows[source.id], target=rows[target.id], at=now())

    return work


def the_one_of(people: list[Contact]) -> Contact:
    """Return the survivor, which must have everything of all."""
    keys = [person.pk for person in people]
    survivor = Contact.objects.alive().get(pk__in=keys)
    owners = [
        *Identity.objects.filter(contact__in=keys).values_list("contact", flat=True),
        *Event.objects.filter(contact__in=keys).values_list("contact", flat=True),
    ]
    assert Counter(owners) == {survivor.id: 3 * len(people)}
    into = Contact.objects.filter(pk__in=keys).exclude(pk=survivor.pk)
    assert set(into.values_list("merged_into", flat=True)) == {survivor.id}
    return survivor


def test_of_a_pair_merged_both_ways_one_way_wins(project):
    for _ in range(ROUNDS):
        one, other = people = make_people(project, 2)

        outcome = at_once(merging(one, other), merging(other, one))

        assert outcome == ["Conflict", "done"]
        the_one_of(people)


def test_the_same_merge_twice_is_one(project):
    for _ in range(ROUNDS):
        source, target = people = make_people(project, 2)

        assert at_once(*[merging(source, target)] * 3) == ["done"] * 3

        assert the_one_of(people) == target
        assert Merge.objects.filter(source=source).count() == 1


def test_a_chain_ends_in_its_last_link(project):
    for _ in range(ROUNDS):
        a, b, c = people = make_people(project, 3)

        assert at_once(merging(b, c), merging(a, b)) == ["done", "done"]

        assert the_one_of(people) == c


def test_many_merges_into_one_and_aliases_beside_them(project):
    target, *others = people = make_people(project, 6)

    def alias(source: Contact) -> Callable[[], object]:
        sighting = make_sighting(external_id=target.external_id, anonymous_id=source.external_id)
        call = Call(sighting, previous_id=source.external_id)
        return lambda: record_calls(project, [call], at=now())

    works = [merging(each, target) for each in others[:3]] + [alias(each) for each in others[2:]]
    assert at_once(*works) == ["done"] * len(works)

    keys = [person.pk for person in people]
    assert Contact.objects.alive().get(pk__in=keys) == target
    assert Event.objects.filter(contact=target.pk).count() == len(people)
