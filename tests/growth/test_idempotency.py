"""Requests that are sent again: answered again, done once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.utils.timezone import now

from campaigns.models import Campaign
from contacts.models import Contact, Event
from growth.models import AuditEntry, IdempotencyKey
from growth.tasks import prune_idempotency_keys
from tests.conftest import client_with

BODY = {"email": "ada@example.com", "traits": {"plan": "pro"}}


def post(client, body=BODY, key="first", path="/v1/contacts"):
    return client.post(path, body, headers={"Idempotency-Key": key})


def test_a_repeated_request_gets_the_same_bytes_and_is_done_once(api):
    first, second = post(api), post(api, key='"first"')

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert second.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert Contact.objects.count() == 1


def test_without_a_key_a_repeated_request_is_done_again(api):
    assert api.post("/v1/contacts", BODY).status_code == 201
    assert api.post("/v1/contacts", BODY).status_code == 200


def test_a_key_is_not_for_another_body(api):
    post(api)
    answer = post(api, {"email": "bob@example.com"})

    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["field"] == "Idempotency-Key"
    assert Contact.objects.count() == 1


def test_a_key_is_of_one_project_and_one_route(api, other_project):
    post(api)

    assert post(client_with(other_project, scopes=["*"])).status_code == 201
    assert post(api, {"name": "A", "rules": None}, path="/v1/segments").status_code == 422


def test_what_was_refused_is_looked_at_again(api):
    assert post(api, {"email": "nobody"}).status_code == 422

    assert post(api).status_code == 201


@pytest.mark.parametrize("key", ["", " ", '""', "x" * 256, "a\tb"])
def test_a_key_that_is_none_is_refused(api, key):
    assert post(api, key=key).status_code == 400


def test_a_batch_of_events_is_answered_again_too(ingest):
    body = {"batch": [{"type": "track", "userId": "u1", "event": "login"}]}
    first = post(ingest, body, path="/v1/batch")

    assert post(ingest, body, path="/v1/batch").content == first.content
    assert Event.objects.count() == 1


def test_a_secret_is_not_kept_and_not_made_twice(api):
    body = {"name": "x", "scopes": ["contacts:read"]}
    made = post(api, body, path="/v1/settings/keys")

    assert made.status_code == 201
    assert post(api, body, path="/v1/settings/keys").status_code == 409
    assert bytes(IdempotencyKey.objects.get().answer) == b""
    assert made.json()["key"] not in str(list(AuditEntry.objects.values()))


def test_the_secret_of_a_webhook_is_not_kept_either(api):
    body = {"url": "https://example.com/hooks", "events": ["*"]}
    made = post(api, body, path="/v1/webhooks/endpoints").json()
    rotation = f"/v1/webhooks/endpoints/{made['id']}/rotate-secret"
    rotated = post(api, {}, path=rotation).json()

    assert post(api, body, path="/v1/webhooks/endpoints").status_code == 409
    assert post(api, {}, path=rotation).status_code == 409
    kept = b"".join(bytes(each.answer) for each in IdempotencyKey.objects.all())
    told = str(list(AuditEntry.objects.values()))
    for secret in (made["secret"], rotated["secret"]):
        assert secret.encode() not in kept
        assert secret not in told


def test_an_answer_is_kept_for_a_day(api):
    post(api)
    IdempotencyKey.objects.update(created_at=now() - timedelta(hours=25))
    assert post(api).status_code == 200  # It is there by now, so it was brought up to date.
    assert IdempotencyKey.objects.count() == 1
    IdempotencyKey.objects.update(created_at=now() - timedelta(hours=25))
    prune_idempotency_keys()

    assert not IdempotencyKey.objects.exists()


def test_an_erased_person_is_in_no_kept_answer(api):
    contact = post(api).json()["id"]
    api.post(f"/v1/contacts/{contact}/erase")

    assert not IdempotencyKey.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_eight_at_the_same_time_one_works(api):
    """Safe at the same time as itself."""
    start = Barrier(8)
    campaign = {
        "name": "Once",
        "type": "lifecycle",
        "trigger": {"event": "signup"},
        "steps": [{"delay": "0m", "template_id": "tmpl_welcome_01"}],
    }

    def call(_: int) -> int:
        start.wait(10)
        try:
            return post(api, campaign, path="/v1/campaigns").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(call, range(8)))

    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert Campaign.objects.count() == 1
