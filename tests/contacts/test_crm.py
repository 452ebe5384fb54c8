"""The CRM dialect: four operations, in every spelling of its documentation."""

import json

import pytest
from rest_framework.test import APIClient

from contacts.models import Account, Contact
from growth.models import ApiKey
from tests.contacts.growthhub_calls import client_of
from tests.factories import make_contact

JOHN = {
    "first_name": "John",
    "last_name": "Doe",
    "email": "johndoe@example.com",
    "phone": "+1234567890",
    "company": "Example Inc.",
    "job_title": "Sales Manager",
    "notes": "Interested in product demo",
}


def crm_of(project, *scopes: str) -> APIClient:
    """Return a client with a key of the project."""
    scopes = scopes or ("contacts:read", "contacts:write")
    _, key = ApiKey.objects.issue(project, name="CRM", type="secret", scopes=list(scopes))
    client = APIClient(HTTP_X_API_KEY=key)
    client.default_format = "json"
    return client


@pytest.fixture
def crm(project):
    return crm_of(project)


@pytest.fixture
def john(crm):
    response = crm.post("/crm/contacts", JOHN)
    assert response.status_code == 200, response.content
    return response.json()["id"]


def search(crm, searchby, term):
    return crm.get("/crm/contacts", {"searchby": searchby, "search": term})


def refused(response, status, error):
    assert response.status_code == status, response.content
    assert set(response.json()) == {"error", "message"}
    assert response.json()["error"] == error
    return response.json()["message"]


def test_a_contact_is_made_as_documented(crm, john):
    contact = Contact.objects.get()

    assert john == f"{contact.key:020}"
    assert len(john) == 20
    assert contact.traits == {
        "first_name": "John",
        "last_name": "Doe",
        "name": "John Doe",
        "company_name": "Example Inc.",
        "contact_account_id": Account.objects.get(name="Example Inc.").key,
        "title": "Sales Manager",
        "notes": "Interested in product demo",
    }
    assert contact.phone == "+1234567890"


def test_a_known_email_answers_its_contact_and_fills_its_fields(crm, project):
    known = make_contact(project, email="JohnDoe@example.com", traits={"plan": "growth"})

    answer = crm.post("/crm/contacts", {**JOHN, "last_name": None, "unknown": 1}).json()

    known.refresh_from_db()
    assert answer == {"id": f"{known.key:020}"}
    assert known.traits["plan"] == "growth"
    assert known.traits["company_name"] == "Example Inc."
    assert known.traits["name"] == "John"


def test_camel_case_means_the_same(crm):
    answer = crm.post(
        "/crm/contacts/", {"firstName": "Ann", "email": "ann@example.com", "jobTitle": "CEO"}
    )

    assert answer.status_code == 200
    assert Contact.objects.get().traits["title"] == "CEO"


def test_what_is_required_is_told_at_once(crm):
    message = refused(crm.post("/crm/contacts", {"email": "x", "phone": []}), 400, "bad_request")

    for name in ("first_name", "phone", "email"):
        assert f"{name}: " in message
    assert not Contact.objects.exists()


@pytest.mark.parametrize(
    ("searchby", "term"),
    [
        ("company", "example inc."),
        ("first_name", "JOHN"),
        ("firstName", "john"),
        ("last_name", "doe"),
        ("name", "john doe"),
        ("email", "JohnDoe@Example.com"),
        ("phone", "1234567890"),
        ("phone", "+1 (234) 567-890"),
        ("job_title", "sales manager"),
        ("jobTitle", "Sales Manager"),
        ("notes", "interested in product demo"),
    ],
)
def test_a_contact_is_found_by_any_field(crm, john, searchby, term):
    for response in (
        search(crm, searchby, term),
        crm.generic(
            "GET",
            "/crm/contacts",
            json.dumps({"searchby": searchby, "search": term}),
            content_type="application/json",
        ),
    ):
        assert response.status_code == 200, response.content
        assert response.json()["id"] == john
        [found] = response.json()["contacts"]
        assert found == {**JOHN, "id": john, "name": "John Doe"}


def test_the_newest_comes_first_and_a_part_is_no_match(crm, john):
    newer = crm.post("/crm/contacts", {**JOHN, "email": "two@example.com", "phone": 77}).json()

    body = search(crm, "company", "Example Inc.").json()
    assert body["id"] == newer["id"]
    assert [each["id"] for each in body["contacts"]] == [newer["id"], john]
    refused(search(crm, "company", "Example"), 404, "not_found")
    assert search(crm, "phone", "77").json()["id"] == newer["id"]


def test_a_search_needs_a_field_and_a_term(crm, john):
    assert "searchby" in refused(search(crm, "password", "x"), 400, "bad_request")
    assert "search:" in refused(search(crm, "name", ""), 400, "bad_request")
    message = refused(crm.get("/crm/contacts"), 400, "bad_request")
    assert "searchby:" in message
    assert "search:" in message


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/crm/contacts/edit", {"contact_id": "{id}", "update_fields": {"phone": 1234567890}}),
        ("/crm/contacts/edit", {"contactID": "{id}", "updateFields": {"phone": 1234567890}}),
        ("/crm/contacts", {"contactId": "{id}", "updateFields": {"phone": "1234567890"}}),
        ("/crm/contacts/", {"contactID": "{id}", "updateFields": {"phone": 1234567890}}),
    ],
)
def test_a_contact_is_edited_in_every_spelling(crm, john, path, body):
    sent = json.loads(json.dumps(body).replace("{id}", john))

    response = crm.post(path, sent)

    assert response.json() == {"id": john}
    assert Contact.objects.get().phone == "1234567890"
    assert Contact.objects.get().traits["company_name"] == "Example Inc."


def test_a_company_that_v1_has_told_is_found_and_can_be_cleared(crm, project):
    ann = make_contact(project, email="ann@example.com", traits={"company": "Acme"})

    assert search(crm, "company", "ACME").json()["contacts"][0]["company"] == "Acme"
    edit = {"contact_id": f"{ann.key:020}", "update_fields": {"company": ""}}
    assert crm.post("/crm/contacts/edit", edit).status_code == 200

    ann.refresh_from_db()
    assert ann.traits == {}


def test_a_name_is_parted_at_its_first_space(crm, john):
    fields = {"name": "Ann van Dyck", "email": "ann@example.com"}
    crm.post("/crm/contacts/edit", {"contact_id": john, "update_fields": fields})

    contact = Contact.objects.get()
    assert (contact.traits["first_name"], contact.traits["last_name"]) == ("Ann", "van Dyck")
    assert contact.email == "ann@example.com"


def test_an_edit_is_refused_whole(crm, john, project):
    make_contact(project, email="ann@example.com")
    edits = [
        ({"email": "ann@example.com", "company": "X"}, 409, "conflict"),
        ({"email": "nope", "company": "X"}, 400, "bad_request"),
        ({}, 400, "bad_request"),
        ([], 400, "bad_request"),
    ]
    for fields, status, error in edits:
        body = {"contact_id": john, "update_fields": fields}
        refused(crm.post("/crm/contacts/edit", body), status, error)
    assert Contact.objects.get(email="johndoe@example.com").traits["company_name"] == "Example Inc."
    refused(crm.post("/crm/contacts/edit", {"update_fields": {"name": "x"}}), 400, "bad_request")


@pytest.mark.parametrize("name", ["contact_id", "contactID", "contactId"])
def test_a_contact_is_deleted_once(crm, john, name):
    deleted = crm.delete("/crm/contacts", {name: john})

    assert deleted.status_code == 200
    assert deleted.content == b"Document deleted successfully"
    assert deleted["Content-Type"].startswith("text/plain")
    refused(crm.delete("/crm/contacts", {name: john}), 404, "not_found")
    refused(search(crm, "email", JOHN["email"]), 404, "not_found")


def test_who_takes_only_json_is_told_in_json(crm, john):
    deleted = crm.delete("/crm/contacts", {"contact_id": john}, HTTP_ACCEPT="application/json")

    assert deleted.json() == "Document deleted successfully"


def test_a_key_and_its_scope_are_needed(project, crm, john):
    refused(APIClient().post("/crm/contacts", JOHN, format="json"), 401, "unauthenticated")
    wrong = APIClient(HTTP_X_API_KEY="x").post("/crm/contacts", JOHN, format="json")
    refused(wrong, 401, "unauthenticated")
    reader = crm_of(project, "contacts:read")
    refused(reader.post("/crm/contacts", JOHN), 403, "insufficient_scope")
    assert search(reader, "name", "John Doe").status_code == 200
    refused(crm.patch("/crm/contacts", JOHN), 405, "method_not_allowed")
    refused(crm.get("/crm/nothing"), 404, "not_found")
    refused(crm.generic("POST", "/crm/contacts", b"{", "application/json"), 400, "bad_request")


def test_a_strangers_contact_answers_as_an_unknown_one(crm, other_project):
    strange = make_contact(other_project, email="ann@example.com", traits={"company": "Acme"})
    number = f"{strange.key:020}"

    for known in (number, "9" * 20, "x", -1, 1e3):
        edit = {"contact_id": known, "update_fields": {"name": "X"}}
        assert crm.post("/crm/contacts/edit", edit).status_code in (400, 404)
        assert crm.delete("/crm/contacts", {"contact_id": known}).status_code in (400, 404)
    refused(search(crm, "company", "Acme"), 404, "not_found")
    refused(search(crm, "email", "ann@example.com"), 404, "not_found")
    assert Contact.objects.values_list("traits", "deleted_at").get() == ({"company": "Acme"}, None)


def test_one_person_is_the_same_in_every_api(crm, john, project, api):
    contact = Contact.objects.get()
    hub = client_of(project)

    shown = hub.get(f"/contacts/{contact.id}").json()["contact"]
    assert (shown["firstName"], shown["companyName"]) == ("John", "Example Inc.")
    hub.put(f"/contacts/{contact.id}", {"companyName": "Acme", "city": "Berlin"})
    api.patch(f"/v1/contacts/{contact.id}", {"traits": {"title": "CEO"}})

    [found] = search(crm, "company", "Acme").json()["contacts"]
    assert found == {**JOHN, "id": john, "name": "John Doe", "company": "Acme", "job_title": "CEO"}
    traits = api.get(f"/v1/contacts/{contact.id}").json()["traits"]
    assert (traits["city"], traits["notes"]) == ("Berlin", JOHN["notes"])
