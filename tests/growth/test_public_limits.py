"""What needs no key is limited by the network address of who asks."""

import re

import pytest
from django.test import Client, RequestFactory
from django.urls import URLPattern
from rest_framework.test import APIClient
from structlog.testing import capture_logs

from growth.api import throttling
from growth.api.throttling import client_address
from referrals import urls as referrals
from referrals.models import Click
from surveys import urls as surveys
from tests.referrals.factories import BROWSER, make_link, make_program, told
from waitlists import urls as waitlists

APPS = (referrals, surveys, waitlists)
EXEMPT = {
    "r/<str:code>": "leads on whoever comes, and stops counting",
    "public/waitlists/<slug:slug>/entries": "takes a write key, and so many people of an address",
}


def _paths(routes: list[URLPattern], start: str) -> list[str]:
    patterns = {str(route.pattern).rstrip("/") for route in routes}
    return sorted(start + re.sub("<[^>]*>", "x", each) for each in patterns if each not in EXEMPT)


PAGES = [path for app in APPS for path in _paths(app.public, "/")]
CALLS = [
    path
    for app in APPS
    for path in _paths([each for each in app.api if "public/" in str(each.pattern)], "/v1/")
]


@pytest.fixture(autouse=True)
def _few(settings, monkeypatch):
    settings.RATE_LIMITS, settings.PUBLIC_REQUESTS_PER_ADDRESS = True, 2
    settings.CLICKS_PER_ADDRESS = 2
    monkeypatch.setattr(throttling, "_counter", throttling.Counter("memory://"))
    monkeypatch.setattr(throttling.time, "time", lambda: 1_800_000_045.0)


def test_the_list_is_complete():
    assert PAGES == [
        "/r/x/welcome",
        "/s/x",
        "/w/x",
        "/w/x/confirm",
        "/w/x/status",
    ]
    assert CALLS == [
        "/v1/public/referrals/link",
        "/v1/public/surveys/answers",
        "/v1/public/surveys/invitation",
        "/v1/public/waitlists/x/status",
    ]


@pytest.mark.parametrize("path", PAGES)
def test_too_many_visits_of_a_page_are_told_to_wait(db, path):
    statuses = [Client().get(path).status_code for _ in range(2)]
    refused = Client().get(path)
    elsewhere = Client(REMOTE_ADDR="203.0.113.7").get(path)

    assert statuses == [404, 404]
    assert refused.status_code == 429
    assert "Please wait a moment" in refused.content.decode()
    assert refused.headers["Retry-After"] == "15"
    assert "default-src 'none'" in refused.headers["Content-Security-Policy"]
    assert elsewhere.status_code == 404


@pytest.mark.parametrize("path", CALLS)
def test_too_many_calls_by_tokens_are_told_to_wait(db, path):
    def call():
        client = APIClient()
        return (
            client.post(path, {}, format="json") if path.endswith("answers") else client.get(path)
        )

    first, _, refused = call(), call(), call()

    assert first.status_code in (401, 404, 422)
    assert first.headers["X-RateLimit-Limit"] == "2"
    assert first.headers["X-RateLimit-Remaining"] == "1"
    assert int(first.headers["X-RateLimit-Reset"]) % 60 == 0
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "rate_limited"
    assert refused.headers["Retry-After"] == "15"


def test_whoever_follows_a_link_too_often_is_led_on_with_the_code_and_not_counted(api, project):
    link = make_link(make_program(project, landing_url="https://acme.example/"))

    def follow(address: str) -> dict[str, str]:
        answer = Client(REMOTE_ADDR=address).get(f"/r/{link.code}", headers={"User-Agent": BROWSER})
        assert answer.status_code == 302
        return told(answer["Location"])

    with capture_logs() as logs:
        clicks = [follow("203.0.113.7") for _ in range(4)]

    assert [set(each) for each in clicks] == [{"ref", "gclk"}] * 2 + [{"ref"}] * 2
    assert clicks[3]["ref"] == link.code
    assert Click.objects.count() == 2
    assert [each["name"] for each in logs if each["event"] == "limit_reached"] == [
        "clicks/203.0.113.7"
    ]
    assert set(follow("203.0.113.8")) == {"ref", "gclk"}
    assert api.get(f"/v1/referrals/links/{link.code}").json()["clicks"] == 3


@pytest.mark.parametrize(
    ("told_by", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_a_home_is_one_address(told_by, address):
    assert client_address(RequestFactory().get("/", REMOTE_ADDR=told_by)) == address
