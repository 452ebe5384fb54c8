"""Many contacts in one call: each has its own verdict, and the good ones are stored."""

import pytest

from contacts.models import Consent, Contact, Identity
from growth.models import DomainEvent
from tests.factories import make_contact, make_topic


def send(api, *contacts):
    response = api.post("/v1/contacts/batch", {"contacts": list(contacts)})
    assert response.status_code == 200, response.json()
    return response.json()["items"]


def statuses(items):
    return [item["status"] for item in items]


def test_contacts_are_made_and_brought_up_to_date(api, project):
    known = make_contact(project, email="known@example.com", traits={"plan": "trial"})

    items = send(
        api,
        {"email": "New@example.com", "external_id": "u1", "traits": {"n": 1}, "tags": ["a"]},
        {"email": "known@example.com", "traits": {"plan": None, "size": 5}},
        {"phone": "+14155552671"},
    )

    assert [item["index"] for item in items] == [0, 1, 2]
    assert statuses(items) == [201, 200, 201]
    assert [item["created"] for item in items] == [True, False, True]
    assert items[1] == {
        "index": 1,
        "status": 200,
        "success": True,
        "id": known.id,
        "created": False,
        "conflicts": [],
    }
    made = Contact.objects.get(pk=items[0]["id"])
    assert (made.email, made.external_id, made.traits, made.tags) == (
        "New@example.com",
        "u1",
        {"n": 1},
        ["a"],
    )
    known.refresh_from_db()
    assert known.traits == {"size": 5}


def test_what_is_wrong_with_one_is_no_harm_to_the_others(api, project):
    make_contact(project, external_id="full", traits={f"a{n}": n for n in range(200)})

    items = send(
        api,
        {"email": "a@example.com"},
        {"email": "no address", "traits": {"a.b": 1}, "xx": 1},
        7,
        {"traits": {}},
        {"external_id": "full", "traits": {"b": 1}, "email": "full@example.com"},
        {"external_id": "null"},
        {"email": "b@example.com", "consent": {"nonsense": "granted"}},
        {"email": "c@example.com", "id": "cntct_0"},
    )

    assert statuses(items) == [201, 422, 422, 422, 422, 422, 422, 201]
    assert [item["success"] for item in items] == [status == 201 for status in statuses(items)]
    wrong = [
        {each["field"] for each in item["error"]["details"]} for item in items if "error" in item
    ]
    assert wrong == [
        {"email", "traits.a.b", "xx"},
        {""},
        {""},
        {"traits"},
        {"external_id"},
        {"consent.nonsense"},
    ]
    assert items[7]["warnings"] == ["id: This field is read-only and was ignored."]
    emails = Identity.objects.filter(kind="email", value__in=["a@example.com", "c@example.com"])
    assert emails.count() == 2
    assert Contact.objects.count() == 3


def test_a_claim_of_another_is_named_in_its_item(api, project):
    owner = make_contact(project, email="alice@example.com", external_id="alice")

    [item] = send(api, {"external_id": "bob", "email": "alice@example.com"})

    assert item["status"] == 201
    assert item["conflicts"] == [
        {
            "identifier": "email",
            "value_hint": "….com",
            "contact_id": owner.id,
            "action": "ignored",
        }
    ]


def test_one_person_twice_in_a_batch_is_one_contact(api, project):
    items = send(
        api,
        {"email": "a@example.com", "traits": {"n": 1, "m": 1}},
        {"external_id": "u1", "email": "A@example.com", "traits": {"n": 2}},
    )

    assert statuses(items) == [201, 200]
    contact = Contact.objects.get()
    assert [item["id"] for item in items] == [contact.id] * 2
    assert (contact.external_id, contact.traits) == ("u1", {"n": 2, "m": 1})


def test_a_batch_told_again_changes_nothing(api, project):
    topic = make_topic(project)
    people = [
        {"email": f"u{n}@example.com", "traits": {"n": n}, "consent": {topic.code: "granted"}}
        for n in range(5)
    ]
    first = send(api, *people)
    told = DomainEvent.objects.count()

    again = send(api, *people)

    assert [item["id"] for item in again] == [item["id"] for item in first]
    assert statuses(again) == [200] * 5
    assert DomainEvent.objects.count() == told
    assert Consent.objects.filter(state="granted").count() == 5


def test_each_change_is_told_once_and_consents_by_themselves(api, project):
    topic = make_topic(project)
    known = make_contact(project, email="known@example.com")

    send(
        api,
        {"email": "new@example.com"},
        {"email": "known@example.com", "tags": ["a"]},
        {"email": "known@example.com", "consent": {topic.code: "granted"}},
        {"email": "known@example.com", "consent": {topic.code: "withdrawn"}},
    )

    told = DomainEvent.objects.filter(type__startswith="contact.").order_by("id")
    assert [(each.type, each.data.get("changed")) for each in told] == [
        ("contact.created", None),
        ("contact.updated", ["tags"]),
        ("contact.updated", ["consents.news"]),
    ]
    assert Consent.objects.get().state == "withdrawn"
    assert Consent.objects.get().contact_id == known.id


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "contacts"),
        ([], 422, "contacts"),
        ({"contacts": {}}, 422, "contacts"),
        ({"contacts": [], "mode": "fast"}, 422, "mode"),
        ({"contacts": [{}] * 1001}, 413, None),
    ],
)
def test_what_is_no_batch_is_refused_whole(api, project, body, status, field):
    response = api.post("/v1/contacts/batch", body)

    assert response.status_code == status
    details = response.json()["error"]["details"]
    assert [each["field"] for each in details] == ([field] if field else [])


def test_an_empty_batch_is_no_fault(api, project):
    assert send(api) == []


def test_a_batch_takes_a_constant_number_of_statements(api, project, django_assert_max_num_queries):
    topic = make_topic(project)

    def people(size, first):
        return [
            {
                "email": f"u{first + n}@example.com",
                "external_id": f"u{first + n}",
                "traits": {"n": n},
                "consent": {topic.code: "granted"},
            }
            for n in range(size)
        ]

    send(api, *people(2, 0))
    with django_assert_max_num_queries(17):
        assert statuses(send(api, *people(2, 10))) == [201] * 2
    with django_assert_max_num_queries(17):
        assert (
            statuses(send(api, *people(1000, 0))) == [200] * 2 + [201] * 8 + [200] * 2 + [201] * 988
        )
    assert Contact.objects.count() == 1000
