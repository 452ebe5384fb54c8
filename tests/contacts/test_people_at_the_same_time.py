"""Many tell of the same people at once, and each person is one contact with everything."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from contacts.models import Contact, Event
from contacts.operations.events import Call, record_calls
from contacts.operations.traits import make_sighting
from growth.models import Project
from tests.factories import AT


@pytest.mark.django_db(transaction=True)
def test_sixteen_identifies_of_one_person_at_the_same_time_make_one_contact():
    project = Project.objects.create(name="Acme")
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
