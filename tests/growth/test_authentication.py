from datetime import timedelta

import pytest
from django.utils.timezone import now
from rest_framework.test import APIClient

from growth.api import authentication
from growth.models import ApiKey
from growth.models.api_key import is_well_formed
from tests.conftest import client_with


def call(key):
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {key}").get("/v1/contacts")


def test_a_key_is_shown_once_and_stored_as_its_digest(project):
    row, key = ApiKey.objects.issue(project, name="server", type="secret", scopes=["*"])

    assert key.startswith("gos_sk_live_")
    assert is_well_formed(key)
    assert row.key_hint == f"...{key[-4:]}"
    assert key.encode() not in bytes(row.digest)
    assert call(key).status_code == 200


def test_a_mistyped_key_is_refused_without_a_query(project, django_assert_num_queries):
    _, key = ApiKey.objects.issue(project, name="server", type="secret", scopes=["*"])
    swapped = "A" if key[-1] != "A" else "B"

    with django_assert_num_queries(0):
        response = call(key[:-1] + swapped)

    assert response.status_code == 401
    assert response.json()["error"]["code"] == "unauthenticated"
    assert response.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "header", ["", "Basic x", "Bearer", "Bearer ", "Token abc", "Bearer " + "x" * 10_000]
)
def test_what_is_no_key_is_unauthenticated(db, header):
    response = APIClient(HTTP_AUTHORIZATION=header).get("/v1/contacts")

    assert response.status_code == 401


def test_a_key_in_the_query_string_opens_nothing(project):
    _, key = ApiKey.objects.issue(project, name="server", type="secret", scopes=["*"])

    assert APIClient().get(f"/v1/contacts?writeKey={key}&api_key={key}").status_code == 401


def test_a_scope_opens_its_own_resource_only(project):
    reader = client_with(project, scopes=["contacts:read"])

    assert reader.get("/v1/contacts").status_code == 200
    refused = reader.post("/v1/contacts", {"email": "a@example.com"})
    assert refused.status_code == 403
    assert refused.json()["error"]["details"] == [
        {"required_scope": "contacts:write", "granted_scopes": ["contacts:read"]}
    ]


def test_a_revoked_key_works_for_a_day_and_never_after(project):
    row, key = ApiKey.objects.issue(project, name="server", type="secret", scopes=["*"])
    row.revoke(at=now())
    assert call(key).status_code == 200

    authentication.authenticated(key, at=now())
    with pytest.raises(authentication.AuthenticationFailed):
        authentication.authenticated(key, at=now() + timedelta(hours=24, seconds=1))


def test_an_immediate_revocation_is_not_lengthened_by_a_later_one(project):
    row, key = ApiKey.objects.issue(project, name="server", type="secret", scopes=["*"])
    row.revoke(at=now(), immediate=True)
    row.revoke(at=now())

    assert call(key).status_code == 401


@pytest.fixture
def one_second_later(monkeypatch):
    """Return what makes the process believe that a second has passed."""
    clock = {"now": 0.0}
    monkeypatch.setattr(authentication.time, "monotonic", lambda: clock["now"])
    return lambda: clock.update(now=clock["now"] + 1)


def test_what_other_processes_change_of_a_key_is_seen_after_a_second(project, one_second_later):
    row, key = ApiKey.objects.issue(project, name="server", type="secret", scopes=["*"])
    assert call(key).status_code == 200

    ApiKey.objects.filter(pk=row.pk).update(scopes=["surveys:read"])
    assert call(key).status_code == 200
    one_second_later()
    assert call(key).status_code == 403

    ApiKey.objects.filter(pk=row.pk).delete()
    one_second_later()
    assert call(key).status_code == 401


def test_a_key_that_did_not_change_is_not_read_again(
    project, one_second_later, django_assert_num_queries
):
    _, key = ApiKey.objects.issue(project, name="server", type="secret", scopes=["*"])
    for _ in range(2):  # The first use is noted, which is a change.
        authentication.authenticated(key, at=now())
        one_second_later()

    with django_assert_num_queries(1) as asked:
        found = authentication.authenticated(key, at=now())

    assert found.project == project
    assert "ctid" in asked[0]["sql"]


def test_the_last_use_is_noted_once_a_minute(project, django_assert_num_queries):
    row, key = ApiKey.objects.issue(project, name="server", type="secret", scopes=["*"])
    call(key)
    row.refresh_from_db()
    first = row.last_used_at
    call(key)
    row.refresh_from_db()

    assert first is not None
    assert row.last_used_at == first


def test_errors_of_every_layer_wear_one_shape(api):
    for response, status, code in (
        (api.get("/v1/nothing"), 404, "not_found"),
        (api.put("/v1/contacts"), 405, "method_not_allowed"),
        (api.get("/v1/contacts/"), 404, "not_found"),
    ):
        assert response.status_code == status
        body = response.json()
        assert body["error"]["code"] == code
        assert body["error"]["details"] == []
        assert body["request_id"] == response.headers["X-Request-Id"]
