"""Who may tell us what happened, and how they show it."""

from base64 import b64encode

import pytest
from rest_framework.test import APIClient

from contacts.models import Event
from growth.models import ApiKey
from tests.factories import make_contact


@pytest.fixture
def write_key(project):
    return ApiKey.objects.issue(project, name="browser", type="write", scopes=[])[1]


def test_every_way_of_bearing_the_write_key_works(project, write_key):
    basic = b64encode(f"{write_key}:".encode()).decode()
    client = APIClient()
    call = {"userId": "u1", "event": "login"}

    def status(path="/v1/track", body=call, **headers):
        return client.post(path, body, format="json", **headers).status_code

    assert status(HTTP_AUTHORIZATION=f"Bearer {write_key}") == 202
    assert status(HTTP_AUTHORIZATION=f"bearer {write_key}") == 202
    assert status(HTTP_AUTHORIZATION=f"Basic {basic}") == 202
    assert status(path=f"/v1/track?writeKey={write_key}") == 202
    assert status(body={**call, "writeKey": write_key}) == 202
    assert status(path="/v1/track/", HTTP_AUTHORIZATION=f"Bearer {write_key}") == 202
    assert status() == 401
    assert status(HTTP_AUTHORIZATION=f"Bearer {write_key[::-1]}") == 401
    assert Event.objects.count() == 6


def test_a_write_key_reads_nothing(ingest, project):
    make_contact(project)

    response = ingest.get("/v1/contacts")

    assert response.status_code == 403
    assert response.json()["error"]["code"] == "insufficient_scope"
    assert response.json()["error"]["details"][0]["required_scope"] == "contacts:read"


def test_a_secret_key_is_taken_from_the_header_only(project):
    _, key = ApiKey.objects.issue(project, name="server", type="secret", scopes=["*"])
    call = {"userId": "u1", "event": "e"}
    client = APIClient()

    assert client.post(f"/v1/track?writeKey={key}", call, format="json").status_code == 401
    assert client.post("/v1/track", {**call, "writeKey": key}, format="json").status_code == 401
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")
    assert client.post("/v1/track", call, format="json").status_code == 202


def test_the_logs_tell_paths_and_request_ids_but_no_key(project, write_key, caplog):
    caplog.set_level("INFO")
    response = APIClient().post(
        f"/v1/track?writeKey={write_key}", {"userId": "u1", "event": "e"}, format="json"
    )
    APIClient().get("/u/1-1.token")

    told = "\n".join(str(record.msg) for record in caplog.records)
    assert "POST /v1/track" in told
    assert response.headers["X-Request-Id"] in told
    assert write_key not in told
    assert "1-1.token" not in told
