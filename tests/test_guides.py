"""Every call of the guides, replayed in the order of each page.

Other guides have tests beside what they are about.
"""

import json
import re
from base64 import b64encode
from typing import Any, NamedTuple

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from growth.docs.guides import guides
from growth.models import ApiKey
from tests.openapi import faults, find_call

PAGES = ("authentication", "errors", "pagination", "idempotency", "contacts", "events")
ELSEWHERE = {
    "analytics": "tests/analytics/test_docs.py",
    "campaigns": "tests/campaigns/test_docs.py",
    "components": "tests/growth/test_components.py",
    "growthgenius": "tests/growthgenius/test_docs_page.py",
    "crm": "tests/contacts/test_dialect_docs.py",
    "growthhub": "tests/contacts/test_dialect_docs.py",
    "mail": "tests/contacts/test_mail_docs.py",
    "referrals": "tests/referrals/test_referrals_page.py",
    "segments": "tests/contacts/test_segments_page.py",
    "story": "tests/faults/test_story.py",
    "surveys": "tests/surveys/test_docs.py",
    "templates": "tests/contacts/test_templates_documented.py",
    "waitlists": "tests/waitlists/test_waitlists_page.py",
    "webhooks": "tests/webhooks/test_docs_page.py",
}
INGEST = ("/v1/identify", "/v1/track", "/v1/batch")
BLOCK = re.compile(r"^```(http|json) ?(\d*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADER = re.compile(r"^([A-Z][\w-]+): (.*)\n", re.MULTILINE)


class Request(NamedTuple):
    """A call, as a page writes it."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


def read_request(text: str) -> Request:
    line, _, rest = text.partition("\n")
    method, path = line.split(maxsplit=1)
    return Request(method, path, dict(HEADER.findall(rest)), HEADER.sub("", rest))


def assert_holds(answer: Any, expected: Any) -> None:
    """Assert that the answer says all that the page says; it may say more."""
    if isinstance(expected, dict):
        for name, value in expected.items():
            assert name in answer
            assert_holds(answer[name], value)
    elif isinstance(expected, list):
        assert len(answer) == len(expected), answer
        for own, value in zip(answer, expected, strict=True):
            assert_holds(own, value)
    else:
        assert answer == expected


@pytest.fixture
def words(project) -> dict[str, str]:
    """Return what stands in braces on the pages."""
    _, secret = ApiKey.objects.issue(project, name="s", type="secret", scopes=["*"])
    _, write = ApiKey.objects.issue(project, name="w", type="write", scopes=[])
    return {
        "{secret key}": secret,
        "{write key}": write,
        "{write key as user, no password}": b64encode(f"{write}:".encode()).decode(),
    }


def send(request: Request, words: dict[str, str]) -> Any:
    """Send the call, with a key of its kind if the page shows none."""

    def said(text: str) -> str:
        for word, value in words.items():
            text = text.replace(word, value)
        return text

    headers = {name: said(value) for name, value in request.headers.items()}
    path, body = said(request.path), said(request.body)
    if "Authorization" not in headers and "{write key}" not in request.path + request.body:
        key = words["{write key}" if request.path in INGEST else "{secret key}"]
        headers["Authorization"] = f"Bearer {key}"
    return APIClient().generic(
        request.method, path, body, content_type="application/json", headers=headers
    )


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_true(page, words):
    text = (settings.BASE_DIR / "templates" / "docs" / f"{page}.md").read_text()
    blocks = BLOCK.findall(text)
    answer = None
    assert len(blocks) >= 2
    for language, status, content in blocks:
        if language == "http":
            request = read_request(content)
            response = send(request, words)
            answer = response.json()
            call = find_call(request.method, request.path.partition("?")[0])
            assert faults(call.answers(response.status_code), answer) == []
            for name in ("next_cursor", "key"):
                if isinstance(answer.get(name), str):
                    words[{"key": "{key of reports}"}.get(name, "{next_cursor}")] = answer[name]
        else:
            assert response.status_code == int(status), answer
            assert_holds(answer, json.loads(content))


def test_every_guide_is_replayed():
    assert set(guides()) == {*PAGES, *ELSEWHERE}
    for page, test in ELSEWHERE.items():
        assert f"{page}.md" in (settings.BASE_DIR / test).read_text()
