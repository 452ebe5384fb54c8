"""Upserts of the same people at the same time make each person once, and lose no field."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact, CustomField, Identity
from growth.models import Project
from tests.conftest import client_with
from tests.contacts.growthhub_calls import DOCUMENTED, client_of

THREADS = 12


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("priority", "phone"),
    [
        (["email", "phone"], None),
        (["email", "phone"], "extension 12"),
        (["email"], "+4930901820"),
    ],
)
def test_the_same_person_is_made_once(priority, phone):
    project = Project.objects.create(name="Acme", duplicate_check_priority=priority)
    client_of(project).post("/contacts/upsert", {"email": "x@example.com", "phone": "+4930901820"})

    def run(number):
        body = {
            "email": ["Ann@example.com", "ann@EXAMPLE.com", "ANN@example.com"][number % 3],
            "phone": phone,
            "customFields": [{"key": f"field_{number}", "value": number}],
        }
        try:
            response = client_of(project).post("/contacts/upsert", body)
            assert response.status_code == 200, response.content
            return response.json()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(run, range(THREADS)))

    ann = Contact.objects.get(email_key="ann@example.com")
    assert [answer["new"] for answer in answers].count(True) == 1
    assert {answer["contact"]["id"] for answer in answers} == {ann.id}
    assert ann.traits == {f"field_{number}": number for number in range(THREADS)}
    assert CustomField.objects.count() == THREADS
    assert Identity.objects.filter(kind="email", value="ann@example.com").count() == 1


def statements(client, path, body):
    client.post(path, body)  # A token's first use is noted.
    with CaptureQueriesContext(connection) as made:
        assert client.post(path, {**body, "email": "new@example.com"}).status_code < 300
    with CaptureQueriesContext(connection) as updated:
        assert client.post(path, {**body, "email": "new@example.com"}).status_code < 300
    return len(made), len(updated)


def test_an_upsert_takes_little_more_statements_than_v1(project, api):
    traits = {"first_name": "Ann", "city": "Berlin"}
    v1 = statements(api, "/v1/contacts", {"email": "a@example.com", "traits": traits})
    body = {"email": "a@example.com", "firstName": "Ann", "city": "Berlin"}
    here = statements(client_of(project), "/contacts/upsert", body)
    whole = statements(client_of(project), "/contacts/upsert", {**DOCUMENTED, "phone": None})

    assert here[0] <= 1.3 * v1[0], (here, v1)
    assert here[1] <= 1.3 * v1[1], (here, v1)
    assert whole[0] <= here[0] + 6, (whole, here)


def test_a_batch_of_shown_contacts_takes_the_statements_of_one(project, api):
    for number in range(20):
        api.post("/v1/contacts", {"email": f"p{number}@example.com", "traits": {"a": number}})
    hub = client_with(project, scopes=["*"])
    hub.credentials(HTTP_VERSION="v3", HTTP_AUTHORIZATION=hub.defaults["HTTP_AUTHORIZATION"])
    counts = []
    for limit in (1, 20):
        hub.post("/contacts/search", {"pageLimit": limit})
        with CaptureQueriesContext(connection) as made:
            assert len(hub.post("/contacts/search", {"pageLimit": limit}).json()["contacts"])
        counts.append(len(made))

    assert counts[0] == counts[1]
