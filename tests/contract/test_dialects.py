"""No value that a client of a dialect can send is a fault of ours."""

import json
from urllib.parse import urlencode

import pytest
from django.test import Client
from rest_framework.test import APIClient

from contacts.models import Contact
from growth.api import throttling
from growth.models import ApiKey, Member, OAuthClient, Project, User
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


DOORS = {
    "/contacts/upsert": {"statusCode", "message", "error", "traceId"},
    "/integrations/v1/contacts": {"error", "request_id"},
    "/crm/contacts": {"error", "message"},
}
"""Where each dialect takes a contact, and what its errors have."""


def called(key: str, path: str, content: bytes | str, method: str = "POST", **headers: str):
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {key}", HTTP_X_API_KEY=key, HTTP_VERSION="v3")
    return client.generic(method, path, content, content_type="application/json", **headers)


@pytest.fixture
def key(project):
    return ApiKey.objects.issue(project, name="all", type="secret", scopes=["*"])[1]


@pytest.mark.parametrize("path", DOORS)
@pytest.mark.parametrize(
    ("content", "statuses"),
    [
        ('{"email": "a@example.com"', {400}),
        ("\xff\xfe", {400}),
        ("[1]", {400, 422}),
        ('"text"', {400, 422}),
        ("null", {400, 422}),
        ('{"email": 1e999}', {400, 422}),
        ('{"email": "a@example.com", "first_name": {"a": 1}, "firstName": {"a": 1}}', {400, 422}),
        ('{"email": "a@b.example", "first_name": "a\\u0000", "firstName": "\\u0000"}', {400, 422}),
        ('{"email": "a", "first_name": "Ann"}', {400, 422}),
        ('{"phone": %s, "email": []}' % ("9" * 400), {400, 422}),
        ('{"a":' * 2_000 + "1" + "}" * 2_000, {400, 422}),
        ('{"email": "a@example.com", "first_name": "%s", "firstName": "%s"}' % (("x" * 1_001,) * 2),
         {400, 422}),
    ],
    ids=range(12),
)  # fmt: skip
def test_what_is_wrong_is_told_in_the_words_of_the_dialect(project, key, path, content, statuses):
    response = called(key, path, content.encode("latin-1"))

    assert response.status_code in statuses, response.content
    assert set(response.json()) == DOORS[path]
    if path.startswith("/contacts"):
        assert response.json()["statusCode"] == response.status_code
        assert isinstance(response.json()["message"], list) == (response.status_code == 422)
    assert not Contact.objects.exists()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/contacts/{id}", None),
        ("PUT", "/contacts/{id}", {"city": "x"}),
        ("DELETE", "/contacts/{id}", None),
        ("GET", "/integrations/v1/contacts/{key}", None),
        ("PATCH", "/integrations/v1/contacts/{key}", {"city": "x"}),
        ("DELETE", "/integrations/v1/contacts/{key}", None),
        ("POST", "/crm/contacts/edit", {"contact_id": "{key}", "update_fields": {"name": "x"}}),
        ("DELETE", "/crm/contacts", {"contact_id": "{key}"}),
    ],
)
def test_a_contact_that_is_not_there_is_told_alike_whoever_has_it(
    project, other_project, key, method, path, body
):
    theirs = make_contact(other_project, email="bob@example.com")
    names = [(theirs.id, theirs.key), ("cntct_zzzzzzzzzz", 10**15), ("x\u00e9", 10**30)]
    told = []

    for public, number in names:
        address = path.format(id=public, key=number)
        text = json.dumps(body).replace("{key}", str(number)) if body else ""
        response = called(key, address, text, method)
        assert response.status_code == 404, response.content
        told.append({**response.json(), "traceId": "", "request_id": ""})

    assert told[0] == told[1] == told[2]
    assert Contact.objects.alive().get().email == "bob@example.com"


@pytest.mark.parametrize("path", DOORS)
def test_who_sends_too_much_is_told_in_the_words_of_the_dialect(
    project, key, path, settings, monkeypatch
):
    settings.RATE_LIMITS = True
    monkeypatch.setattr(throttling.time, "time", lambda: 1_800_000_100.5)
    Project.objects.update(plan="free")
    body = '{"email": "ann@example.com", "first_name": "Ann", "firstName": "Ann"}'

    answers = [called(key, path, "[]") for _ in range(10)]
    refused = called(key, path, body)

    assert 429 not in {answer.status_code for answer in answers}
    assert refused.status_code == 429
    assert set(refused.json()) == DOORS[path]
    assert refused["Retry-After"] == "1"
    assert refused["X-RateLimit-Remaining"] == "0"
    assert not Contact.objects.exists()
