"""The main job from end to end on the real processes: the story that templates/docs/story.md tells.

It runs on the real history of an online shop where CDNOW_FILE names it, else on the sample.
"""

import csv
import gzip
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.system import System, eventually, running

SAMPLE = Path(__file__).parents[2] / "growth" / "management" / "demo" / "purchases.csv"
CDNOW = os.environ.get("CDNOW_FILE")
FILE, CUSTOMER = (Path(CDNOW), "customer_id") if CDNOW else (SAMPLE, "customer")
WINDOW = timedelta(days=90)


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    directory = Path(tempfile.mkdtemp(prefix="growth-story-", dir="/tmp"))
    directory.chmod(0o711)
    with running(directory / "var") as system:
        yield system
    shutil.rmtree(directory)


def purchases_in_window(at: datetime) -> Counter[str]:
    """Return each customer's purchases in the window, counted from the file in plain Python."""
    content = FILE.read_bytes()
    text = (gzip.decompress(content) if FILE.suffix == ".gz" else content).decode()
    lines = csv.DictReader(text.splitlines())
    rows = [(row[CUSTOMER], date.fromisoformat(row["date"])) for row in lines]
    yesterday = at.date() - timedelta(days=1)
    shift = yesterday - max(day for _, day in rows)
    midnight = datetime.min.time()
    moved = ((who, datetime.combine(day + shift, midnight, UTC)) for who, day in rows)
    return Counter(who for who, time in moved if at - WINDOW < time <= at)


def address(customer: str) -> str:
    return f"customer-{customer}@example.com"


def members_of(system: System, segment: str) -> set[str]:
    rows = system.walk(f"/v1/segments/{segment}/contacts")
    return {row["external_id"] for row in rows}


def stats_of(system: System, campaign: str) -> dict:
    return system.call("GET", f"/v1/campaigns/{campaign}/stats")["stats"]


def launch(system: System, **campaign: object) -> str:
    made = system.call("POST", "/v1/campaigns", campaign)
    system.call("POST", f"/v1/campaigns/{made['id']}/activate")
    return made["id"]


def test_from_a_shops_history_to_the_right_mails(system):
    system.manage(
        *("import_events", str(FILE), "--contact-id", CUSTOMER, "--timestamp", "date"),
        *("--event", "purchase", "--shift-to-now"),
        *("--trait", f"email=customer-{{{CUSTOMER}}}@example.com"),
    )
    counted = purchases_in_window(datetime.now(UTC))
    rule = {"field": "events.purchase", "op": "count_gte", "value": 3, "window": "90d"}
    rules = {"operator": "AND", "conditions": [rule]}
    made = system.call("POST", "/v1/segments", {"name": "Regulars", "rules": rules})
    segment = made["id"]
    regulars = {who for who, count in counted.items() if count >= 3}
    assert made["contact_count"] == len(regulars)
    assert members_of(system, segment) == regulars

    broadcast_reaches_every_member_once(system, segment, regulars)
    purchases_write_to_exactly_the_members_after_them(system, segment, counted, regulars)


def broadcast_reaches_every_member_once(system, segment, regulars):
    """A broadcast arrives at a real SMTP server, once for each person."""
    campaign = launch(
        system,
        name="News for regulars",
        type="broadcast",
        segment_id=segment,
        subject="News",
        template_id="tmpl_reengage",
    )
    eventually(
        lambda: system.call("GET", f"/v1/campaigns/{campaign}")["status"] == "completed",
        seconds=120,
    )
    assert system.mailed("News") == Counter(address(who) for who in regulars)
    assert stats_of(system, campaign)["sent"] == len(regulars)


def purchases_write_to_exactly_the_members_after_them(system, segment, counted, regulars):
    """Live purchases, with a pause, a killed worker and a resumption in the middle of the mail."""
    campaign = launch(
        system,
        name="Thank you",
        type="lifecycle",
        trigger={"event": "purchase", "segment_id": segment},
        steps=[{"delay": "0m", "subject": "Thank you", "template_id": "tmpl_welcome_01"}],
    )
    others = sorted(set(counted) - regulars, key=lambda who: (-counted[who], who))
    buyers = [*sorted(regulars)[:200], *others[:200]]
    expected = {address(who) for who in buyers if counted[who] + 1 >= 3}
    # So slow that there is a middle, however few they are and however fast the machine is.
    system.call("PATCH", "/v1/settings", {"mail_rate": max(120, 3 * len(expected))})
    for start in range(0, len(buyers), 100):
        calls = [
            {"type": "track", "userId": who, "event": "purchase", "messageId": f"live-{who}"}
            for who in buyers[start : start + 100]
        ]
        answer = system.call("POST", "/v1/batch", {"batch": calls}, key="write_key")
        assert all(item["status"] == 202 for item in answer["items"])

    eventually(lambda: sum(system.mailed("Thank you").values()) >= min(20, len(expected) // 4))
    system.call("POST", f"/v1/campaigns/{campaign}/pause")
    time.sleep(3)  # The chunk that was under way ends.
    paused_at = system.mailed("Thank you")
    time.sleep(3)
    assert system.mailed("Thank you") == paused_at

    system.call("POST", f"/v1/campaigns/{campaign}/activate")
    eventually(lambda: sum(system.mailed("Thank you").values()) > sum(paused_at.values()))
    assert system.kill_workers("email") > 0

    eventually(lambda: stats_of(system, campaign)["waiting"] == 0, seconds=180)
    received = system.mailed("Thank you")
    sends = list(system.walk(f"/v1/campaigns/{campaign}/sends"))
    doubtful = {send["email"] for send in sends if send["status"] == "in_doubt"}
    sent = {send["email"] for send in sends if send["status"] == "sent"}
    assert set(received.values()) == {1}, "Somebody got the mail twice."
    assert sent | doubtful == expected
    assert sent <= set(received) <= expected
    assert len(doubtful) <= 20
    listed = system.walk(f"/v1/campaigns/{campaign}/sends?status=in_doubt")
    assert {send["email"] for send in listed} == doubtful
    assert members_of(system, segment) == {
        who for who in counted if counted[who] + (who in buyers) >= 3
    }
    the_profile_shows_it_all(system, buyers[0])


def the_profile_shows_it_all(system, customer):
    """One person, one stream: what was bought, what was sent, where it belongs."""
    (row,) = system.call("GET", f"/v1/contacts?external_id={customer}")["data"]
    profile = system.call("GET", f"/v1/contacts/{row['id']}")
    assert profile["email"] == address(customer)
    assert len(profile["segments"]) == 1
    assert profile["scores"]["engagement"] > 0
    names = {event["event"] for event in profile["recent_events"]}
    assert {"purchase", "$email_sent"} <= names
