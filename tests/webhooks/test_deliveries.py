"""From an event to a receiver: planned once, signed, tried again, shown in the log."""

from datetime import timedelta

import pytest
import standardwebhooks
from django.core import mail

from growth import ids, outbox
from growth.models import DomainEvent, DomainEventType, ListenerFailure, User
from tests.factories import AT
from tests.webhooks.factories import SECRET, emit, make_delivery, make_endpoint
from webhooks.models import Delivery, Endpoint
from webhooks.models.delivery import LEASE
from webhooks.models.endpoint import BREAKER
from webhooks.operations.claiming import claim
from webhooks.operations.notices import notify_staff
from webhooks.operations.planning import plan

MOMENT = timedelta(milliseconds=1)


def after(**how_long) -> object:
    return AT + timedelta(**how_long)


def test_an_event_goes_to_every_endpoint_that_wants_it_and_to_no_other(
    project, other_project, receiver, relay, deliver
):
    for path, events in {
        "exact": ["contact.created"],
        "domain": ["contact.*"],
        "all": ["*"],
        "other": ["contact.updated", "campaign.*"],
    }.items():
        make_endpoint(project, f"{receiver.url}/{path}", events)
    make_endpoint(other_project, f"{receiver.url}/stranger")
    emit(project, {"id": "cntct_1", "email": "jürgen@example.com"})

    relay()
    deliver()

    paths = sorted(heard.path.rpartition("/")[2] for heard in receiver.heard)
    assert paths == ["all", "domain", "exact"]
    assert len({heard.id for heard in receiver.heard}) == 1


def test_a_wildcard_of_a_domain_reaches_its_inner_domains(project, receiver, relay, deliver):
    make_endpoint(project, receiver.url, ["campaign.*"])
    emit(project, type=DomainEventType.CAMPAIGN_EMAIL_BOUNCED)

    relay()
    deliver()

    assert [heard.json["type"] for heard in receiver.heard] == ["campaign.email.bounced"]


def test_internal_events_are_told_to_nobody(project, relay):
    make_endpoint(project)
    emit(project, {"events": []}, type=DomainEventType.EVENTS_EVALUATED)

    relay()

    assert not Delivery.objects.exists()


def test_the_body_and_the_headers_are_as_documented(project, receiver, relay, deliver):
    make_endpoint(project, receiver.url)
    emit(project, {"id": "cntct_1", "name": "Jürgen"})
    relay()
    deliver()

    (heard,) = receiver.heard
    event = DomainEvent.objects.get()
    assert heard.json == {
        "id": event.id,
        "type": "contact.created",
        "created_at": "2026-03-02T12:00:00Z",
        "timestamp": "2026-03-02T12:00:00Z",
        "project_id": project.id,
        "tenant_id": project.id,
        "data": {"id": "cntct_1", "name": "Jürgen"},
        "idempotency_key": f"idk_{event.id.removeprefix('evt_')}",
    }
    assert heard.id == event.id
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["x-growthos-event-type"] == "contact.created"
    assert standardwebhooks.Webhook(SECRET).verify(heard.body, heard.headers) == heard.json


def test_an_event_is_planned_once_however_often_it_is_told(project, relay):
    make_endpoint(project)
    emit(project)
    relay()

    plan(list(DomainEvent.objects.select_related("project")), at=AT)

    assert Delivery.objects.count() == 1


def test_planning_many_events_takes_as_many_statements_as_one(project, django_assert_num_queries):
    make_endpoint(project)
    for count in (1, 50):
        emit(project, *({"n": n} for n in range(count)))
        news = list(DomainEvent.objects.filter(position=None).select_related("project"))
        with django_assert_num_queries(2):
            plan(news, at=AT)
        DomainEvent.objects.update(position=None)
        Delivery.objects.all().delete()
        DomainEvent.objects.all().delete()


def test_a_success_is_logged(project, api, receiver, deliver):
    receiver.says(201, b"thanks")
    delivery = make_delivery(make_endpoint(project, receiver.url))

    deliver()

    (row,) = api.get(f"/v1/webhooks/endpoints/{delivery.endpoint_id}/logs?limit=25").json()["data"]
    assert row["id"] == delivery.id
    assert row["event"] == "contact.created"
    assert (row["status"], row["http_status"], row["attempt"]) == ("delivered", 201, 1)
    assert row["delivered_at"] == "2026-03-02T12:00:00Z"
    assert row["response_body"] == "thanks"
    assert row["response_time_ms"] >= 0
    assert "next_retry_at" not in row


@pytest.mark.parametrize("status", [301, 302, 304, 400, 401, 404, 422, 429, 500, 503, 599])
def test_whatever_is_not_2xx_is_tried_again(project, receiver, deliver, status):
    receiver.says(status, b"" if status == 304 else b"no", Location="http://127.0.0.1:1/")
    delivery = make_delivery(make_endpoint(project, receiver.url))

    deliver()

    delivery.refresh_from_db()
    assert (delivery.status, delivery.http_status, delivery.attempt) == ("failed", status, 1)
    assert delivery.due_at == after(seconds=5)
    assert delivery.delivered_at is None
    assert len(receiver.heard) == 1


def test_there_are_five_attempts_in_24_hours_with_one_id_and_one_body(project, receiver, deliver):
    receiver.says(500)
    delivery = make_delivery(make_endpoint(project, receiver.url))
    times = [AT, after(seconds=5), after(minutes=5), after(hours=1), after(hours=24)]

    for number, time in enumerate(times, start=1):
        deliver(time - MOMENT)
        assert len(receiver.heard) == number - 1
        deliver(time)
        assert len(receiver.heard) == number

    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempt, delivery.due_at) == ("failed", 5, None)
    deliver(after(days=9))
    assert len(receiver.heard) == 5
    assert len({heard.body for heard in receiver.heard}) == 1
    assert {heard.id for heard in receiver.heard} == {delivery.domain_event_id}


def test_the_body_stays_as_it_was_when_it_happened(project, receiver, deliver):
    receiver.says(500)
    delivery = make_delivery(make_endpoint(project, receiver.url), name="before")
    deliver()
    DomainEvent.objects.update(data={"name": "after"})

    deliver(after(seconds=5))

    assert [heard.json["data"] for heard in receiver.heard] == [{"name": "before"}] * 2
    assert delivery.body.encode() == receiver.heard[0].body


def test_a_retry_after_is_heeded_by_the_delivery_and_by_its_endpoint(project, receiver, deliver):
    receiver.says(429, Retry_After="120")
    endpoint = make_endpoint(project, receiver.url)
    delivery = make_delivery(endpoint)
    deliver()
    delivery.refresh_from_db()
    assert delivery.due_at == after(seconds=120)

    make_delivery(endpoint, after(seconds=1))
    deliver(after(seconds=119))
    assert len(receiver.heard) == 1
    receiver.says(200)
    deliver(after(seconds=120))
    assert len(receiver.heard) == 3


def test_410_disables_the_endpoint_and_staff_hear_of_it(project, receiver, deliver):
    User.objects.create(username="ada", email="ada@example.com", is_staff=True)
    User.objects.create(username="guest", email="guest@example.com")
    receiver.says(410)
    endpoint = make_endpoint(project, receiver.url)
    delivery = make_delivery(endpoint)

    deliver()

    endpoint.refresh_from_db()
    delivery.refresh_from_db()
    assert endpoint.disabled_reason == "gone"
    assert (delivery.status, delivery.due_at) == ("failed", None)
    assert [notify_staff(at=AT) for _ in range(2)] == [1, 0]
    (message,) = mail.outbox
    assert message.bcc == ["ada@example.com"]
    assert endpoint.id in message.body
    assert receiver.url in message.body


def test_events_are_kept_while_an_endpoint_is_disabled(project, api, receiver, relay, deliver):
    endpoint = make_endpoint(project, receiver.url)
    path = f"/v1/webhooks/endpoints/{endpoint.id}"
    api.patch(path, {"enabled": False})
    emit(project, {"n": 1}, {"n": 2})
    relay()
    deliver(after(days=3))
    assert receiver.heard == []

    api.patch(path, {"enabled": True})
    deliver(after(days=3))

    assert sorted(heard.json["data"]["n"] for heard in receiver.heard) == [1, 2]


def test_what_waited_has_all_its_attempts_before_it(project, receiver, relay, deliver):
    receiver.says(500)
    endpoint = make_endpoint(project, receiver.url, is_enabled=False)
    delivery = make_delivery(endpoint)
    endpoint.revise(is_enabled=True, at=after(days=3))

    deliver(after(days=3))

    delivery.refresh_from_db()
    assert (delivery.attempt, delivery.due_at) == (1, after(days=3, seconds=5))


def test_failures_open_the_circuit_and_use_up_no_attempts(project, receiver, deliver):
    receiver.says(500)
    endpoint = make_endpoint(project, receiver.url)
    for n in range(100):
        emit(project, {"n": n})
    while outbox.relay(at=AT):
        pass

    deliver()

    first = len(receiver.heard)
    endpoint.refresh_from_db()
    assert BREAKER <= endpoint.failures == first < 100
    assert endpoint.held_until > AT
    assert Delivery.objects.filter(attempt=0).count() == 100 - first

    deliver(endpoint.held_until)
    assert len(receiver.heard) == first + 1  # one to see whether it lives

    endpoint.refresh_from_db()
    receiver.says(200)
    deliver(endpoint.held_until)
    deliver(after(minutes=10))  # those that had failed
    assert Delivery.objects.filter(status="delivered").count() == 100
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since, endpoint.held_until) == (0, None, None)


def test_an_endpoint_that_fails_for_five_days_is_disabled(project, receiver, deliver):
    receiver.says(500)
    endpoint = make_endpoint(project, receiver.url)
    Endpoint.objects.update(failures=BREAKER, failing_since=after(days=-5))
    make_delivery(endpoint)

    deliver()

    endpoint.refresh_from_db()
    assert (endpoint.disabled_reason, endpoint.disabled_at) == ("failing", AT)
    assert endpoint.notice_due_at == AT


def test_a_lost_claim_is_taken_again_with_the_same_id(project, receiver, deliver):
    delivery = make_delivery(make_endpoint(project, receiver.url))
    (parcel,) = claim(at=AT, limit=10)  # by a worker that dies now

    deliver(AT + LEASE - MOMENT)
    assert receiver.heard == []
    deliver(AT + LEASE)

    assert [heard.id for heard in receiver.heard] == [parcel.event_id]
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempt) == ("delivered", 1)


def test_a_project_with_many_events_leaves_room_for_another(project, other_project):
    for number in range(20):
        endpoint = make_endpoint(project)
        make_delivery(endpoint, n=number)
    make_delivery(make_endpoint(other_project))

    taken = claim(at=AT, limit=4)

    keys = [parcel.key for parcel in taken]
    projects = Delivery.objects.filter(pk__in=keys).values_list("project_id", flat=True)
    assert set(projects) == {project.id, other_project.id}


def test_a_slow_endpoint_has_few_in_hand(project):
    slow, quick = make_endpoint(project), make_endpoint(project)
    Endpoint.objects.filter(pk=slow.pk).update(latency=15)
    Endpoint.objects.filter(pk=quick.pk).update(latency=0.01)
    emit(project, *({"n": n} for n in range(300)))
    while outbox.relay(at=AT):
        pass

    taken = claim(at=AT, limit=1000)

    counts = {
        each.pk: sum(parcel.endpoint == each.key for parcel in taken) for each in (slow, quick)
    }
    assert counts == {slow.pk: 2, quick.pk: 300}
    assert claim(at=AT, limit=1000) == []


def test_no_listener_fails(project, relay):
    make_endpoint(project)
    for type in DomainEventType:
        if type.is_public:
            emit(project, {"id": ids.encode("wl_entry", 1)}, type=type)

    relay()

    assert not ListenerFailure.objects.exists()
    assert Delivery.objects.count() == sum(type.is_public for type in DomainEventType)
