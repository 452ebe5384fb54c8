"""Receivers that answer oddly, slowly, without end, or not at all."""

import gzip
import time
from datetime import timedelta

import pytest

from tests.factories import AT
from tests.webhooks.factories import make_delivery, make_endpoint
from webhooks.http import client as http
from webhooks.operations.schedule import asked_to_wait


def outcome_of(project, receiver, deliver, answer, **options):
    receiver.answer = answer
    delivery = make_delivery(make_endpoint(project, receiver.url))
    deliver(**options)
    delivery.refresh_from_db()
    return delivery


def raw(*parts: bytes, pause: float = 0):
    """Answer with these bytes, as they are."""

    def answer(handler):
        for part in parts:
            handler.wfile.write(part)
            handler.wfile.flush()
            time.sleep(pause)
        handler.close_connection = True

    return answer


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (raw(b""), "disconnected"),
        (raw(b"not http at all\r\n\r\n"), "bad_answer"),
        (raw(b"HTTP/1.1 abc OK\r\n\r\n"), "bad_answer"),
        (raw(b"HTTP/1.1 200 OK\r\nBad Header\x00: 1\r\n\r\n"), "bad_answer"),
        (raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000 + b"\r\n\r\n"), "bad_answer"),
        (raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n"), "bad_answer"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"), "bad_answer"),
        (raw(b"HTTP/1.1 200", pause=3), "timeout"),
        (raw(b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 20, pause=0.2), "timeout"),
    ],
)
def test_no_answer_is_a_failure_with_a_word(project, receiver, deliver, answer, error):
    delivery = outcome_of(project, receiver, deliver, answer, deadline=1)

    assert (delivery.status, delivery.http_status) == ("failed", None)
    assert delivery.error == error
    assert delivery.due_at == AT + timedelta(seconds=5)


def test_a_closed_port_is_a_failure_with_a_word(project, receiver, deliver):
    delivery = make_delivery(make_endpoint(project, "http://127.0.0.1:1/"))

    deliver()

    delivery.refresh_from_db()
    assert delivery.error == "connection_failed"


@pytest.mark.parametrize(
    "tail",
    [
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"),
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"zz\r\n", pause=0.1),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", *[b"d"] * 20, pause=0.1),
    ],
)
def test_a_status_counts_even_if_the_body_breaks_or_drips(
    project, receiver, deliver, monkeypatch, tail
):
    monkeypatch.setattr(http, "_BODY_SECONDS", 0.5)

    delivery = outcome_of(project, receiver, deliver, tail)

    assert (delivery.status, delivery.http_status) == ("delivered", 200)


def test_a_body_without_end_is_read_for_a_kilobyte(project, receiver, deliver):
    sent = []

    def answer(handler):
        handler.wfile.write(b"HTTP/1.1 500 No\r\nContent-Length: 104857600\r\n\r\n")
        for _ in range(1600):
            handler.wfile.write(b"x" * 65_536)
            sent.append(65_536)

    delivery = outcome_of(project, receiver, deliver, answer)

    assert delivery.response_body == "x" * 1024
    assert sum(sent) < 50_000_000


def test_a_bomb_is_not_unpacked(project, receiver, deliver):
    bomb = gzip.compress(bytes(50_000_000))

    delivery = outcome_of(
        project,
        receiver,
        deliver,
        lambda handler: handler.say(200, bomb, Content_Encoding="gzip"),
    )

    assert delivery.status == "delivered"
    assert len(delivery.response_body) <= 1024


@pytest.mark.parametrize(
    "body", [b"\x00\x01\x02", b"\xff\xfe", "ü".encode() * 600, b"\xed\xa0\x80"]
)
def test_any_bytes_can_be_logged(project, api, receiver, deliver, body):
    delivery = outcome_of(project, receiver, deliver, lambda handler: handler.say(400, body))

    assert delivery.status == "failed"
    logs = api.get(f"/v1/webhooks/endpoints/{delivery.endpoint_id}/logs")
    assert logs.status_code == 200
    assert "\0" not in logs.json()["data"][0]["response_body"]


def test_a_connection_is_kept_from_delivery_to_delivery(project, receiver, deliver):
    ports = set()

    def answer(handler):
        ports.add(handler.client_address[1])
        handler.say(200)

    receiver.answer = answer
    endpoint = make_endpoint(project, receiver.url)
    for _ in range(60):
        make_delivery(endpoint)
    deliver()

    assert len(receiver.heard) == 60
    assert len(ports) < 60


def test_a_receiver_that_hangs_up_after_each_answer_hears_each_event_once(
    project, receiver, deliver
):
    def answer(handler):
        handler.say(200)
        handler.close_connection = True

    receiver.answer = answer
    endpoint = make_endpoint(project, receiver.url)
    for _ in range(30):
        make_delivery(endpoint)
    deliver()

    assert len({heard.id for heard in receiver.heard}) == 30
    assert endpoint.deliveries.filter(status="delivered").count() == 30


def test_a_dead_receiver_delays_nobody(project, receiver, deliver):
    """The quick one has heard everything before the first attempt at the dead one ends."""
    from tests.webhooks.receiver import receiving

    with receiving() as dead:
        hung = []

        def hang(handler):
            hung.append(len(receiver.heard))
            time.sleep(1.5)
            hung.append(len(receiver.heard))

        dead.answer = hang
        slow, quick = make_endpoint(project, dead.url), make_endpoint(project, receiver.url)
        for _ in range(50):
            make_delivery(slow)
        deliver(deadline=1)

    assert quick.deliveries.filter(status="delivered").count() == 50
    assert hung[-1] == 50
    assert len(dead.heard) <= 32


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 0),
        ("0", 0),
        ("17", 17),
        (" 17 ", 17),
        ("-5", 0),
        ("1e9", 0),
        ("99999999999999999999", 86_400),
        ("٣", 0),
        ("nan", 0),
        ("Mon, 02 Mar 2026 12:01:00 GMT", 60),
        ("Mon, 02 Mar 2026 11:00:00 GMT", 0),
        ("Mon, 99 Mar 2026 11:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
        ("soon", 0),
    ],
)
def test_a_retry_after_is_understood_or_ignored(text, seconds):
    assert asked_to_wait(text, AT) == timedelta(seconds=seconds)
