"""Topics, what contacts say of them, and the mail that heeds it."""

import pytest
from django.db import IntegrityError

from contacts.mail import beginning, claiming
from contacts.models import Consent, ConsentChange, Contact, Email, Topic
from contacts.operations.consents import Stance, record_consents, unite_consents
from growth.errors import Gone
from growth.models import DomainEvent
from tests.contacts.mail_factories import make_stream, make_template, queue
from tests.factories import AT, make_contact, make_topic


def say(contact: Contact, state: str, topic: str = "news", **fields) -> None:
    record_consents(contact, {topic: Stance(state, **fields)}, at=AT)


def updates() -> list[dict]:
    return [event.data for event in DomainEvent.objects.filter(type="contact.updated")]


def test_a_topic_is_made_shown_changed_and_deleted(api):
    made = api.post("/v1/topics", {"code": "news", "name": "News", "opt_in": "double"})
    path = f"/v1/topics/{made.json()['id']}"

    assert made.status_code == 201, made.json()
    assert set(made.json()) == {"id", "code", "name", "opt_in", "created_at"}
    assert made.json()["id"].startswith("topic_")
    assert api.get(path).json() == made.json()
    assert api.get("/v1/topics").json()["data"] == [made.json()]
    changed = api.patch(path, {"name": "Letters", "opt_in": "none", "code": "other"}).json()
    assert (changed["name"], changed["opt_in"], changed["code"]) == ("Letters", "none", "news")
    assert changed["warnings"] == ["code: This field is read-only and was ignored."]
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404


def test_a_topic_needs_no_more_than_a_code_and_a_code_is_taken_once(api):
    first = api.post("/v1/topics", {"code": "news"})
    second = api.post("/v1/topics", {"code": "news"})

    assert (first.json()["name"], first.json()["opt_in"]) == ("news", "none")
    assert second.status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"code": ""},
        {"code": "News"},
        {"code": "news\n"},
        {"code": "a.b"},
        {"code": "a/b"},
        {"code": "x" * 65},
        {"code": 7},
        {"code": None},
        {"code": "news", "name": "x" * 201},
        {"code": "news", "opt_in": "triple"},
        {"code": "news", "opt_in": ["none"]},
        {"code": "news", "colour": "red"},
    ],
)
def test_a_topic_that_is_none_is_refused(api, body):
    assert api.post("/v1/topics", body).status_code == 422
    assert not Topic.objects.exists()


def test_a_topic_that_somebody_spoke_on_is_kept(api, project):
    topic = make_topic(project)
    say(make_contact(project), "withdrawn")

    assert api.delete(f"/v1/topics/{topic.id}").status_code == 409
    assert Topic.objects.exists()


def test_a_topic_that_mail_is_about_is_kept(api, project):
    topic = make_topic(project)
    make_stream(project, topic=topic)

    assert api.delete(f"/v1/topics/{topic.id}").status_code == 409


def test_a_consent_is_written_with_its_evidence_and_told(api, project):
    contact = make_contact(project)
    make_topic(project, opt_in="double")

    response = api.put(
        f"/v1/contacts/{contact.id}/consents/news",
        {"state": "granted", "source": "form", "evidence": {"ip": "192.0.2.1"}},
    )

    body = response.json()
    assert response.status_code == 200, body
    assert (body["topic"], body["state"], body["source"]) == ("news", "granted", "form")
    assert (body["evidence"], body["allowed"]) == ({"ip": "192.0.2.1"}, True)
    [update] = updates()
    assert update["changed"] == ["consents.news"]
    assert update["consents"] == {"news": "granted"}
    assert update["id"] == contact.id


def test_every_word_is_kept_and_the_last_one_counts(api, project):
    contact = make_contact(project)
    make_topic(project)
    path = f"/v1/contacts/{contact.id}/consents/news"

    for state in ("granted", "withdrawn", "withdrawn", "granted"):
        api.put(path, {"state": state})

    assert Consent.objects.get().state == "granted"
    changes = ConsentChange.objects.order_by("id").values_list("state", flat=True)
    assert list(changes) == ["granted", "withdrawn", "granted"]
    assert len(updates()) == 3


def test_a_contact_stands_somewhere_on_every_topic(api, project):
    contact = make_contact(project)
    for code, opt_in in (("open", "none"), ("closed", "double"), ("left", "none")):
        make_topic(project, code, opt_in)
    say(contact, "withdrawn", "left")

    page = api.get(f"/v1/contacts/{contact.id}/consents").json()["data"]

    stands = {each["topic"]: (each["state"], each["allowed"]) for each in page}
    assert stands == {"open": (None, True), "closed": (None, False), "left": ("withdrawn", False)}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "state"),
        ({"state": "maybe"}, "state"),
        ({"state": None}, "state"),
        ({"state": ["granted"]}, "state"),
        ({"state": "granted", "source": "x" * 65}, "source"),
        ({"state": "granted", "source": 5}, "source"),
        ({"state": "granted", "evidence": "a form"}, "evidence"),
        ({"state": "granted", "evidence": {"text": "x" * 17_000}}, "evidence"),
        ({"state": "granted", "at": "2020-01-01"}, "at"),
    ],
)
def test_a_consent_that_is_none_is_refused(api, project, body, field):
    contact = make_contact(project)
    make_topic(project)

    response = api.put(f"/v1/contacts/{contact.id}/consents/news", body)

    assert response.status_code == 422
    assert response.json()["error"]["details"][0]["field"] == field
    assert not Consent.objects.exists()


@pytest.mark.parametrize("code", ["other", "News", "%00", "'", "x" * 300, "news%0A"])
def test_a_topic_that_is_not_there_is_404(api, project, other_project, code):
    contact = make_contact(project)
    make_topic(project)
    make_topic(other_project, "other")

    response = api.put(f"/v1/contacts/{contact.id}/consents/{code}", {"state": "granted"})

    assert response.status_code == 404


def test_a_new_contact_brings_its_consents(api, project):
    make_topic(project, "news")
    make_topic(project, "offers")
    stance = {"state": "granted", "source": "form", "evidence": {"page": "/join"}}

    response = api.post(
        "/v1/contacts",
        {"email": "alice@example.com", "consent": {"news": stance, "offers": "withdrawn"}},
    )

    assert response.status_code == 201, response.json()
    told = Consent.objects.order_by("topic__code").values_list("state", "source")
    assert list(told) == [("granted", "form"), ("withdrawn", "api")]
    assert updates()[0]["changed"] == ["consents.news", "consents.offers"]


@pytest.mark.parametrize(
    ("consent", "field"),
    [
        ({"unknown": "granted"}, "consent.unknown"),
        ({"x" * 9000: "granted"}, "consent." + "x" * 64),
        ({"news": "maybe"}, "consent.news.state"),
        ({"news": None}, "consent.news.state"),
        ({"news": []}, "consent.news.state"),
        ({"news": {"state": "granted", "who": 1}}, "consent.news.who"),
        (["news"], "consent"),
        ({str(n): "granted" for n in range(101)}, "consent"),
    ],
)
def test_a_contact_with_a_wrong_consent_is_not_stored(api, project, consent, field):
    make_topic(project)

    response = api.post("/v1/contacts", {"email": "a@example.com", "consent": consent})

    assert response.status_code == 422, response.json()
    assert response.json()["error"]["details"][0]["field"] == field
    assert not Contact.objects.exists()


def test_many_topics_take_the_statements_of_one(project, django_assert_max_num_queries):
    contact = make_contact(project)
    for number in range(20):
        make_topic(project, f"topic-{number}")
    one = {"topic-0": Stance("granted")}
    many = {f"topic-{number}": Stance("withdrawn") for number in range(20)}

    with django_assert_max_num_queries(7):  # among them a savepoint and its release
        record_consents(contact, one, at=AT)
    with django_assert_max_num_queries(7):
        record_consents(contact, many, at=AT)


def test_a_deleted_contact_says_nothing_more(project):
    contact = make_contact(project)
    make_topic(project)
    Contact.objects.get(pk=contact.pk).remove(at=AT)

    with pytest.raises(Gone):
        say(contact, "granted")


def test_no_other_state_can_be_stored(project):
    say_of = {"contact": make_contact(project), "topic": make_topic(project), "at": AT}

    with pytest.raises(IntegrityError):
        Consent.objects.create(project=project, state="maybe", source="api", **say_of)


@pytest.mark.parametrize(
    ("opt_in", "state", "expected"),
    [
        ("none", None, "claimed"),
        ("none", "pending", "claimed"),
        ("none", "granted", "claimed"),
        ("none", "withdrawn", "suppressed"),
        ("double", None, "suppressed"),
        ("double", "pending", "suppressed"),
        ("double", "granted", "claimed"),
        ("double", "withdrawn", "suppressed"),
    ],
)
def test_mail_of_a_topic_heeds_consent(project, opt_in, state, expected):
    topic = make_topic(project, opt_in=opt_in)
    contact = make_contact(project)
    if state:
        say(contact, state)
    make_template(project)
    [email] = queue(make_stream(project, topic=topic), [contact])

    claiming.claim(at=AT, limit=10)

    email.refresh_from_db()
    assert email.state == expected
    assert email.reason == ("consent" if expected == "suppressed" else "")
    assert topic.allows(state) == (expected == "claimed")


def test_mail_without_a_topic_and_of_another_topic_is_not_concerned(project):
    contact = make_contact(project)
    make_topic(project)
    say(contact, "withdrawn")
    queue(make_stream(project), [contact])
    queue(make_stream(project, topic=make_topic(project, "other")), [contact])

    claiming.claim(at=AT, limit=10)

    assert set(Email.objects.values_list("state", flat=True)) == {"claimed"}


def test_who_withdraws_after_the_claim_gets_no_mail(project):
    topic = make_topic(project)
    contact = make_contact(project)
    queue(make_stream(project, topic=topic), [contact])
    claim = claiming.claim(at=AT, limit=10)

    say(contact, "withdrawn")

    assert beginning.begin(claim.mails, until=claim.until, at=AT) == set()


def test_of_two_words_the_most_restrictive_holds(project):
    source, target = make_contact(project), make_contact(project)
    for code, first, second in (
        ("a", "granted", "withdrawn"),
        ("b", "withdrawn", "granted"),
        ("c", "pending", None),
        ("d", None, "pending"),
        ("e", "pending", "granted"),
    ):
        make_topic(project, code)
        for contact, state in ((source, first), (target, second)):
            if state:
                say(contact, state, code)

    unite_consents(project, {source.key: target.key}, at=AT)

    own = Consent.objects.filter(contact=target).values_list("topic__code", "state")
    assert dict(own) == {
        "a": "withdrawn",
        "b": "withdrawn",
        "c": "pending",
        "d": "pending",
        "e": "pending",
    }
    assert Consent.objects.filter(contact=source).count() == 4


def test_what_a_visitor_said_holds_for_the_person_they_turn_out_to_be(ingest, api, project):
    make_topic(project)
    ingest.post("/v1/track", {"anonymous_id": "anon", "event": "view"})
    say(Contact.objects.get(), "withdrawn")

    ingest.post("/v1/identify", {"user_id": "u1"})
    ingest.post("/v1/identify", {"anonymous_id": "anon", "user_id": "u1"})

    person = Contact.objects.alive().get()
    assert Consent.objects.get(contact=person).state == "withdrawn"
