"""Hostile values in every field and parameter: never a fault of ours, never half a write."""

import json
from urllib.parse import quote

import pytest
from django.db import connection

from contacts.dialects.growthgenius.fields import ALIASES, KEYS
from contacts.models import Account, Contact, Message
from tests.factories import make_contact
from tests.growthgenius.conftest import made
from tests.hostile import TEXTS, VALUES

ROOT = "/integrations/v1"
MESSAGE = ("contact_id", "message_type", "rendered_copy", "rendered_subject", "sent_at", "user_id")
PARAMETERS = (
    *("page", "per_page", "q_keywords", "contact_stage_ids", "sort_by_field", "sort_ascending"),
    *("from", "to", "contact_id", "user_id", "api_key"),
)


def counts() -> tuple[int, ...]:
    return tuple(table.objects.count() for table in (Contact, Account, Message))


def assert_held(answer, before: tuple[int, ...]) -> None:
    """Assert that it was done as a whole or refused as a whole, and answers read again."""
    assert answer.status_code < 500, answer.content[:500]
    if answer.status_code >= 400:
        assert set(answer.json()) == {"error", "request_id"}
        assert counts() == before
    elif answer.streaming:
        assert answer.getvalue()


def send(client, method: str, url: str, body) -> object:
    content = json.dumps(body).encode()
    return client.generic(method, url, content, content_type="application/json")


@pytest.mark.parametrize("name", sorted({*KEYS, *ALIASES, "contact", "api_key"}))
def test_no_value_of_a_contacts_field_is_a_fault_of_ours(genius, member, name):
    url = f"{ROOT}/contacts/{made(genius, email='a@example.com')['id']}"
    for value in VALUES:
        before = counts()
        assert_held(send(genius, "POST", f"{ROOT}/contacts", {name: value}), before)
        before = counts()
        assert_held(send(genius, "PATCH", url, {"contact": {name: value}}), before)
    assert_held(genius.get(f"{ROOT}/contacts"), counts())
    assert_held(genius.get(f"{ROOT}/contact_stages"), counts())


@pytest.mark.parametrize("name", [*MESSAGE, "message"])
def test_no_value_of_a_messages_field_is_a_fault_of_ours(genius, member, project, name):
    contact = make_contact(project).key
    for value in VALUES:
        before = counts()
        body = {"contact_id": contact, name: value}
        assert_held(send(genius, "POST", f"{ROOT}/messages", body), before)
    assert_held(genius.get(f"{ROOT}/messages"), counts())


@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize("route", ["contacts", "messages"])
def test_no_value_of_a_parameter_is_a_fault_of_ours(genius, member, project, route, name):
    make_contact(project, traits={"name": "Ada", "stage": "Cold"})
    before = counts()
    for value in VALUES:
        assert_held(send(genius, "POST", f"{ROOT}/{route}/search", {name: value}), before)
    for text in TEXTS:
        sent = quote(text.encode("utf-8", "surrogatepass")[:3000])
        assert_held(genius.get(f"{ROOT}/{route}?{name}={sent}"), before)
    assert connection.is_usable()


def test_no_header_of_a_key_is_a_fault_of_ours(client, member):
    for text in TEXTS:
        header = text.encode("utf-8", "surrogatepass")[:3000].decode("latin-1")
        answer = client.get(f"{ROOT}/users", headers={"Authorization": header})
        assert answer.status_code in (400, 401)
