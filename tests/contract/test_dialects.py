"""No value that a client of a dialect can send is a fault of ours."""

import json
from urllib.parse import urlencode

import pytest
from django.test import Client
from rest_framework.test import APIClient

from growth.models import Member, OAuthClient, User
from tests.contacts.growthhub_calls import client_of
from tests.contacts.test_crm import JOHN, crm_of
from tests.factories import make_contact
from tests.hostile import VALUES, variants

CALLBACK = "https://app.example.com/callback"


@pytest.fixture
def ann(project):
    return make_contact(project, email="ann@example.com")


def test_no_value_in_a_body_of_growthhub_is_a_fault_of_ours(project, ann):
    hub = client_of(project)
    body = {
        "email": "ann@example.com",
        "name": "Ann",
        "phone": "+4930901820",
        "timezone": "UTC",
        "dnd": False,
        "dndSettings": {"Email": {"status": "inactive", "message": "x"}},
        "inboundDndSettings": {"all": {"status": "inactive"}},
        "tags": ["a"],
        "customFields": [{"id": "f", "key": "k", "field_value": 1}],
        "attributionSource": {"url": "x", "msclikid": "y"},
        "dateOfBirth": "1990-09-25",
        "country": "US",
        "locationId": None,
        "createNewIfDuplicateAllowed": False,
    }

    def send(path, body):
        content = json.dumps(body).encode()
        return hub.generic("POST", path, content, content_type="application/json")

    for variant in variants(body):
        response = send("/contacts/upsert", variant)
        assert response.status_code < 500, variant
        if response.status_code >= 400:
            assert set(response.json()) <= {"statusCode", "message", "error", "traceId", "meta"}
    for variant in variants({"tags": ["a"]}):
        assert send(f"/contacts/{ann.id}/tags", variant).status_code < 500
    query = {"query": "a", "filters": [{"field": "city", "operator": "eq", "value": 1}]}
    for variant in variants({**query, "sort": [{"field": "dateAdded"}], "searchAfter": [1, "a"]}):
        assert send("/contacts/search", variant).status_code < 500, variant


def test_no_value_in_a_body_of_the_crm_is_a_fault_of_ours(project):
    crm = crm_of(project)
    john = crm.post("/crm/contacts", JOHN).json()["id"]
    calls = [
        ("POST", "/crm/contacts", JOHN),
        (
            "POST",
            "/crm/contacts/edit",
            {"contactID": john, "updateFields": {"name": "A", "phone": 1}},
        ),
        ("GET", "/crm/contacts", {"searchby": "notes", "search": "x"}),
        ("DELETE", "/crm/contacts", {"contact_id": "x"}),
    ]
    for method, path, body in calls:
        for variant in variants(body):
            content = json.dumps(variant).encode()
            response = crm.generic(method, path, content, content_type="application/json")
            assert response.status_code < 500, content[:300]
            if response.status_code >= 400:
                assert set(response.json()) == {"error", "message"}


def test_no_value_of_oauth_is_a_fault_of_ours(project):
    client, secret = OAuthClient.objects.register(
        project, name="Some App", scopes=["contacts:read"], redirect_uris=[CALLBACK]
    )
    staff = Client()
    user = User.objects.create_user("ann", is_staff=True)
    Member.objects.create(project=project, user=user)
    staff.force_login(user)
    whole = {
        "grant_type": "authorization_code",
        "client_id": client.id,
        "client_secret": secret,
        "code": "x",
        "redirect_uri": CALLBACK,
        "scope": "contacts.readonly",
    }
    for value in VALUES:
        for name in whole:
            content = json.dumps({**whole, name: value}).encode()
            response = APIClient().generic("POST", "/oauth/token", content, "application/json")
            assert response.status_code < 500, (name, value)
            text = str(value).encode("utf-8", "replace").decode()[:2_000]
            form = urlencode({**whole, name: text})
            response = APIClient().post(
                "/oauth/token", form, content_type="application/x-www-form-urlencoded"
            )
            assert response.status_code < 500, (name, value)
            assert {"error", "message", "statusCode"} <= set(response.json())
            assert staff.get(f"/oauth/authorize?{form}").status_code < 500
