"""``/metrics`` tells what requests took and what work waits, and names nobody."""

import re
from datetime import timedelta

import pytest
from django.utils.timezone import now

from growth import outbox
from growth.models import DomainEventType
from growth.tasks import relay_outbox


def value(text: str, name: str, /, **labels: str) -> float:
    """Return the sample of this name that has these labels; 0 if there is none."""
    for line in text.splitlines():
        match = re.fullmatch(r"(\w+)(?:\{(.*)\})? ([^ ]+)", line)
        if match and match[1] == name:
            found = dict(re.findall(r'(\w+)="([^"]*)"', match[2] or ""))
            if labels.items() <= found.items():
                return float(match[3])
    return 0.0


def read(client) -> str:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return answer.content.decode()


def test_requests_are_counted_by_their_route_not_by_their_path(client, api):
    route = {"method": "GET", "route": "/v1/contacts/<str:pk>", "status": "404"}
    before = value(read(client), "growth_request_seconds_count", **route)
    api.get("/v1/contacts/cntct_0000000000")
    api.get("/v1/contacts/cntct_0000000001")
    text = read(client)

    assert value(text, "growth_request_seconds_count", **route) == before + 2
    assert "cntct_" not in text


def test_a_path_that_leads_nowhere_is_one_route(client, db):
    client.get("/v1/nothing/at/all")

    assert value(read(client), "growth_request_seconds_count", route="none", status="404") >= 1


def test_what_waits_is_told_with_its_number_and_age(client, project):
    outbox.emit(
        project,
        outbox.News(DomainEventType.CONTACT_CREATED),
        outbox.News(DomainEventType.CONTACT_CREATED),
        at=now() - timedelta(minutes=2),
    )
    text = read(client)

    assert value(text, "growth_due_rows", queue="default", name="outbox") == 2
    age = value(text, "growth_oldest_due_seconds", queue="default", name="outbox")
    assert 119 < age < 180
    assert value(text, "growth_due_rows", queue="email", name="emails") == 0
    assert "growth_due_rows" in text


def test_runs_of_the_clock_are_timed(client, db):
    before = value(read(client), "growth_sweep_seconds_count", task="growth.tasks.relay_outbox")
    relay_outbox()

    after = value(read(client), "growth_sweep_seconds_count", task="growth.tasks.relay_outbox")
    assert after == before + 1


def test_a_listener_that_fails_is_counted(client, project, monkeypatch):
    def deaf(news, *, at):
        raise RuntimeError("deaf")

    monkeypatch.setitem(outbox._listeners, "contact.created", [deaf])
    outbox.emit(project, outbox.News(DomainEventType.CONTACT_CREATED), at=now())
    outbox.relay(at=now())

    assert "deaf" in "".join(re.findall(r"growth_listener_failures_total\{.*", read(client)))


@pytest.mark.parametrize(("header", "status"), [("", 401), ("Bearer no", 401), ("Bearer é", 401)])
def test_with_a_token_only_its_bearer_may_read(client, settings, db, header, status):
    settings.METRICS_TOKEN = "long-enough"

    assert client.get("/metrics", headers={"Authorization": header}).status_code == status
    good = client.get("/metrics", headers={"Authorization": "Bearer long-enough"})
    assert good.status_code == 200
