"""Webhooks on the real processes: bad receivers among a good one, and a worker that is killed."""

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.system import System, eventually, running
from tests.webhooks.receiver import Handler, Receiver, receiving

EVENTS = 200


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    directory = Path(tempfile.mkdtemp(prefix="growth-hooks-", dir="/tmp"))
    directory.chmod(0o711)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WEBHOOK_ALLOW_NETS", "127.0.0.0/8")
        with running(directory / "var") as system:
            yield system
    shutil.rmtree(directory)


def sleep_on(handler: Handler) -> None:
    time.sleep(20)
    handler.say(200)


def drip(handler: Handler) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 100:
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
        time.sleep(0.4)


def flood(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
    for _ in range(1600):
        handler.wfile.write(bytes(65_536))


FAULTS = {
    "slow": sleep_on,
    "dripping": drip,
    "flooding": flood,
    "broken": lambda handler: handler.say(500, b"no"),
    "gone": lambda handler: handler.say(410),
    "busy": lambda handler: handler.say(429, Retry_After="7"),
    "redirecting": lambda handler: handler.say(302, Location="http://169.254.169.254/latest/"),
}


def register(system: System, receiver: Receiver) -> str:
    body = {"url": receiver.url, "events": ["contact.created"]}
    return system.call("POST", "/v1/webhooks/endpoints", body)["id"]


def happen(system: System, name: str, count: int) -> None:
    contacts = [{"email": f"{name}-{n}@example.com"} for n in range(count)]
    system.call("POST", "/v1/contacts/batch", {"contacts": contacts})


def log(system: System, endpoint: str, **filters: str) -> list[dict]:
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    return list(system.walk(f"/v1/webhooks/endpoints/{endpoint}/logs?{query}"))


def test_bad_receivers_keep_nothing_from_a_good_one(system):
    with ExitStack() as stack:
        good = stack.enter_context(receiving())
        bad = {name: stack.enter_context(receiving()) for name in FAULTS}
        for name, answer in FAULTS.items():
            bad[name].answer = answer
        own = register(system, good)
        ids = {name: register(system, receiver) for name, receiver in bad.items()}

        start = time.monotonic()
        happen(system, "first", EVENTS)
        eventually(lambda: len(good.heard) >= EVENTS, seconds=40)
        took = time.monotonic() - start
        happen(system, "second", 1)  # while all the others are in trouble
        second = time.monotonic()
        eventually(lambda: len(good.heard) == EVENTS + 1, seconds=20)
        print(f"{EVENTS} deliveries in {took:.1f} s, one more in {time.monotonic() - second:.1f} s")

        everything_is_logged_and_in_the_feed(system, own, good)
        each_fault_has_its_answer(system, ids, bad)
        for endpoint in (own, *ids.values()):
            system.call("DELETE", f"/v1/webhooks/endpoints/{endpoint}")


def everything_is_logged_and_in_the_feed(system, endpoint, receiver):
    heard = Counter(each.id for each in receiver.heard)
    assert set(heard.values()) == {1}
    fed, after = [], ""
    while after is not None:
        path = f"/v1/events/feed?types=contact.created&limit=100&after={after}"
        page = system.call("GET", path)
        fed += page["data"]
        after = page["next_cursor"]
    assert {each["id"]: each for each in fed} == {each.id: each.json for each in receiver.heard}
    eventually(lambda: len(log(system, endpoint, status="delivered")) == EVENTS + 1)


def each_fault_has_its_answer(system, ids, bad):
    def of(name, **wanted):
        return [row for row in log(system, ids[name]) if wanted.items() <= row.items()]

    shown = system.call("GET", f"/v1/webhooks/endpoints/{ids['gone']}")
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "gone")
    eventually(lambda: of("slow", error="timeout"))
    eventually(lambda: of("dripping", error="timeout"))
    assert of("flooding", status="delivered", http_status=200)
    assert of("redirecting", status="failed", http_status=302)
    for name, status in (("broken", 500), ("busy", 429)):  # Now and then one is tried again.
        assert of(name, http_status=status, attempt=1)
        known = len(bad[name].heard)
        eventually(lambda name=name, known=known: len(bad[name].heard) > known, seconds=90)
        assert not of(name, status="delivered")


def test_a_worker_killed_between_post_and_commit_delivers_at_least_once(system):
    with receiving() as receiver:
        held: list[str] = []

        def hold(handler: Handler) -> None:
            held.append(receiver.heard[-1].id)
            if len(held) > 20:
                time.sleep(3)
            handler.say(200)

        receiver.answer = hold
        endpoint = register(system, receiver)
        happen(system, "killed", EVENTS)
        eventually(lambda: len(held) > 24, seconds=30)
        assert system.kill_workers("webhooks") > 0
        receiver.answer = lambda handler: handler.say(200)

        eventually(lambda: len(log(system, endpoint, status="delivered")) == EVENTS, seconds=120)
        heard = Counter(each.id for each in receiver.heard)
        bodies = {(each.id, each.body) for each in receiver.heard}
        assert len(heard) == len(bodies) == EVENTS
        assert {row["event_id"] for row in log(system, endpoint)} == set(heard)
        assert max(heard.values()) > 1, "Nothing was under way when the worker died."
