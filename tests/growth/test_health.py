from datetime import timedelta

from django.db import OperationalError
from django.utils.timezone import now

from growth import health, outbox
from growth.models import DomainEventType


def test_a_living_process_says_so_whatever_else_is_down(client, db, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = client.get("/healthz")

    assert response.status_code == 200
    assert response.json()["status"] == "ok"


def test_a_ready_one_tells_how_old_the_oldest_due_work_is(client, project):
    news = outbox.News(DomainEventType.CONTACT_CREATED)
    outbox.emit(project, news, at=now() - timedelta(minutes=5))

    body = client.get("/readyz").json()

    assert body["checks"] == {"database": "ok", "migrations": "ok", "broker": "ok"}
    assert 300 <= body["oldest_due_seconds"]["outbox"] < 310
    assert body["oldest_due_seconds"]["emails"] == 0


def test_without_its_database_it_is_not_ready_and_without_its_broker_it_is(client, db, monkeypatch):
    def fail():
        raise OperationalError("gone")

    monkeypatch.setitem(health._CHECKS, "broker", fail)
    assert client.get("/readyz").status_code == 200
    assert client.get("/readyz").json()["checks"]["broker"] == "failed"

    monkeypatch.setitem(health._CHECKS, "database", fail)
    assert client.get("/readyz").status_code == 503


def test_a_database_that_is_away_is_503_with_a_time_to_come_back(api, monkeypatch):
    from contacts.api.contacts import ContactViewSet

    def fail(*_):
        raise OperationalError("gone")

    monkeypatch.setattr(ContactViewSet, "list", fail)
    response = api.get("/v1/contacts")

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert response.json()["error"]["code"] == "unavailable"


def test_a_fault_of_ours_is_500_in_the_same_shape_and_tells_nothing(api, monkeypatch):
    from contacts.api.contacts import ContactViewSet

    def fail(*_):
        raise ZeroDivisionError("the secret of our house")

    monkeypatch.setattr(ContactViewSet, "list", fail)
    api.raise_request_exception = False
    response = api.get("/v1/contacts")

    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal"
    assert response.json()["request_id"] == response.headers["X-Request-Id"]
    assert b"secret" not in response.content
