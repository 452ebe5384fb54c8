"""Many tell of the same people at once, and each person is one contact with everything."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.utils.timezone import now
from rest_framework.response import Response

from contacts.models import Contact, Event, Identity
from contacts.models.merge import SETTLE_AFTER
from contacts.operations.calls import Call
from contacts.operations.events import record_calls
from contacts.operations.merging import settle_merges
from contacts.operations.traits import make_sighting
from growth.models import Project
from tests.conftest import client_with
from tests.factories import AT, make_contact

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 16
PEOPLE = 40
FEW = 12  # Of whom each thread tells in a request of its own: more threads than people.


@pytest.fixture
def project() -> Project:
    return Project.objects.create(name="Acme")


def in_threads(work: Callable[[int], Response]) -> list[dict]:
    """Do the work in each thread, and return the bodies of the answers."""

    def run(number: int) -> dict:
        try:
            response = work(number)
            assert response.status_code < 300, response.content
            return response.json()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(run, range(THREADS)))


def told_by(thread: int, person: int) -> dict:
    """Return what the thread says of the person: some know the id, others the address, or both."""
    ids = {"external_id": f"u{person}", "email": f"U{person}@Example.com"}
    known = ids if (thread + person) % 3 else {"email": ids["email"].lower()}
    return {**known, "traits": {f"t{thread}": person}}


def shuffled(thread: int) -> list[int]:
    return random.Random(thread).sample(range(PEOPLE), PEOPLE)


def the_people(count: int = PEOPLE) -> list[Contact]:
    """Return the contacts, of which there must be one for each person, with all that was told."""
    people = list(Contact.objects.all())
    assert sorted(each.email_key for each in people) == sorted(
        f"u{n}@example.com" for n in range(count)
    )
    for each in people:
        number = int(each.external_id.removeprefix("u"))
        assert each.traits == {f"t{thread}": number for thread in range(THREADS)}
    assert Identity.objects.count() == 2 * count
    return people


def test_contacts_told_one_by_one_at_the_same_time_are_one_each(project):
    client = client_with(project, scopes=["*"])

    def tell(thread: int) -> Response:
        *first, last = [person for person in shuffled(thread) if person < FEW]
        for person in first:
            assert client.post("/v1/contacts", told_by(thread, person)).status_code in (200, 201)
        return client.post("/v1/contacts", told_by(thread, last))

    in_threads(tell)

    the_people(FEW)


def test_patches_of_one_contact_at_the_same_time_lose_nothing(project):
    client = client_with(project, scopes=["*"])
    contact = make_contact(project)

    def tell(thread: int) -> Response:
        for number in range(5):
            traits = {f"t{thread}": {f"n{number}": number}}
            response = client.patch(f"/v1/contacts/{contact.id}", {"traits": traits})
        return response

    in_threads(tell)

    contact.refresh_from_db()
    said = {f"n{number}": number for number in range(5)}
    assert contact.traits == {f"t{thread}": said for thread in range(THREADS)}


def test_batches_of_the_same_people_at_the_same_time_make_each_once(project):
    client = client_with(project, scopes=["*"])

    def tell(thread: int) -> Response:
        contacts = [told_by(thread, person) for person in shuffled(thread)]
        return client.post("/v1/contacts/batch", {"contacts": contacts})

    answers = in_threads(tell)

    people = {contact.id for contact in the_people()}
    items = [item for answer in answers for item in answer["items"]]
    assert {item["id"] for item in items} == people
    assert sum(item["created"] for item in items) == PEOPLE


def test_parts_of_the_same_people_at_the_same_time_make_each_once(project):
    client = client_with(project, scopes=["*"])

    def tell(thread: int) -> Response:
        order = shuffled(thread)
        for start in range(0, PEOPLE, 5):
            contacts = [told_by(thread, person) for person in order[start : start + 5]]
            response = client.post("/v1/contacts/batch", {"contacts": contacts})
            assert all(item["success"] for item in response.json()["items"])
        return response

    in_threads(tell)

    the_people()


def test_identifies_and_batches_beside_each_other_lose_nothing(project):
    server = client_with(project, scopes=["*"])
    browser = client_with(project, type="write", scopes=[])

    def call(thread: int, person: int) -> dict:
        said = told_by(thread, person)
        traits = said["traits"] | {"email": said["email"]}
        ids = {"userId": f"u{person}", "anonymousId": f"d{thread}-{person}"}
        return {"type": "identify", **ids, "traits": traits}

    def tell(thread: int) -> Response:
        order = shuffled(thread)
        if thread % 2:
            return browser.post("/v1/batch", {"batch": [call(thread, each) for each in order]})
        contacts = [told_by(thread, each) | {"external_id": f"u{each}"} for each in order]
        return server.post("/v1/contacts/batch", {"contacts": contacts})

    in_threads(tell)

    devices = Identity.objects.filter(kind="anonymous_id")
    assert devices.count() == PEOPLE * THREADS // 2
    devices.delete()
    the_people()


def test_visitors_become_known_while_they_act_and_nothing_stays_behind(project):
    browser = client_with(project, type="write", scopes=[])
    devices = [f"d{n}" for n in range(8)]

    def seen(device: str) -> dict:
        return {"type": "track", "anonymousId": device, "event": "page_seen"}

    def known(device: str, person: int) -> dict:
        return {"type": "identify", "userId": f"u{person}", "anonymousId": device}

    browser.post("/v1/batch", {"batch": [seen(device) for device in devices]})

    def tell(thread: int) -> Response:
        order = random.Random(thread).sample(devices, len(devices))
        say = seen if thread % 2 else lambda device: known(device, int(device[1:]) % 2)
        return browser.post("/v1/batch", {"batch": [say(device) for device in order]})

    in_threads(tell)
    while settle_merges(at=now() + SETTLE_AFTER):
        pass

    people = {contact.external_id: contact.id for contact in Contact.objects.alive()}
    assert set(people) == {"u0", "u1"}
    for device in devices:
        owner = Identity.objects.get(kind="anonymous_id", value=device).contact_id
        assert owner == people[f"u{int(device[1:]) % 2}"]
    owners = Event.objects.values_list("contact", flat=True)
    assert len(owners) == 8 + 8 * 8
    assert set(owners) == set(people.values())


def test_sixteen_identifies_of_one_person_at_the_same_time_make_one_contact(project):
    spellings = ["alice@example.com", "Alice@Example.com", "ALICE@example.COM"]

    def identify(n):
        sighting = make_sighting(
            external_id="alice" if n % 2 else "",
            email=spellings[n % 3],
            anonymous_id=f"device-{n % 4}",
            traits={f"t{n}": n},
        )
        try:
            record_calls(project, [Call(sighting, name="login", timestamp=AT)], at=AT)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(identify, range(16)))

    contact = Contact.objects.alive().get()
    assert contact.external_id == "alice"
    assert len(contact.traits) == 16
    assert Event.objects.filter(contact=contact).count() == 16
