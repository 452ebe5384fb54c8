"""A person is erased: of all that came through real doors, no column of any table names them."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.utils.timezone import now

from campaigns.models import Enrollment
from campaigns.queries import stats
from contacts.mail import beginning, claiming
from contacts.mail.links import unsubscribe_token
from contacts.mail.sending import send_due
from contacts.mail.transport import Relay
from contacts.mail.unsubscribing import unsubscribe
from contacts.models import (
    Contact,
    Email,
    Erasure,
    Event,
    EventReceipt,
    Identity,
    Membership,
    Merge,
    SegmentClock,
    Suppression,
)
from contacts.operations import event_files
from contacts.operations.erasing import PURGE_AFTER, erase_contact, purge, settle_erasures
from contacts.operations.erasure_sql import STATEMENTS
from contacts.operations.imports import FileImport
from contacts.operations.segments import add_members, create_segment
from contacts.signals import contact_erasing
from growth.errors import Gone
from growth.models import DomainEvent, ListenerFailure, User
from tests import smtp_sink
from tests.campaigns.factories import make_lifecycle, make_segment
from tests.contacts.mail_factories import make_stream, make_template, queue, states
from tests.factories import AT, make_contact, make_event, make_topic

MARKER = "zqx"
PHONE = "+14155550123"


@pytest.fixture
def sink() -> Iterator[smtp_sink.Sink]:
    with smtp_sink.running() as sink:
        yield sink


@pytest.fixture
def smtp(sink) -> Iterator[Relay]:
    relay = Relay(sink.url, timeout=2, dot_timeout=2)
    yield relay
    relay.close()


def places_of(*needles: str) -> set[str]:
    """Return every table and column in which one of the texts can be found, as text or as bytes."""
    found = set()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT table_name, column_name, data_type FROM information_schema.columns
              JOIN information_schema.tables USING (table_schema, table_name)
             WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
            """
        )
        for table, column, type in cursor.fetchall():
            text = f"encode({column}, 'escape')" if type == "bytea" else f'"{column}"::text'
            for needle in needles:
                cursor.execute(
                    f'SELECT 1 FROM "{table}" WHERE position(%s IN {text}) > 0 LIMIT 1', [needle]
                )
                if cursor.fetchone():
                    found.add(f"{table}.{column}")
    return found


def erase(api, contact_id: str) -> dict:
    response = api.post(f"/v1/contacts/{contact_id}/erase")
    assert response.status_code == 200, response.json()
    return response.json()


@pytest.fixture
def life(project, api, ingest, relay, smtp, tmp_path) -> str:
    """Live a whole life under the marker, and return the id of who did."""
    at = now()
    topic = make_topic(project)
    make_template(project, subject="Hi {{ contact.first_name }}")
    segment = create_segment(
        project,
        name="Clicked",
        rules={
            "operator": "AND",
            "conditions": [
                {"field": "events.opened_app", "op": "count_gte", "value": 1, "window": "7d"}
            ],
        },
        at=at,
    )
    make_lifecycle(project, "0m", "2d", event="opened_app", template="tmpl_plain")
    calls = [
        {"type": "track", "anonymousId": "zqx-anon", "event": "seen", "messageId": "zqx-1",
         "properties": {"ip": "zqx-ip"}, "context": {"page": {"url": "https://x/zqx"}}},
        {"type": "identify", "userId": "zqx-user", "anonymousId": "zqx-anon",
         "traits": {"email": "zqx@Example.com", "first_name": "zqx-name", "phone": PHONE,
                    "nested": {"list": ["zqx-deep"]}}},
        {"type": "track", "userId": "zqx-user", "event": "opened_app", "messageId": "zqx-2",
         "properties": {"zqx-key": "zqx-value"}},
    ]  # fmt: skip
    assert ingest.post("/v1/batch", {"batch": calls}).status_code == 202
    relay(at)
    contact = Contact.objects.get(external_id="zqx-user")
    assert Membership.objects.filter(segment=segment, contact=contact).exists()
    assert SegmentClock.objects.filter(contact=contact).exists()
    add_members(create_segment(project, name="Named", rules=None, at=at), [contact], at=at)
    queue(make_stream(project, topic=topic), [contact], at=at, context={"said": "zqx-context"})
    Email.objects.update(subject="For zqx")
    send_due(at=now(), relay=smtp)
    for email in Email.objects.filter(state="sent"):
        unsubscribe(email, at=at)
    api.put(
        f"/v1/contacts/{contact.id}/consents/news",
        {"state": "granted", "source": "zqx-form", "evidence": {"ip": "zqx-ip"}},
    )
    body = {"email": "zqx-other@example.com", "external_id": "zqx-2", "tags": ["zqx-tag"]}
    other = api.post("/v1/contacts", body).json()["id"]
    make_event(Contact.objects.get(pk=other), "login", at=at, at_home="zqx-merged")
    path = f"/v1/contacts/{contact.id}"
    assert api.post(f"{path}/merge", {"source_contact_id": other}).status_code == 200
    assert api.patch(path, {"traits": {"company": "zqx-company"}}).status_code == 200
    stray = api.post("/v1/contacts", {"email": "zqx-stray@example.com"}).json()["id"]
    bystander = make_contact(project, email="bystander@example.com")
    body = {"source_contact_id": stray}
    assert api.post(f"/v1/contacts/{bystander.id}/merge", body).status_code == 200
    assert api.post(f"/v1/contacts/{bystander.id}/unmerge", body).status_code == 200
    assert api.post(f"{path}/merge", body).status_code == 200
    file = tmp_path / "events.csv"
    file.write_text("user,time,name,note\nzqx-user,2026-01-05T10:00:00Z,imported,zqx-note\n")
    mapping = event_files.Mapping(contact_id="user", timestamp="time", event="name")
    list(FileImport(project, file, mapping, shift_to_now=False, at=at).run(tmp_path / "rejects"))
    relay(at)
    LogEntry.objects.create(
        user=User.objects.create_user("staff"),
        content_type=ContentType.objects.get_for_model(Suppression),
        object_id="1",
        object_repr="zqx@example.com",
        action_flag=DELETION,
    )
    ListenerFailure.objects.create(
        project=project,
        domain_event=DomainEvent.objects.filter(type="events.recorded").first(),
        listener="some.listener",
        error="IntegrityError: Key (email)=(zqx@example.com) already exists",
        due_at=at,
    )
    return contact.id


def test_no_column_of_any_table_names_who_was_erased(api, project, life):
    needles = (MARKER, PHONE, PHONE[1:])
    before = places_of(*needles)
    assert len({place.split(".")[0] for place in before}) > 12, before
    assert any(place.startswith("contacts_event_2") for place in before)

    receipt = erase(api, life)

    assert places_of(*needles) == set()
    assert receipt["id"] == life
    assert receipt["counts"]["contacts_event"] == Event.objects.filter(contact=life).count()
    assert receipt["counts"].keys() >= {"campaigns_enrollment", "contacts_email", "contacts_merge"}
    assert Contact.objects.get(email="bystander@example.com").email_key == "bystander@example.com"


def test_every_model_that_points_to_a_contact_is_erased_from(project):
    sent = contact_erasing.send(sender=Contact, project=project, contacts=[])
    known = {*STATEMENTS, *(table for _, counts in sent for table in counts)}
    pointing = {
        model._meta.db_table
        for model in apps.get_models()
        for field in model._meta.fields
        if field.related_model is Contact
    }

    assert pointing - known == {Erasure._meta.db_table}


def test_numbers_stay_counts_of_rows(api, project, life):
    def numbers():
        campaign = Enrollment.objects.get().campaign
        return stats(campaign), Event.objects.count(), Enrollment.objects.count()

    before = numbers()
    assert before[0]["sent"] == before[0]["unsubscribed"] == 1

    erase(api, life)

    after = numbers()
    assert after[0] | {"waiting": 0, "suppressed": 0} == before[0] | {"waiting": 0, "suppressed": 0}
    assert after[1:] == before[1:]
    [sent] = Event.objects.filter(name="$email_sent", properties__has_key="campaign_id")[:1]
    assert set(sent.properties) <= {"campaign_id", "step_id", "template_id"}
    journey = Enrollment.objects.get()
    assert (journey.state, journey.due_at, journey.event) == ("exited", None, {})


def test_the_news_of_it_says_nothing_else(api, project, life):
    erase(api, life)

    news = DomainEvent.objects.get(type="contact.deleted", subject=Contact.objects.get(pk=life).key)
    assert news.data["id"] == life
    assert (news.data["email"], news.data["traits"], news.data["tags"]) == (None, {}, [])
    created = DomainEvent.objects.filter(type="contact.created").first()
    assert created.data["id"]
    assert created.data.keys() == news.data.keys()


def test_a_second_erasure_answers_the_same_receipt(api, project, life):
    first = erase(api, life)

    assert erase(api, life) == first
    assert Erasure.objects.count() == 1
    assert DomainEvent.objects.filter(type="contact.deleted").count() == 1
    assert api.get(f"/v1/contacts/{life}").status_code == 404
    part = Contact.objects.filter(merged_into=life).first()
    answer = api.post(f"/v1/contacts/{part.id}/erase")
    assert answer.status_code == 404
    assert answer.json()["error"]["details"] == [{"merged_into": life}]


def test_a_deleted_contact_can_be_erased_at_once(api, project):
    contact = make_contact(project, email="zqx@example.com", external_id="zqx")
    assert api.delete(f"/v1/contacts/{contact.id}").status_code == 204
    assert "contacts_contact.released" in places_of(MARKER)

    erase(api, contact.id)

    assert places_of(MARKER) == set()
    assert DomainEvent.objects.filter(type="contact.deleted").count() == 1


def test_suppression_outlives_the_person_and_holds_for_the_next_of_that_address(
    api, project, other_project, smtp
):
    make_template(project)
    for each in (project, other_project):
        Suppression.objects.create(project=each, email_key="zqx@example.com", reason="complained")
    erase(api, make_contact(project, email="zqx@example.com").id)

    again = api.post("/v1/contacts", {"email": "ZQX@example.com"}).json()["id"]
    stream = make_stream(project)
    queue(stream, [Contact.objects.get(pk=again)], at=AT)
    send_due(at=AT, relay=smtp)

    assert stream.emails.get().reason == "complained"
    sealed = Suppression.objects.get(project=project).email_key
    assert sealed.startswith("#")
    erase(api, again)
    assert Suppression.objects.get(project=project).email_key == sealed
    assert Suppression.objects.get(project=other_project).email_key == "zqx@example.com"


def test_a_refusal_at_an_erased_address_goes_on_through_a_merge(api, project):
    Suppression.objects.create(project=project, email_key="a@example.com", reason="unsubscribed")
    erase(api, make_contact(project, email="a@example.com").id)
    source = make_contact(project, email="a@example.com")
    target = make_contact(project, email="b@example.com")

    api.post(f"/v1/contacts/{target.id}/merge", {"source_contact_id": source.id})

    assert Suppression.objects.filter(email_key="b@example.com", reason="unsubscribed").exists()


def test_the_same_person_comes_back_as_a_stranger(api, ingest, project):
    old = make_contact(project, email="zqx@example.com", external_id="zqx")
    erase(api, old.id)

    ingest.post("/v1/identify", {"userId": "zqx", "traits": {"email": "zqx@example.com"}})

    new = Contact.objects.alive().get()
    assert new.id != old.id
    assert Identity.objects.filter(contact=new).count() == 2
    assert erase(api, old.id)["id"] == old.id
    assert Contact.objects.alive().get() == new


def test_mail_in_a_workers_hands_is_not_sent_nor_written_about(api, project, smtp, sink):
    make_template(project)
    stream = make_stream(project)
    contact = make_contact(project, email="zqx@example.com")
    queue(stream, [contact])
    claim = claiming.claim(at=AT, limit=10)
    erase(api, contact.id)

    assert beginning.begin(claim.mails, until=claim.until, at=AT) == set()
    claiming.release(claim.mails, until=claim.until)

    assert states(stream) == ["suppressed"]
    assert stream.emails.get().reason == "erased"
    assert send_due(at=AT + timedelta(hours=1), relay=smtp) == 0
    assert places_of(MARKER) == set()


def test_what_comes_of_a_mail_that_was_on_its_way_names_nobody(api, project, smtp, monkeypatch):
    make_template(project)
    stream = make_stream(project)
    contact = make_contact(project, email="550+zqx@example.com")
    queue(stream, [contact])
    begin = beginning.begin

    def begin_and_erase(*args, **options):
        begun = begin(*args, **options)
        erase_contact(contact, at=AT)
        return begun

    monkeypatch.setattr(beginning, "begin", begin_and_erase)
    send_due(at=AT, relay=smtp)

    assert states(stream) == ["in_doubt"]
    assert places_of(MARKER) == set()


def test_what_was_written_at_that_very_moment_is_found_later(api, project):
    contact = make_contact(project, email="zqx@example.com")
    erase(api, contact.id)
    event = make_event(contact, "login", at=now(), ip="zqx-ip")
    Event.objects.filter(pk=event.pk).update(message_id="zqx-late")
    EventReceipt.objects.create(project=project, message_id="zqx-late", received_at=now())

    assert settle_erasures(at=now()) == 0
    assert settle_erasures(at=now() + timedelta(minutes=4)) == 1

    assert places_of(MARKER) == set()
    assert settle_erasures(at=now() + timedelta(minutes=4)) == 0


def test_a_link_in_an_old_mail_leads_nowhere(api, client, project, smtp):
    make_template(project)
    contact = make_contact(project)
    [email] = queue(make_stream(project), [contact])
    send_due(at=AT, relay=smtp)
    path = f"/u/{unsubscribe_token(project.key, email.pk)}"
    assert client.get(path).status_code == 200
    erase(api, contact.id)

    assert client.get(path).status_code == client.post(path).status_code == 404
    unsubscribe(email, at=AT)
    assert not Suppression.objects.exists()


def test_others_keep_everything(api, project, other_project):
    erased = make_contact(project, external_id="1", email="a@example.com")
    kept = [
        make_contact(project, external_id="12", email="aa@example.com"),
        make_contact(other_project, external_id="1", email="a@example.com"),
    ]
    for contact in kept:
        make_event(contact, "login", device="phone")
        make_segment(contact.project, contact)
    before = [list(each.objects.exclude(contact=erased).values()) for each in (Event, Identity)]

    erase(api, erased.id)

    assert [list(each.objects.values()) for each in (Event, Identity)] == before
    assert Membership.objects.count() == 2
    assert not Merge.objects.exists()


def test_a_month_after_deletion_contacts_are_erased(project):
    contacts = [make_contact(project, external_id=f"zqx-{n}") for n in range(5)]
    for contact in contacts[:4]:
        contact.remove(at=AT)
    make_event(contacts[0], "login", ip="zqx-ip")

    assert purge(at=AT + PURGE_AFTER) == 0
    later = AT + PURGE_AFTER + timedelta(minutes=1)
    assert [purge(at=later, limit=3), purge(at=later, limit=3), purge(at=later)] == [3, 1, 0]

    assert Erasure.objects.count() == 4
    assert places_of("zqx-0", "zqx-1", "zqx-2", "zqx-3", "zqx-ip") == set()
    assert Contact.objects.alive().get().external_id == "zqx-4"


def test_deletion_leaves_no_membership_and_no_clock(api, project, ingest, relay):
    rules = {
        "operator": "AND",
        "conditions": [{"field": "events.seen", "op": "count_gte", "value": 1, "window": "7d"}],
    }
    create_segment(project, name="Seen", rules=rules, at=now())
    ingest.post("/v1/track", {"userId": "u1", "event": "seen"})
    relay(now())
    contact = Contact.objects.get()
    assert (Membership.objects.count(), SegmentClock.objects.count()) == (1, 1)

    api.delete(f"/v1/contacts/{contact.id}")

    assert (Membership.objects.count(), SegmentClock.objects.count()) == (0, 0)


def test_a_deleted_contact_cannot_be_written_to(api, project):
    contact = make_contact(project)
    erase(api, contact.id)

    with pytest.raises(Gone), transaction.atomic():
        contact.revise(traits={"name": "zqx"}, at=AT)
    assert places_of(MARKER) == set()


def test_what_an_erasure_does_not_know_is_refused_before_it_erases(api, project):
    contact = make_contact(project)
    answer = api.post(f"/v1/contacts/{contact.id}/erase", {"dry_run": True})

    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["field"] == "dry_run"
    assert api.get(f"/v1/contacts/{contact.id}").status_code == 200
