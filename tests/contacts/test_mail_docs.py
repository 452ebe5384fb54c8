"""templates/docs/mail.md does what it says."""

import base64
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from contacts import public
from contacts.api.reports import _PROVIDERS
from contacts.mail import links
from contacts.mail.links import TrackedLink, confirm_token
from contacts.mail.verdicts import tell_due
from contacts.models import Consent, Email
from tests.campaigns.factories import make_lifecycle
from tests.contacts.mail_factories import make_template, queue
from tests.factories import AT, make_contact

PAGE = Path(__file__).parents[2] / "templates" / "docs" / "mail.md"
_EXAMPLE = re.compile(r"```http\n(\S+) (\S+)\n(.*?)```\s+```json\n(.*?)```", re.DOTALL)
SECRET = "user:password"
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"}


def includes(answer: Any, promised: Any) -> bool:
    """Tell whether the answer has all that is promised; it may have more."""
    if isinstance(promised, dict):
        return all(name in answer and includes(answer[name], promised[name]) for name in promised)
    if isinstance(promised, list):
        return len(answer) == len(promised) and all(map(includes, answer, promised))
    return answer == promised


def path_of(url: str) -> str:
    return url.removeprefix(links.base_url())


def read_by_a_person_and_a_proxy(email: Email) -> None:
    browser, proxy = Client(headers=BROWSER), Client(headers={"User-Agent": "GoogleImageProxy"})
    click = TrackedLink(email.project_key, email.pk, 1, "https://example.com/")
    for client in (browser, proxy):
        client.get(path_of(links.open_url(email.project_key, email.pk)))
    browser.get(path_of(links.click_url(click)))
    tell_due(at=AT + timedelta(minutes=1))


def confirm(email: Email, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/c/{confirm_token(email.project_key, email.pk)}"
    browser = Client(headers=BROWSER)
    at = email.created_at
    monkeypatch.setattr(public, "now", lambda: at)
    press = re.search('name="press" value="([^"]+)"', browser.get(path).content.decode())[1]
    monkeypatch.setattr(public, "now", lambda: at + timedelta(seconds=3))
    browser.post(path, {"press": press})


def test_every_example_is_answered_as_it_says(project, api, settings, monkeypatch):
    settings.ANYMAIL = {"WEBHOOK_SECRET": SECRET}
    monkeypatch.setattr(public, "now", lambda: AT)
    make_template(project)
    contact = make_contact(project, email="alice@example.com")
    campaign = make_lifecycle(project, "0m")
    [email] = queue(campaign.stream, [contact])
    Email.objects.update(state="sent")
    read_by_a_person_and_a_proxy(email)
    basic = base64.b64encode(SECRET.encode()).decode()
    provider = APIClient(HTTP_AUTHORIZATION=f"Basic {basic}")
    examples = _EXAMPLE.findall(PAGE.read_text())

    for method, path, body, promised in examples:
        client = provider if "/public/" in path else api
        address = path.replace("{campaign}", campaign.id).replace("{contact}", contact.id)
        if path.endswith("/consents"):
            confirm(Email.objects.get(stream__kind="confirmation"), monkeypatch)
        call = getattr(client, method.lower())
        response = call(address, json.loads(body), format="json") if body else call(address)
        assert response.status_code in (200, 201), (path, response.content)
        assert includes(response.json(), json.loads(promised)), (path, response.json())

    assert len(examples) == 5
    assert Consent.objects.get().state == "granted"


def test_every_provider_that_is_named_is_taken():
    named = re.search(r"\{provider\}`: (.*?)\. Set", PAGE.read_text(), re.DOTALL)[1]
    assert set(re.split(r",\s+|\s+or\s+", named)) == set(_PROVIDERS)
