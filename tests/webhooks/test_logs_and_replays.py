"""Tests of an endpoint, its log, redelivery and replays, by the API."""

from datetime import datetime, timedelta

import pytest
from django.utils.timezone import now

from growth.models import DomainEvent, DomainEventType
from tests.webhooks.factories import emit, make_delivery, make_endpoint
from webhooks.models import Delivery, Endpoint, Replay
from webhooks.models.delivery import LEASE
from webhooks.operations.claiming import claim
from webhooks.operations.notices import notify_staff
from webhooks.operations.pruning import prune
from webhooks.operations.replaying import replay
from webhooks.tasks import attempt_due_deliveries

PATH = "/v1/webhooks/endpoints"


@pytest.fixture
def at() -> datetime:
    return now()


@pytest.fixture
def replayed(db):
    """Work off all replays."""

    def run() -> None:
        while replay(at=now()):
            pass

    return run


@pytest.mark.parametrize(
    ("body", "event"),
    [
        ({"event": "contact.created"}, "contact.created"),
        ({}, "ping"),
        ({"event": "email.bounced"}, "campaign.email.bounced"),
    ],
)
def test_a_test_is_delivered_and_logged_as_the_event_asked_for(project, api, receiver, body, event):
    endpoint = make_endpoint(project, receiver.url, ["referral.converted"])

    response = api.post(f"{PATH}/{endpoint.id}/test", body)
    attempt_due_deliveries()

    assert response.status_code == 202
    (heard,) = receiver.heard
    assert heard.json["type"] == heard.headers["x-growthos-event-type"] == event
    assert heard.json["data"]["test"] is True
    (row,) = api.get(f"{PATH}/{endpoint.id}/logs").json()["data"]
    assert response.json() == {"id": row["id"], "status": "pending"}
    assert (row["event"], row["status"], row["test"]) == (event, "delivered", True)


def test_a_disabled_endpoint_is_not_tested(project, api):
    endpoint = make_endpoint(project, is_enabled=False)

    assert api.post(f"{PATH}/{endpoint.id}/test").status_code == 409


def test_the_log_has_pages_and_filters(project, api, receiver, deliver, at):
    endpoint = make_endpoint(project, receiver.url)
    path = f"{PATH}/{endpoint.id}/logs"
    rows = [make_delivery(endpoint, at, n=n) for n in range(3)]
    deliver(at)
    waiting = make_delivery(endpoint, at)

    first = api.get(path, {"limit": 3}).json()
    second = api.get(path, {"limit": 3, "cursor": first["next_cursor"]}).json()

    ids = [row["id"] for row in first["data"] + second["data"]]
    assert ids == [waiting.id, *(row.id for row in reversed(rows))]
    assert [row["id"] for row in api.get(path, {"status": "pending"}).json()["data"]] == [
        waiting.id
    ]
    assert len(api.get(path, {"event": "contact.*"}).json()["data"]) == 4
    assert api.get(path, {"event": "segment.entered"}).json()["data"] == []
    for bad in ({"status": "lost"}, {"event": "x"}, {"colour": "red"}, {"limit": "0"}):
        assert api.get(path, bad).status_code == 400


def test_the_log_of_one_endpoint_shows_nothing_of_another(project, api):
    mine, other = make_endpoint(project, events=["ping"]), make_endpoint(project)
    delivery = make_delivery(other)

    assert api.get(f"{PATH}/{mine.id}/logs").json()["data"] == []
    assert api.post(f"{PATH}/{mine.id}/logs/{delivery.id}/redeliver").status_code == 404
    assert api.post(f"{PATH}/{other.id}/logs/nonsense/redeliver").status_code == 404


def test_a_redelivery_has_the_same_id_and_the_same_bytes(project, api, receiver):
    endpoint = make_endpoint(project, receiver.url)
    delivery = make_delivery(endpoint)
    attempt_due_deliveries()

    response = api.post(f"{PATH}/{endpoint.id}/logs/{delivery.id}/redeliver")
    attempt_due_deliveries()

    assert response.status_code == 202
    first, second = receiver.heard
    assert (first.id, first.body) == (second.id, second.body)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempt) == ("delivered", 1)


def test_a_redelivery_asked_for_twice_is_one(project, api, receiver):
    endpoint = make_endpoint(project, receiver.url)
    delivery = make_delivery(endpoint)
    attempt_due_deliveries()

    for _ in range(2):
        api.post(f"{PATH}/{endpoint.id}/logs/{delivery.id}/redeliver")
    attempt_due_deliveries()

    assert len(receiver.heard) == 2


def test_what_is_under_way_is_not_redelivered(project, api, at):
    endpoint = make_endpoint(project)
    delivery = make_delivery(endpoint, at)
    claim(at=at, limit=10)

    assert api.post(f"{PATH}/{endpoint.id}/logs/{delivery.id}/redeliver").status_code == 202

    delivery.refresh_from_db()
    assert delivery.leased_until == at + LEASE
    assert (delivery.begun_at, delivery.due_at) == (at, at)
    assert abs(delivery.next_retry_at - at) < timedelta(seconds=1)


def test_the_next_try_that_the_log_shows_is_not_before_the_circuit_lets_one_through(
    project, api, at
):
    endpoint = make_endpoint(project)
    make_delivery(endpoint, at - timedelta(minutes=1))
    held_until = at + timedelta(seconds=40)
    Endpoint.objects.filter(pk=endpoint.pk).update(failures=12, held_until=held_until)

    (shown,) = api.get(f"{PATH}/{endpoint.id}/logs").json()["data"]

    assert shown["next_retry_at"] == f"{held_until:%Y-%m-%dT%H:%M:%SZ}"


def test_the_log_asks_for_its_endpoint_once(project, api, at, django_assert_max_num_queries):
    endpoint = make_endpoint(project)
    for n in range(3):
        make_delivery(endpoint, at, n=n)
    api.get(f"{PATH}/{endpoint.id}/logs")

    with django_assert_max_num_queries(2):
        assert len(api.get(f"{PATH}/{endpoint.id}/logs").json()["data"]) == 3


def test_a_replay_brings_what_is_missing(project, api, receiver, relay, replayed, at):
    """Events of before the endpoint was there, and one that failed for good; nothing twice."""
    emit(project, {"n": 1}, {"n": 2}, at=at - timedelta(hours=2))
    emit(project, {"n": 3}, at=at - timedelta(days=3))
    emit(project, {"n": 4}, type=DomainEventType.CONTACT_DELETED, at=at - timedelta(hours=1))
    relay(at)
    endpoint = make_endpoint(project, receiver.url, ["contact.created"])
    got = make_delivery(endpoint, at - timedelta(minutes=1), n=5)
    lost = make_delivery(endpoint, at - timedelta(minutes=1), n=6)
    Delivery.objects.filter(pk=got.pk).update(status="delivered", due_at=None)
    Delivery.objects.filter(pk=lost.pk).update(status="failed", due_at=None, attempt=5)

    since = (at - timedelta(days=1)).isoformat()
    for _ in range(2):
        response = api.post(f"{PATH}/{endpoint.id}/replay", {"since": since})
        assert response.status_code == 202
        assert response.json()["status"] == "pending"
        replayed()
    attempt_due_deliveries()

    assert sorted(heard.json["data"]["n"] for heard in receiver.heard) == [1, 2, 6]
    assert [each.queued for each in Replay.objects.order_by("id")] == [3, 0]


@pytest.mark.parametrize(("status", "expected"), [("failed", {2}), ("all", {1, 2, 3})])
def test_a_replay_brings_what_it_is_asked_for(
    project, api, receiver, replayed, at, status, expected
):
    endpoint = make_endpoint(project, receiver.url)
    rows = [make_delivery(endpoint, at - timedelta(minutes=1), n=n) for n in (1, 2, 3)]
    Delivery.objects.update(status="delivered", due_at=None, attempt=1)
    Delivery.objects.filter(pk=rows[1].pk).update(status="failed")
    Delivery.objects.filter(pk=rows[2].pk).delete()

    since = (at - timedelta(hours=1)).isoformat()
    api.post(f"{PATH}/{endpoint.id}/replay", {"since": since, "status": status})
    replayed()
    attempt_due_deliveries()

    assert {heard.json["data"]["n"] for heard in receiver.heard} == expected


def test_a_long_replay_goes_on_where_it_stood(project, relay, monkeypatch, at):
    monkeypatch.setattr("webhooks.operations.replaying._BATCH", 2)
    emit(project, *({"n": n} for n in range(5)), at=at)
    relay(at)
    endpoint = make_endpoint(project)
    Replay.objects.create(
        project=project,
        endpoint=endpoint,
        since=at - timedelta(hours=1),
        until=at + timedelta(hours=1),
        created_at=at,
        due_at=at,
    )

    counts = []
    while replay(at=at):
        counts.append(Delivery.objects.count())

    assert counts == [2, 4, 5]
    assert not Replay.objects.running().exists()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"since": "yesterday"},
        {"since": "2020-01-01T00:00:00Z"},
        {"since": "9999-12-31T23:59:59Z"},
        {"since": "0001-01-01T00:00:00Z"},
        {"since": None},
        {"since": 7},
        {"since": "2026-01-01T00:00:00Z", "status": "some"},
        {"since": "2026-01-01T00:00:00Z", "until": "2025-01-01T00:00:00Z"},
        {"since": "2026-01-01T00:00:00Z", "colour": "red"},
        [],
    ],
)
def test_a_bad_replay_is_refused(project, api, body):
    response = api.post(f"{PATH}/{make_endpoint(project).id}/replay", body)

    assert response.status_code == 422, response.data
    assert not Replay.objects.exists()


def test_both_secrets_sign_for_a_day(project, api, receiver, deliver, at):
    import standardwebhooks

    endpoint = make_endpoint(project, receiver.url)
    old = endpoint.secret
    new = api.post(f"{PATH}/{endpoint.id}/rotate-secret").json()["secret"]
    make_delivery(endpoint, at)
    deliver(at)
    (heard,) = receiver.heard

    for secret in (old, new):
        standardwebhooks.Webhook(secret).verify(heard.body, heard.headers)

    Endpoint.objects.update(previous_secret_until=at)
    make_delivery(endpoint, at)
    deliver(at)
    assert " " not in receiver.heard[1].headers["webhook-signature"]


def test_old_deliveries_and_deleted_endpoints_are_forgotten(project, api, at):
    endpoint, deleted = make_endpoint(project), make_endpoint(project)
    old = make_delivery(endpoint, at - timedelta(days=31))
    new = make_delivery(endpoint, at)
    api.delete(f"{PATH}/{deleted.id}")

    while prune(at=at):
        pass

    assert not Delivery.objects.filter(pk=old.pk).exists()
    assert list(Delivery.objects.all()) == [new]
    assert list(Endpoint.objects.all()) == [endpoint]


def test_what_is_deleted_gets_nothing_more(project, api, receiver, relay, deliver, at):
    endpoint = make_endpoint(project, receiver.url)
    make_delivery(endpoint, at)
    api.delete(f"{PATH}/{endpoint.id}")
    emit(project, at=at)
    relay(at)

    deliver(at)

    assert receiver.heard == []
    assert Delivery.objects.count() == 1


def test_a_notice_that_cannot_be_sent_is_due_again(project, monkeypatch, at, admin_user):
    Endpoint.objects.filter(pk=make_endpoint(project).pk).update(
        disabled_at=at, disabled_reason="failing", failing_since=at, notice_due_at=at
    )
    monkeypatch.setattr("webhooks.operations.notices.EmailMessage.send", _refuse)

    with pytest.raises(ConnectionRefusedError):
        notify_staff(at=at)

    assert notify_staff(at=at) == 0
    with pytest.raises(ConnectionRefusedError):
        notify_staff(at=at + timedelta(minutes=5))


def _refuse(*_):
    raise ConnectionRefusedError


def test_the_age_of_waiting_deliveries_is_watched(project, at):
    from growth import outbox

    (watched,) = [each for each in outbox.watched() if each.name == "deliveries"]
    delivery = make_delivery(make_endpoint(project), at)
    Delivery.objects.filter(pk=delivery.pk).update(due_at=at - timedelta(minutes=1))
    assert watched.oldest_age(at) == timedelta(minutes=1)

    Endpoint.objects.update(disabled_at=at)
    assert watched.oldest_age(at) == timedelta()
    assert DomainEvent.objects.count() == 1


def test_staff_can_redeliver_test_and_disable(project, admin_client, receiver, deliver, at):
    endpoint = make_endpoint(project, receiver.url)
    delivery = make_delivery(endpoint, at)
    Delivery.objects.filter(pk=delivery.pk).update(due_at=None, status="failed")

    def act(model, action, row):
        return admin_client.post(
            f"/admin/webhooks/{model}/", {"action": action, "_selected_action": row.id}, follow=True
        )

    assert act("delivery", "redeliver", delivery).status_code == 200
    assert act("endpoint", "send_test", endpoint).status_code == 200
    deliver(now())
    assert len(receiver.heard) == 2
    assert act("endpoint", "disable", endpoint).status_code == 200
    page = act("delivery", "redeliver", delivery)
    assert "disabled" in page.content.decode()
    shown = admin_client.get(f"/admin/webhooks/endpoint/{endpoint.id}/change/")
    assert shown.status_code == 200
    assert endpoint.secret not in shown.content.decode()


def test_a_time_without_a_zone_is_in_the_projects(api, project, receiver, at):
    api.patch("/v1/settings", {"timezone": "America/New_York"})
    endpoint = make_endpoint(project, receiver.url, ["contact.created"])
    day = f"{at:%Y-%m-%d}"
    body = {"since": f"{at - timedelta(days=2):%Y-%m-%d}T00:00:00", "until": f"{day}T00:00:00Z"}
    told = api.post(f"{PATH}/{endpoint.id}/replay", body).json()

    assert told["since"][-9:] in ("04:00:00Z", "05:00:00Z")
    assert told["until"] == f"{day}T00:00:00Z"
    end = {"since": body["since"], "until": "9999-12-31T23:59:59"}
    assert api.post(f"{PATH}/{endpoint.id}/replay", end).status_code == 422
