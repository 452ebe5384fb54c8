"""Many join, are let in and confirm at once: everybody has one place, and each is let in once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from contacts.models import Contact, Email, Event
from growth import outbox
from growth.models import Project
from tests.conftest import client_with
from tests.factories import AT
from tests.waitlists.factories import enter, make_waitlist
from waitlists.models import Entry
from waitlists.operations.auditing import drifts
from waitlists.operations.deciding import approve_first
from waitlists.operations.joining import Joining, join, verify

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 16


@pytest.fixture
def project() -> Project:
    return Project.objects.create(name="Acme")


def in_threads(work: Callable[[int], Any]) -> list[Any]:
    def run(number: int) -> Any:
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(run, range(THREADS)))


def test_sixteen_batches_let_each_in_once(project):
    waitlist = make_waitlist(project)
    for n in range(50):
        enter(waitlist, f"p{n}@example.com")

    clients = [client_with(project, scopes=["*"]) for _ in range(THREADS)]
    path = f"/v1/waitlists/{waitlist.id}/entries/approve-batch"
    answers = in_threads(lambda n: clients[n].post(path, {"count": 4}).json())

    approved = [each["id"] for body in answers for each in body["data"]]
    assert sorted(body["approved"] for body in answers) == [0] * 3 + [2] + [4] * 12
    assert len(set(approved)) == len(approved) == 50
    while outbox.relay(at=AT):
        pass
    assert Email.objects.filter(template_code="tmpl_wl_invite").count() == 50
    assert Event.objects.filter(name="$waitlist_approved").count() == 50
    assert list(drifts(project)) == []


def test_sixteen_join_as_one_person(project):
    waitlist = make_waitlist(project)
    addresses = ["Dana@Example.com", "dana@example.com"]

    def work(n: int) -> bool:
        return join(waitlist, Joining(addresses[n % 2], is_vouched_for=True), at=AT).is_new

    assert sum(in_threads(work)) == 1
    assert Entry.objects.count() == Contact.objects.count() == Email.objects.count() == 1
    assert list(drifts(project)) == []


def test_friends_confirm_while_others_are_let_in(project):
    waitlist = make_waitlist(project, referral_boost=2)
    code = enter(waitlist).entry.code
    pending = [
        Entry.objects.get(code=enter(waitlist, code=code, is_vouched_for=False).entry.code)
        for _ in range(THREADS)
    ]

    def work(n: int) -> int:
        verify(waitlist, pending[n], at=AT)
        verify(waitlist, pending[n], at=AT)
        enter(waitlist, f"new-{n}@example.com", code=code)
        return len(approve_first(waitlist, 1, at=AT))

    assert sum(in_threads(work)) == THREADS
    waitlist.refresh_from_db()
    assert waitlist.counts == {"pending": 0, "waiting": 17, "approved": 16, "rejected": 0}
    assert Entry.objects.get(code=code).referral_count == 2 * THREADS
    assert Event.objects.filter(name="$waitlist_referred").count() == 2 * THREADS
    assert list(drifts(project)) == []
