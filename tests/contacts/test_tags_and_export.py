"""Tags that come and go one by one, and everything that is held of a contact."""

import json

import pytest

from contacts import export
from contacts.models import EmailActivity, Suppression
from contacts.operations.consents import Stance, record_consents
from contacts.operations.segments import add_members, create_segment
from contacts.signals import contact_described
from growth.models import DomainEvent
from tests.contacts.mail_factories import make_stream, make_template, queue
from tests.factories import AT, make_contact, make_event, make_topic


def exported(api, contact) -> dict:
    response = api.get(f"/v1/contacts/{contact.id}/export")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    return json.loads(b"".join(response.streaming_content))


def test_tags_are_put_on_and_taken_off(api, project):
    contact = make_contact(project, tags=["a", "b"])

    response = api.post(f"/v1/contacts/{contact.id}/tags", {"add": ["c", " a "], "remove": ["b"]})

    assert response.status_code == 200, response.json()
    assert response.json()["tags"] == ["a", "c"]
    assert response.json()["id"] == contact.id
    assert DomainEvent.objects.get(type="contact.updated").data["changed"] == ["tags"]


def test_tags_that_change_nothing_tell_nobody(api, project):
    contact = make_contact(project, tags=["a"])

    for body in ({}, {"add": ["a"]}, {"remove": ["never"]}):
        assert api.post(f"/v1/contacts/{contact.id}/tags", body).json()["tags"] == ["a"]

    assert not DomainEvent.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {"add": "vip"},
        {"add": None},
        {"add": [1]},
        {"add": [""]},
        {"add": ["x" * 65]},
        {"add": [str(n) for n in range(101)]},
        {"remove": {"a": 1}},
        {"add": ["a"], "remove": ["a"]},
        {"tags": ["a"]},
    ],
)
def test_tags_that_are_none_are_refused(api, project, body):
    contact = make_contact(project, tags=["a"])

    assert api.post(f"/v1/contacts/{contact.id}/tags", body).status_code == 422
    contact.refresh_from_db()
    assert contact.tags == ["a"]


def test_a_contact_bears_a_hundred_tags_at_most(api, project):
    contact = make_contact(project, tags=[str(n) for n in range(100)])
    path = f"/v1/contacts/{contact.id}/tags"

    assert api.post(path, {"add": ["one more"]}).status_code == 422
    assert api.post(path, {"add": ["one more"], "remove": ["0"]}).status_code == 200


def test_the_export_holds_everything(api, project):
    contact = make_contact(project, email="alice@example.com", external_id="u1", traits={"n": 1})
    segment = create_segment(project, name="Named", rules=None, at=AT)
    add_members(segment, [contact], at=AT)
    make_topic(project)
    record_consents(contact, {"news": Stance("granted", "form", {"page": "/x"})}, at=AT)
    record_consents(contact, {"news": Stance("withdrawn")}, at=AT)
    make_template(project)
    [email] = queue(make_stream(project), [contact])
    EmailActivity.objects.create(project=project, email=email, kind="opened", at=AT)
    Suppression.objects.create(project=project, email_key="alice@example.com", reason="manual")
    make_event(contact, "login", device="phone")

    body = exported(api, contact)

    assert body["contact"]["id"] == contact.id
    assert body["contact"]["traits"] == {"n": 1}
    assert {(each["kind"], each["value"]) for each in body["claims"]} == {
        ("email", "alice@example.com"),
        ("external_id", "u1"),
    }
    [consent] = body["consents"]
    assert consent["state"] == "withdrawn"
    assert [each["state"] for each in consent["history"]] == ["granted", "withdrawn"]
    assert consent["history"][0]["evidence"] == {"page": "/x"}
    assert [each["id"] for each in body["segments"]] == [segment.id]
    [mail] = body["emails"]
    assert (mail["stream"]["name"], mail["address"]) == ("Spring", "alice@example.com")
    assert [each["kind"] for each in mail["activities"]] == ["opened"]
    assert [each["reason"] for each in body["suppressions"]] == ["manual"]
    assert {each["event"] for each in body["events"]} == {"$segment_entered", "login"}


def test_the_export_holds_nothing_of_others(api, project, other_project):
    contact = make_contact(project, email="")
    for other in (make_contact(project), make_contact(other_project)):
        make_event(other, "login")
        Suppression.objects.create(project=other.project, email_key="", reason="manual")

    body = exported(api, contact)

    lists = ("claims", "consents", "suppressions", "segments", "emails", "events")
    assert [body[name] for name in lists] == [[]] * 6


def test_every_event_is_exported_page_after_page(
    api, project, monkeypatch, django_assert_max_num_queries
):
    monkeypatch.setattr(export, "PAGE", 100)
    contact = make_contact(project)
    events = [make_event(contact, f"event-{n}") for n in range(250)]  # all at one moment

    with django_assert_max_num_queries(29):
        body = exported(api, contact)

    assert {each["id"] for each in body["events"]} == {event.id for event in events}
    assert len(body["events"]) == 250


def test_other_apps_add_to_the_export(api, project):
    def add(sender, contact, **_):
        return {"surveys": [contact.id]}

    contact = make_contact(project)
    contact_described.connect(add)
    try:
        assert exported(api, contact)["surveys"] == [contact.id]
    finally:
        contact_described.disconnect(add)


def test_what_became_part_of_the_contact_is_exported_with_it(api, project):
    target, source = (
        make_contact(project, email="a@example.com"),
        make_contact(project, email="b@example.com", traits={"plan": "pro"}),
    )
    make_topic(project)
    record_consents(source, {"news": Stance("withdrawn")}, at=AT)
    Suppression.objects.create(project=project, email_key="b@example.com", reason="manual")
    make_event(source, "login")
    path = f"/v1/contacts/{target.id}"
    assert api.post(f"{path}/merge", {"source_contact_id": source.id}).status_code == 200

    body = exported(api, target)

    assert [each["email"] for each in body["merged_contacts"]] == ["b@example.com"]
    assert [each["state"] for each in body["consents"]] == ["withdrawn", "withdrawn"]
    assert len(body["suppressions"]) == 2
    assert {each["event"] for each in body["events"]} == {"login"}
    assert api.get(path).json()["consents"][0].keys() == {"topic", "state", "source", "at"}
