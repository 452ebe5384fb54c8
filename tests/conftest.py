"""What every test may ask for: a project, its keys, and clients that bear them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from contacts.models import partitions
from growth import outbox
from growth.api import authentication
from growth.models import ApiKey, ListenerFailure, Project
from tests.openapi import breaches

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday


@pytest.fixture(scope="module")
def lasting(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Let all tests of the module find what its fixtures store; each undoes only its own."""
    with (
        django_db_blocker.unblock(),
        pytest.MonkeyPatch.context() as patched,
        transaction.atomic(),
    ):
        patched.setattr(outbox, "wake", lambda name: None)
        yield
        transaction.set_rollback(True)


@pytest.fixture
def project(db: None) -> Project:
    return Project.objects.create(name="Acme")


@pytest.fixture
def other_project(db: None) -> Project:
    return Project.objects.create(name="Elsewhere")


def client_with(project: Project, *, type: str = "secret", scopes: list[str]) -> APIClient:
    """Return a client that bears a new key of the project."""
    _, key = ApiKey.objects.issue(project, name="test", type=type, scopes=scopes)
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")
    client.default_format = "json"
    return client


@pytest.fixture
def api(project: Project) -> APIClient:
    """Return a client with a secret key of all scopes."""
    return client_with(project, scopes=["*"])


@pytest.fixture
def ingest(project: Project) -> APIClient:
    """Return a client with a write key."""
    return client_with(project, type="write", scopes=[])


@pytest.fixture(autouse=True)
def _forget() -> None:
    authentication.forget_keys()
    partitions.forget()


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keep wake-ups from a broker that is not there, and list them."""
    names: list[str] = []
    monkeypatch.setattr(outbox, "wake", names.append)
    return names


@pytest.fixture(autouse=True)
def _held_to_the_contract(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hold every answer of the test against the OpenAPI file."""
    found: list[str] = []
    request = APIClient.request

    def looked_at(client: APIClient, **options: Any) -> Any:
        response = request(client, **options)
        found.extend(breaches(options["REQUEST_METHOD"], options["PATH_INFO"], response))
        return response

    monkeypatch.setattr(APIClient, "request", looked_at)
    yield
    assert found == []


@pytest.fixture
def relay(db: None) -> Callable[[datetime], None]:
    """Tell all that waits in the outbox, as the worker would."""

    def run(at: datetime = AT) -> None:
        while outbox.relay(at=at):
            pass
        assert [failure.error for failure in ListenerFailure.objects.all()] == []

    return run
