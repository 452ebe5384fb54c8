"""Browsers of other sites may send events and fill in public forms, and nothing else."""

import pytest

ORIGIN = {"Origin": "https://shop.example"}
ASKING = ORIGIN | {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, content-type, idempotency-key",
}


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/track/", "/v1/identify", "/v1/import"])
def test_a_browser_may_send_events(client, path):
    asked = client.options(path, headers=ASKING)
    answered = client.post(path, headers=ORIGIN)

    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Origin"] == "*"
    assert "idempotency-key" in asked.headers["Access-Control-Allow-Headers"]
    assert "X-RateLimit-Remaining" in answered.headers["Access-Control-Expose-Headers"]
    assert "POST" in asked.headers["Access-Control-Allow-Methods"]
    assert "Access-Control-Allow-Credentials" not in asked.headers
    assert answered.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", ["/v1/contacts", "/v1/settings", "/v1/batches", "/admin/login/"])
def test_a_browser_may_not_manage(client, path):
    assert "Access-Control-Allow-Origin" not in client.options(path, headers=ASKING).headers
    assert "Access-Control-Allow-Origin" not in client.get(path, headers=ORIGIN).headers


@pytest.mark.parametrize(
    "path", ["/v1/contacts", "/v1/analytics/query", "/v1/analytics/query/people"]
)
def test_options_says_which_methods_there_are(api, path):
    answered = api.options(path)

    assert answered.status_code == 405
    assert "POST" in answered.headers["Allow"]
