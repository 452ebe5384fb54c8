"""Rates by plan, counted in Redis where there is one, and in the process where there is none."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from growth.api import throttling
from growth.api.throttling import Counter
from growth.models import Project
from tests.conftest import client_with


@pytest.fixture(autouse=True)
def limited(settings, monkeypatch):
    """Turn limits on, in a second that does not end."""
    settings.RATE_LIMITS = True
    monkeypatch.setattr(throttling.time, "time", lambda: 1_800_000_000.5)


@pytest.fixture
def redis_url(tmp_path) -> Iterator[str]:
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        pytest.skip("There is no redis-server and no valkey-server here.")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--port", str(port), "--save", "", "--dir", str(tmp_path)]
    server = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(10)


def test_every_answer_says_where_the_key_stands(api):
    answer = api.get("/v1/contacts")

    assert answer.headers["X-RateLimit-Limit"] == "100"
    assert answer.headers["X-RateLimit-Remaining"] == "99"
    assert answer.headers["X-RateLimit-Reset"] == "1800000001"
    assert api.get("/v1/contacts/cntct_unknown").headers["X-RateLimit-Remaining"] == "98"


@pytest.mark.parametrize(("plan", "limit"), [("free", 10), ("growth", 50), ("scale", 100)])
def test_a_key_sends_what_the_plan_allows(project, plan, limit):
    Project.objects.update(plan=plan)
    client = client_with(project, scopes=["*"])
    statuses = [client.get("/v1/topics").status_code for _ in range(limit)]
    refused = client.get("/v1/topics")

    assert set(statuses) == {200}
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "rate_limited"
    assert refused.headers["Retry-After"] == "1"
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert client_with(project, scopes=["*"]).get("/v1/topics").status_code == 200


def test_ingest_has_a_rate_of_its_own(project):
    Project.objects.update(plan="free")
    client = client_with(project, scopes=["*"])
    for _ in range(11):
        client.get("/v1/topics")
    answer = client.post("/v1/track", {"userId": "u", "event": "login"})

    assert answer.status_code == 202
    assert answer.headers["X-RateLimit-Limit"] == "100"


def test_a_caller_without_a_key_learns_of_no_rate(client):
    assert "X-RateLimit-Limit" not in client.get("/v1/contacts").headers


def test_processes_count_together_in_redis(redis_url):
    first, second = Counter(redis_url), Counter(redis_url)

    assert [first.add("x"), second.add("x"), first.add("x")] == [1, 2, 3]


def test_without_redis_each_process_counts_for_itself_and_waits_for_nobody():
    counter = Counter("redis://127.0.0.1:1/0")
    started = time.monotonic()

    assert [counter.add("x") for _ in range(100)] == list(range(1, 101))
    assert time.monotonic() - started < 5
