import gzip
import json
from datetime import timedelta

import pytest
from django.db import connection
from django.utils.timezone import now
from rest_framework.test import APIClient

from contacts.models import Contact, Event
from growth.models import ApiKey, DomainEvent


def iso(time):
    return time.isoformat()


def news(type="events.recorded"):
    return [event.data for event in DomainEvent.objects.filter(type=type).order_by("id")]


@pytest.fixture
def write_key(project):
    return ApiKey.objects.issue(project, name="browser", type="write", scopes=[])[1]


def test_a_track_call_makes_its_contact_and_event(ingest, project):
    response = ingest.post(
        "/v1/track",
        {"user_id": "user_1", "event": "signup_completed", "properties": {"plan": "trial"}},
    )

    assert response.status_code == 202, response.json()
    assert response.json()["success"] is True
    assert response.json()["request_id"] == response.headers["X-Request-Id"]
    event = Event.objects.get()
    assert (event.name, event.properties) == ("signup_completed", {"plan": "trial"})
    assert event.contact.external_id == "user_1"


def test_a_batch_gives_each_call_its_verdict(ingest, project):
    response = ingest.post(
        "/v1/batch",
        {
            "batch": [
                {"type": "identify", "userId": "u1", "traits": {"email": "u1@example.com"}},
                {"type": "track", "userId": "u1"},
                {"type": "track", "anonymousId": "a1", "event": "page_view"},
                "nonsense",
                {"type": "track", "userId": "u1", "event": "$email_sent"},
                {"type": "page", "userId": "u1", "name": "Home", "properties": {"url": "/"}},
            ]
        },
    )

    items = response.json()["items"]
    assert [item["status"] for item in items] == [202, 422, 202, 422, 422, 202]
    assert [item["index"] for item in items] == list(range(6))
    assert items[1]["error"]["details"][0]["field"] == "event"
    assert sorted(Event.objects.values_list("name", flat=True)) == ["page", "page_view"]
    assert Event.objects.get(name="page").properties == {"url": "/", "name": "Home"}


def test_a_message_id_is_stored_once_and_answered_202_twice(ingest, project):
    call = {"userId": "u1", "event": "purchase", "messageId": "m1"}

    answers = [ingest.post("/v1/track", call).status_code for _ in range(2)]
    batch = {"batch": [{"type": "track", **call, "messageId": "m2"}] * 3}
    ingest.post("/v1/batch", batch)

    assert answers == [202, 202]
    assert sorted(Event.objects.values_list("message_id", flat=True)) == ["m1", "m2"]


def test_gzipped_and_beaconed_bodies_are_read(project, write_key):
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {write_key}")
    body = json.dumps({"userId": "u1", "event": "login"}).encode()

    packed = client.post(
        "/v1/track",
        data=gzip.compress(body),
        content_type="application/json",
        HTTP_CONTENT_ENCODING="gzip",
    )
    beacon = client.post("/v1/track", data=body, content_type="text/plain")
    bomb = client.post(
        "/v1/track",
        data=gzip.compress(b" " * 50_000_000),
        content_type="application/json",
        HTTP_CONTENT_ENCODING="gzip",
    )
    broken = client.post(
        "/v1/track", data=b"x", content_type="application/json", HTTP_CONTENT_ENCODING="gzip"
    )

    assert packed.status_code == beacon.status_code == 202
    assert bomb.status_code == 413
    assert broken.status_code == 400


def test_too_much_at_once_is_refused_whole(ingest, project):
    many = ingest.post("/v1/batch", {"batch": [{}] * 2501})
    large = ingest.post("/v1/batch", {"batch": [{"x": "y" * 520_000}]})

    assert many.status_code == large.status_code == 413


def test_a_wrong_clock_is_put_right_and_nothing_is_from_the_future(ingest, project):
    sent = now() + timedelta(hours=5)
    ingest.post(
        "/v1/track",
        {
            "userId": "u1",
            "event": "late",
            "originalTimestamp": iso(sent - timedelta(minutes=10)),
            "sentAt": iso(sent),
        },
    )
    ingest.post("/v1/track", {"userId": "u1", "event": "future", "timestamp": iso(sent)})

    late, future = (Event.objects.get(name=name) for name in ("late", "future"))
    assert abs(now() - timedelta(minutes=10) - late.timestamp) < timedelta(seconds=10)
    assert future.timestamp == future.received_at


def test_old_events_are_stored_in_their_month_and_trigger_nothing(ingest, project):
    response = ingest.post(
        "/v1/batch",
        {
            "batch": [
                {
                    "type": "track",
                    "userId": "u1",
                    "event": "old",
                    "timestamp": "1997-01-02T03:04:05Z",
                },
                {"type": "track", "userId": "u1", "event": "live"},
                {
                    "type": "track",
                    "userId": "u1",
                    "event": "historical",
                    "context": {"historical": True},
                },
            ]
        },
    )

    assert response.status_code == 202
    live, quiet = news()
    assert "events.live" in live["changes"]
    assert quiet["quiet"] is True
    assert set(quiet["changes"]) == {"events.old", "events.historical"}
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM contacts_event WHERE name = 'old'")
        assert cursor.fetchone() == ("contacts_event_1997_01",)
        cursor.execute("SELECT count(*) FROM contacts_event_default")
        assert cursor.fetchone() == (0,)


def test_a_batch_takes_a_constant_number_of_statements(
    ingest, project, django_assert_max_num_queries
):
    def batch(size, first):
        calls = [
            {
                "type": "track" if n % 2 else "identify",
                "userId": f"u{first + n}",
                "anonymousId": f"a{first + n}",
                "messageId": f"m{first + n}",
                "event": "login",
                "traits": {"email": f"u{first + n}@example.com", "n": n},
            }
            for n in range(size)
        ]
        return {"batch": calls}

    ingest.post("/v1/batch", batch(2, 0))
    with django_assert_max_num_queries(18):
        assert ingest.post("/v1/batch", batch(2, 10)).status_code == 202
    with django_assert_max_num_queries(18):
        assert ingest.post("/v1/batch", batch(100, 100)).status_code == 202
    assert Contact.objects.count() == 104


@pytest.mark.parametrize(
    "call",
    [
        {"event": "login"},
        {"userId": "", "event": "login"},
        {"userId": ["u1"], "event": "login"},
        {"userId": "u" * 256, "event": "login"},
        {"userId": "u1"},
        {"userId": "u1", "event": ""},
        {"userId": "u1", "event": "e" * 257},
        {"userId": "u1", "event": 7},
        {"userId": "u1", "event": "login", "properties": []},
        {"userId": "u1", "event": "login", "context": "x"},
        {"userId": "u1", "event": "login", "timestamp": "2026-02-30"},
        {"userId": "u1", "event": "login", "timestamp": 7},
        {"userId": "u1", "event": "login", "timestamp": "0001-01-01T00:00:00+14:00"},
        {"userId": "u1", "event": "login", "timestamp": "1900-01-01"},
        {"userId": "u1", "event": "login", "messageId": {"a": 1}},
        {"userId": "u1", "event": "login", "messageId": "m" * 256},
    ],
)
def test_a_call_that_cannot_be_stored_is_refused_whole(ingest, project, call):
    response = ingest.post("/v1/track", call)

    assert response.status_code == 422, response.content
    assert response.json()["error"]["details"][0]["field"]
    assert not Contact.objects.exists()


@pytest.mark.parametrize("number", ["1e300", "1e22", "99999999999999999999", "-1E+30"])
def test_a_number_that_cannot_come_back_is_refused_on_the_way_in(ingest, api, project, number):
    bodies = [
        f'{{"userId": "u1", "event": "e", "properties": {{"n": {number}}}}}',
        f'{{"userId": "u1", "event": "e", "properties": {{"l": [{number}]}}}}',
    ]
    for body in bodies:
        response = ingest.post("/v1/track", data=body, content_type="application/json")
        assert response.status_code == 422, response.content
    traits = f'{{"email": "a@example.com", "traits": {{"n": {number}}}}}'
    response = api.post("/v1/contacts", data=traits, content_type="application/json")
    assert response.status_code == 422
    assert response.json()["error"]["details"][0]["field"] == "traits.n"
    assert not Contact.objects.exists()


def test_text_that_looks_like_a_number_is_only_text(ingest, project):
    ingest.post("/v1/track", {"userId": "u1", "event": "e", "properties": {"n": "1e300"}})

    assert Event.objects.get().properties == {"n": "1e300"}


def test_a_clock_of_another_age_is_refused(ingest, project):
    call = {"userId": "u1", "event": "e", "timestamp": "2026-01-01"}
    batch = {"batch": [{"type": "track", **call}], "sentAt": "9999-12-31T23:59:59Z"}

    single = ingest.post("/v1/track", {**call, "sentAt": "9999-12-31T23:59:59Z"})
    many = ingest.post("/v1/batch", batch)

    assert single.status_code == 422
    assert many.status_code == 202
    assert many.json()["items"][0]["status"] == 422
