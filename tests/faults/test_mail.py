"""Mail on the real processes, while they are killed at random points and the mail server is bad.

``FAULT_SEED`` repeats a run.
"""

import contextlib
import itertools
import os
import random
import shutil
import tempfile
import threading
import time
import urllib.error
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import smtp_sink
from tests.smtp_sink import Sink
from tests.system import System, eventually, running

pytestmark = pytest.mark.slow  # Real processes die and are started again, for minutes.

SEED = int(os.environ.get("FAULT_SEED") or random.randrange(10**6))
CHUNK = 20
PAUSE = 0.04
STORM_SECONDS = 120
BESIDE_PEOPLE, ALL_PEOPLE = 700, 1_300
BESIDE = {"beat": 6, "web": 5, "broker": 3, "database": 2}
ANYTHING = {"worker": 30, "all workers": 2, "beat": 2, "web": 2, "broker": 1, "database": 1}
MODES = {  # How many of the addresses behave so.
    "slow": 30,
    "550": 30,
    "policy": 15,
    "554-dot": 15,
    "once-421": 20,
    "once-450": 30,
    "once-451-dot": 15,
    "once-drop-before-dot": 15,
    "drop-after-dot": 15,
}
FOR_GOOD = ("550", "policy", "554-dot")
REACHED = ("sent", "in_doubt")
DECIDED = {*REACHED, "failed", "suppressed"}


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with smtp_sink.running(pause=PAUSE) as sink:
        yield sink


@pytest.fixture(scope="module")
def system(sink: Sink) -> Iterator[System]:
    print(f"\nFAULT_SEED={SEED}")
    directory = Path(tempfile.mkdtemp(prefix="growth-mail-", dir="/tmp"))
    directory.chmod(0o711)
    # The slot of a process that died is free after 20 s; with two of them, kills would meet idlers.
    options = {"EMAIL_URL": sink.url, "GROWTH_SWEEP_SLOTS": "40"}
    try:
        with running(directory / "var", **options) as system:
            yield system
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def patiently(call: Callable[[], Any], seconds: float = 90) -> Any:
    """Return what the call returns as soon as what it needs is alive."""
    stop = time.monotonic() + seconds
    while True:
        try:
            return call()
        except (AssertionError, urllib.error.URLError, OSError):
            if time.monotonic() > stop:
                raise
            time.sleep(0.3)


def make_audience(system: System, group: str, addresses: list[str]) -> str:
    """Make the contacts and return the id of their segment."""
    for start in range(0, len(addresses), 100):
        calls = [
            {
                "type": "identify",
                "userId": address,
                "traits": {"email": address, "group": group},
                "messageId": f"{group}-{address}",
            }
            for address in addresses[start : start + 100]
        ]
        answer = system.call("POST", "/v1/batch", {"batch": calls}, key="write_key")
        assert {item["status"] for item in answer["items"]} == {202}
    condition = {"field": "traits.group", "op": "eq", "value": group}
    rules = {"operator": "AND", "conditions": [condition]}
    made = system.call("POST", "/v1/segments", {"name": group, "rules": rules})
    assert made["contact_count"] == len(addresses)
    return made["id"]


def start_broadcast(system: System, segment: str) -> str:
    body = {
        "name": f"To {segment}",
        "type": "broadcast",
        "segment_id": segment,
        "subject": "News",
        "template_id": "tmpl_reengage",
    }
    made = system.call("POST", "/v1/campaigns", body)
    system.call("POST", f"/v1/campaigns/{made['id']}/activate")
    return made["id"]


def resume(system: System, campaign: str) -> None:
    if system.call("GET", f"/v1/campaigns/{campaign}")["status"] == "paused":
        system.call("POST", f"/v1/campaigns/{campaign}/activate")


def sends_of(system: System, campaign: str) -> list[tuple[str, str]]:
    """Return the address and the status of each send."""
    sends = patiently(lambda: list(system.walk(f"/v1/campaigns/{campaign}/sends")))
    return [(send["email"], send["status"]) for send in sends]


def is_decided(system: System, campaign: str, people: int) -> bool:
    sends = sends_of(system, campaign)
    return len(sends) >= people and {status for _, status in sends} <= DECIDED


def storm(
    plan: dict[str, int], chance: random.Random, kill: Callable[[str], int], *, longest_pause: float
) -> Counter[str]:
    """Kill each kind so often, in any order, at random points; return how many processes died.

    What is dead at the moment has its turn later.
    """
    kinds = [kind for kind, count in plan.items() for _ in range(count)]
    chance.shuffle(kinds)
    died: Counter[str] = Counter()
    began = time.monotonic()
    while kinds and time.monotonic() < began + STORM_SECONDS:
        for kind in dict.fromkeys(kinds):
            if number := kill(kind):
                died[kind] += number
                kinds.remove(kind)
                break
        time.sleep(chance.uniform(0.2, longest_pause))
    landed, took = sum(plan.values()) - len(kinds), time.monotonic() - began
    print(f"Kills: {landed} in {took:.0f} s; processes that died: {dict(died)}")
    assert not kinds, f"These were never alive: {kinds}; {SEED=}."
    return died


@contextlib.contextmanager
def pausing(system: System, campaign: str) -> Iterator[None]:
    """Pause and resume the campaign again and again, all the while."""
    is_over = threading.Event()

    def run() -> None:
        for verb in itertools.cycle(("pause", "activate", "pause", "activate", "")):
            if is_over.wait(0.05 if verb else 1):
                return
            if verb:
                with contextlib.suppress(AssertionError, urllib.error.URLError, OSError):
                    system.call("POST", f"/v1/campaigns/{campaign}/{verb}", seconds=10)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def test_what_dies_beside_the_workers_leaves_no_doubt(system, sink):
    chance = random.Random(SEED)
    addresses = [f"beside-{n}@example.com" for n in range(BESIDE_PEOPLE)]
    segment = make_audience(system, "beside", addresses)
    campaign = start_broadcast(system, segment)
    eventually(lambda: len(sink.received) > 20)

    storm(BESIDE, chance, system.kill, longest_pause=2)
    print(f"Taken by then: {len(sink.received)} of {len(addresses)}")
    eventually(lambda: is_decided(system, campaign, len(addresses)), seconds=100, every=2)

    assert Counter(sends_of(system, campaign)) == {(each, "sent"): 1 for each in addresses}, SEED
    assert Counter(sink.recipients) == Counter(addresses), SEED


def test_no_address_gets_a_mail_twice_whatever_dies(system, sink):
    chance = random.Random(SEED + 1)
    modes = [mode for mode, count in MODES.items() for _ in range(count)]
    modes += ["ok"] * (ALL_PEOPLE - len(modes))
    chance.shuffle(modes)
    addresses = [f"{mode}+{n}@example.com" for n, mode in enumerate(modes)]
    segment = make_audience(system, "all", addresses)
    before = len(sink.received)
    campaign = start_broadcast(system, segment)
    eventually(lambda: len(sink.received) > before + 20)

    def kill(kind: str) -> int:
        match kind:
            case "worker":
                return system.kill_one_worker("email", chance)
            case "all workers":
                return system.kill_workers("email")
        return system.kill(kind)

    with pausing(system, campaign):
        # A worker that dies keeps up to 200 mails for a minute: some of them shall come back.
        died = storm(ANYTHING, chance, kill, longest_pause=3.5)
    print(f"Taken by then: {len(sink.received) - before} of {len(addresses)}")
    patiently(lambda: resume(system, campaign))
    eventually(lambda: is_decided(system, campaign, len(addresses)), seconds=200, every=2)

    received = Counter(sink.recipients[before:])
    sends = sends_of(system, campaign)
    known = dict(sends)
    count = Counter(known.values())
    print(f"Became: {dict(count)}")
    assert set(received.values()) == {1}, f"Somebody got the mail twice; {SEED=}."
    assert Counter(each for each, _ in sends) == Counter(addresses), SEED
    assert {each for each, fate in known.items() if fate == "sent"} <= set(received), SEED
    assert set(received) <= {each for each, fate in known.items() if fate in REACHED}, SEED
    assert {each for each, fate in known.items() if fate == "failed"} == {
        each for each in addresses if each.startswith(FOR_GOOD) and known[each] != "in_doubt"
    }, SEED
    parents = ANYTHING["all workers"]
    hands = died["worker"] + died["all workers"] - parents
    unanswered = modes.count("drop-after-dot")
    assert count["in_doubt"] <= CHUNK * hands + unanswered, SEED
    assert count["sent"] >= len(addresses) / 2, SEED
