"""``/v1/settings/keys``: what keys may be made and ended, by whom."""

from datetime import timedelta

import pytest
from django.utils.timezone import now
from rest_framework.test import APIClient

from growth.api.authentication import forget_keys
from growth.models import ApiKey
from tests.conftest import client_with


def bearing(key: str) -> APIClient:
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")


def test_a_key_is_shown_once_and_works(api):
    body = {"name": "Analytics Dashboard", "scopes": ["analytics:read", "contacts:read"]}
    made = api.post("/v1/settings/keys", body)

    assert made.status_code == 201
    assert made.json() | body == made.json()
    key = made.json()["key"]
    assert key.startswith("gos_sk_live_")
    assert bearing(key).get("/v1/contacts").status_code == 200
    assert bearing(key).get("/v1/segments").status_code == 403
    listed = api.get("/v1/settings/keys").json()["data"]
    assert {each["name"] for each in listed} == {"test", "Analytics Dashboard"}
    assert all("key" not in each for each in listed)
    assert listed[0]["key_hint"] == f"...{key[-4:]}"


def test_a_write_key_is_made_without_scopes(api):
    made = api.post("/v1/settings/keys", {"name": "Site", "type": "write"})

    assert made.json()["key"].startswith("gos_wk_live_")
    refused = api.post("/v1/settings/keys", {"name": "x", "type": "write", "scopes": ["*"]})
    assert refused.status_code == 422


def test_other_spellings_of_scopes_are_understood(api):
    body = {"name": "Hub", "scopes": ["contacts.readonly", "contacts.write", "contacts:read"]}

    assert api.post("/v1/settings/keys", body).json()["scopes"] == [
        "contacts:read",
        "contacts:write",
    ]


@pytest.mark.parametrize("scopes", [[], ["contacts:fly"], ["contacts"], "contacts:read", [7], None])
def test_a_scope_that_is_none_is_refused(api, scopes):
    answer = api.post("/v1/settings/keys", {"name": "x", "scopes": scopes})

    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["field"].startswith("scopes")


def test_a_key_cannot_give_what_it_does_not_have(project):
    client = client_with(project, scopes=["settings:write", "contacts:read"])
    assert client.post("/v1/settings/keys", {"name": "x", "scopes": ["contacts:read"]}).json()
    for scopes in (["contacts:write"], ["*"]):
        answer = client.post("/v1/settings/keys", {"name": "x", "scopes": scopes})
        assert answer.status_code == 403
        assert answer.json()["error"]["details"][0]["required_scope"] == scopes[0]


def test_a_revoked_key_works_for_another_day(api):
    made = api.post("/v1/settings/keys", {"name": "x", "scopes": ["contacts:read"]}).json()
    assert api.delete(f"/v1/settings/keys/{made['id']}").status_code == 204
    forget_keys()

    assert bearing(made["key"]).get("/v1/contacts").status_code == 200
    row = ApiKey.objects.get(pk=made["id"])
    assert timedelta(hours=23) < row.usable_until - now() <= timedelta(hours=24)
    ApiKey.objects.filter(pk=made["id"]).update(usable_until=now())
    forget_keys()
    assert bearing(made["key"]).get("/v1/contacts").status_code == 401


def test_a_key_can_be_ended_at_once(api):
    made = api.post("/v1/settings/keys", {"name": "x", "scopes": ["contacts:read"]}).json()
    assert bearing(made["key"]).get("/v1/contacts").status_code == 200
    api.delete(f"/v1/settings/keys/{made['id']}?immediate=true")

    assert bearing(made["key"]).get("/v1/contacts").status_code == 401


def test_the_last_key_that_makes_keys_cannot_be_ended(api, project):
    own = ApiKey.objects.get(project=project)
    answer = api.delete(f"/v1/settings/keys/{own.id}")
    assert answer.status_code == 409
    made = api.post("/v1/settings/keys", {"name": "x", "scopes": ["settings:write"]}).json()

    assert api.delete(f"/v1/settings/keys/{own.id}").status_code == 204
    assert bearing(made["key"]).delete(f"/v1/settings/keys/{made['id']}").status_code == 409


def test_a_key_of_another_project_is_unknown(api, other_project):
    key, _ = ApiKey.objects.issue(other_project, name="x", type="secret", scopes=["*"])

    assert api.delete(f"/v1/settings/keys/{key.id}").status_code == 404


def test_a_key_is_not_ended_by_a_parameter_that_nobody_understands(api, project):
    made = api.post("/v1/settings/keys", {"name": "CI", "scopes": ["contacts:read"]}).json()
    answer = api.delete(f"/v1/settings/keys/{made['id']}?immediate=yes")

    assert answer.status_code == 400
    assert api.get(f"/v1/settings/keys/{made['id']}").json()["revoked_at"] is None
