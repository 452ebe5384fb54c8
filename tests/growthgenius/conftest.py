"""A team with a member, and a client that calls as GrowthGenius' do."""

import json

import pytest
from rest_framework.test import APIClient

from growth.models import ApiKey, Member, User

SCOPES = ["contacts:read", "contacts:write", "messages:read", "messages:write", "users:read"]


@pytest.fixture
def member(project) -> Member:
    user = User.objects.create_user(
        "steve", email="steve@acme.example", first_name="Steve", last_name="Jobs", is_staff=True
    )
    return Member.objects.create(project=project, user=user, integrations_enabled=True)


@pytest.fixture
def key(project, member) -> str:
    _, text = ApiKey.objects.issue(
        project, name="genius", type="secret", scopes=SCOPES, created_by=member.user
    )
    return text


@pytest.fixture
def genius(key) -> APIClient:
    client = APIClient(HTTP_AUTHORIZATION=key)
    client.default_format = "json"
    return client


def made(genius: APIClient, **fields) -> dict:
    """Return a new contact, as the dialect shows it."""
    response = genius.post("/integrations/v1/contacts", {"contact": fields})
    assert response.status_code == 201, response.json()
    return response.json()["contact"]


def streamed(genius: APIClient, url: str, params: dict | None = None) -> list[dict]:
    """Return all rows of a list that comes as a stream."""
    answer = genius.get(url, params)
    assert answer.streaming, answer.json()
    [rows] = json.loads(answer.getvalue()).values()
    return rows
