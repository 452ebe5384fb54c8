"""Many integrations make the same people at once: each call makes its contact, and what they share
is there once. Proves that creating is safe at the same time as itself.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from rest_framework.test import APIClient

from contacts.models import Account, Contact, ContactStage, Identity, Segment
from growth.models import ApiKey, Project

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 8
BODY = {
    "email": "elon@tesla.com",
    "first_phone": "+14155550132",
    "company_name": "Tesla",
    "stage": "Cold",
    "lists": ["Press"],
}


def test_each_call_makes_a_contact_and_what_they_share_is_there_once():
    project = Project.objects.create(name="Acme")
    _, key = ApiKey.objects.issue(project, name="k", type="secret", scopes=["*"])

    def create(number: int) -> dict:
        try:
            client = APIClient(HTTP_AUTHORIZATION=key)
            answer = client.post("/integrations/v1/contacts", BODY, format="json")
            assert answer.status_code == 201, answer.content
            return answer.json()["contact"]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as threads:
        made = list(threads.map(create, range(THREADS)))

    assert len({contact["id"] for contact in made}) == Contact.objects.count() == THREADS
    assert len({contact["contact_account_id"] for contact in made}) == 1
    for table in (Account, ContactStage, Segment):
        assert table.objects.count() == 1
    claims = Identity.objects.order_by("kind").values_list("kind", "value")
    assert list(claims) == [("email", "elon@tesla.com"), ("phone", "+14155550132")]
