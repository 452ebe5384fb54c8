"""Who is made and who is updated, by the rules of the project."""

import pytest

from contacts.models import Contact, Identity
from tests.contacts.growthhub_calls import (
    DOCUMENTED,
    FIELD_ID,
    FILE,
    allow_duplicates,
    client_of,
)
from tests.factories import make_contact


@pytest.fixture
def hub(project):
    return client_of(project)


def upsert(hub, **body):
    response = hub.post("/contacts/upsert", body)
    assert response.status_code == 200, response.json()
    return response.json()


def test_the_documented_body_makes_a_contact_and_comes_back(hub, project):
    answer = upsert(hub, **DOCUMENTED)

    shown = answer["contact"]
    contact = Contact.objects.get()
    assert answer["new"] is True
    assert answer["traceId"].startswith("req_")
    assert shown["id"] == contact.id
    assert shown["locationId"] == project.id
    for name in DOCUMENTED.keys() - {"customFields", "phone", "dndSettings"}:
        assert shown[name] == DOCUMENTED[name], name
    assert shown["dndSettings"] == DOCUMENTED["dndSettings"]
    assert shown["phone"] == "+18888888888"
    assert shown["customFields"] == [{"id": FIELD_ID, "value": FILE}]
    assert shown["emailLowerCase"] == "rosan@deos.com"
    assert (shown["firstNameLowerCase"], shown["lastNameLowerCase"]) == ("rosan", "deo")
    assert shown["fullNameLowerCase"] == "rosan deo"
    assert shown["ssn"] is None


def test_the_same_body_again_changes_nothing(hub):
    first = upsert(hub, **DOCUMENTED)
    before = list(Contact.objects.values())

    again = upsert(hub, **DOCUMENTED)

    assert again["new"] is False
    assert again["contact"] == first["contact"]
    assert list(Contact.objects.values()) == before


def test_neither_email_nor_phone_is_refused(hub):
    response = hub.post("/contacts/upsert", {"firstName": "Ann"})

    assert response.status_code == 422
    assert response.json()["message"] == ["Send an email or a phone."]
    assert not Contact.objects.exists()


def test_the_first_field_of_the_priority_finds_and_the_second_is_left_to_its_owner(hub, project):
    by_email = make_contact(project, email="ann@example.com")
    by_phone = make_contact(project, email="bob@example.com", phone="+4930901820")

    answer = upsert(hub, email="ANN@example.com", phone="+49 30 901820", firstName="Ann")

    assert answer["new"] is False
    assert answer["contact"]["id"] == by_email.id
    assert answer["contact"]["phone"] is None
    assert answer["contact"]["firstName"] == "Ann"
    assert answer["conflicts"] == [
        {
            "identifier": "phone",
            "value_hint": "…1820",
            "contact_id": by_phone.id,
            "action": "ignored",
        }
    ]
    assert Contact.objects.count() == 2


def test_the_priority_of_the_project_decides(hub, project):
    project.duplicate_check_priority = ["phone", "email"]
    project.save()
    make_contact(project, email="ann@example.com")
    by_phone = make_contact(project, email="bob@example.com", phone="+4930901820")

    answer = upsert(hub, email="ann@example.com", phone="+4930901820")

    assert answer["contact"]["id"] == by_phone.id
    assert answer["contact"]["email"] == "bob@example.com"


def test_a_contact_found_by_phone_gets_the_free_address(hub, project):
    contact = make_contact(project, email="old@example.com", phone="+4930901820")

    answer = upsert(hub, email="new@example.com", phone="+4930901820")

    assert answer["contact"]["id"] == contact.id
    assert answer["contact"]["email"] == "new@example.com"
    assert "conflicts" not in answer
    claims = set(Identity.objects.values_list("kind", "value"))
    assert claims == {("email", "new@example.com"), ("phone", "+4930901820")}


def test_a_field_outside_of_the_priority_finds_nobody(hub, project):
    project.duplicate_check_priority = ["email"]
    project.save()
    by_phone = make_contact(project, phone="+4930901820")

    answer = upsert(hub, email="new@example.com", phone="+4930901820")

    assert answer["new"] is True
    assert answer["contact"]["id"] != by_phone.id
    assert answer["contact"]["phone"] == "+4930901820"
    assert Identity.objects.get(kind="phone").contact == by_phone


def test_a_new_contact_is_made_at_once_where_duplicates_are_allowed(hub, project):
    allow_duplicates(project)
    known = make_contact(project, email="ann@example.com")

    answer = upsert(hub, email="ann@example.com", createNewIfDuplicateAllowed=True)

    assert answer["new"] is True
    assert answer["contact"]["id"] != known.id
    assert answer["contact"]["email"] == "ann@example.com"
    assert Identity.objects.get(kind="email").contact == known


def test_the_wish_for_a_new_contact_is_ignored_where_duplicates_are_not_allowed(hub, project):
    known = make_contact(project, email="ann@example.com")

    answer = upsert(hub, email="ann@example.com", createNewIfDuplicateAllowed=True)

    assert (answer["new"], answer["contact"]["id"]) == (False, known.id)


@pytest.mark.parametrize("wish", [{}, {"createNewIfDuplicateAllowed": False}])
def test_without_the_wish_a_duplicate_is_updated_even_where_they_are_allowed(hub, project, wish):
    allow_duplicates(project)
    known = make_contact(project, email="ann@example.com")

    answer = upsert(hub, email="ann@example.com", city="Berlin", **wish)

    assert (answer["new"], answer["contact"]["id"]) == (False, known.id)
    assert answer["contact"]["city"] == "Berlin"


def test_a_phone_that_is_no_number_finds_its_contact_again(hub):
    first = upsert(hub, phone="extension 12")
    again = upsert(hub, phone="extension 12", city="Berlin")

    assert (first["new"], again["new"]) == (True, False)
    assert again["contact"]["id"] == first["contact"]["id"]
    assert again["contact"]["phone"] == "extension 12"


def test_null_clears_and_what_is_not_sent_stays(hub):
    upsert(hub, **DOCUMENTED)

    sent = dict.fromkeys(["firstName", "city", "dnd", "assignedTo", "dateOfBirth", "country"])
    shown = upsert(hub, email="rosan@deos.com", phone=None, **sent)["contact"]

    assert [shown[name] for name in sent] == [None, None, False, None, None, None]
    assert shown["phone"] is None
    assert (shown["lastName"], shown["name"], shown["state"]) == ("Deo", "Deo", "AL")
    assert not Identity.objects.filter(kind="phone").exists()


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"name": "Ann van Dyck"}, ("Ann", "van Dyck", "Ann van Dyck")),
        ({"name": "Ann"}, ("Ann", None, "Ann")),
        ({"firstName": "Ann", "lastName": "Lee"}, ("Ann", "Lee", "Ann Lee")),
        ({"firstName": "Ann", "lastName": "Lee", "name": "Dr Lee"}, ("Ann", "Lee", "Dr Lee")),
        ({"firstName": " Ann "}, ("Ann", None, "Ann")),
    ],
)
def test_names_follow_each_other(hub, sent, expected):
    shown = upsert(hub, email="ann@example.com", **sent)["contact"]

    assert (shown["firstName"], shown["lastName"], shown["name"]) == expected


def test_a_deleted_contact_is_not_found_again(hub, project):
    old = upsert(hub, email="ann@example.com", phone="extension 12")["contact"]
    assert hub.delete(f"/contacts/{old['id']}").json()["succeded"] is True

    new = upsert(hub, email="ann@example.com", phone="extension 12")

    assert new["new"] is True
    assert new["contact"]["id"] != old["id"]


def test_tags_replace_and_keep_their_order_and_case(hub):
    upsert(hub, email="ann@example.com", tags=["Zeta", "alpha"])

    assert upsert(hub, email="ann@example.com")["contact"]["tags"] == ["Zeta", "alpha"]
    shown = upsert(hub, email="ann@example.com", tags=["beta", "Alpha"])["contact"]
    assert shown["tags"] == ["beta", "Alpha"]
