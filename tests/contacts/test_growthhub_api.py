"""One contact at a time, and everything that is refused."""

import pytest
from rest_framework.test import APIClient

from contacts.models import Contact, Identity
from growth.models import ApiKey
from tests.contacts.growthhub_calls import DOCUMENTED, allow_duplicates, client_of
from tests.factories import make_contact

ANN = {"email": "ann@example.com", "firstName": "Ann", "lastName": "Lee"}


@pytest.fixture
def hub(project):
    return client_of(project)


@pytest.fixture
def ann(project):
    return make_contact(project, email="ann@example.com", traits={"name": "Ann Lee"})


def refused(response, status):
    assert response.status_code == status, response.content
    body = response.json()
    assert body["statusCode"] == status
    assert set(body) >= {"statusCode", "message", "error", "traceId"}
    return body


def test_a_contact_is_made_and_read(hub):
    made = hub.post("/contacts/", ANN)

    assert made.status_code == 201
    shown = made.json()["contact"]
    assert hub.get(f"/contacts/{shown['id']}").json()["contact"] == shown
    assert (shown["name"], shown["type"], shown["customFields"]) == ("Ann Lee", "lead", [])
    assert shown["dateAdded"][19] == "."
    assert shown["dateAdded"][-1] == "Z"


def test_a_duplicate_is_told_with_the_contact_that_there_is(hub, ann, project):
    other = make_contact(project, phone="+4930901820")

    by_email = refused(hub.post("/contacts/", {"email": "ANN@example.com"}), 400)
    by_phone = refused(hub.post("/contacts", {"phone": "+4930901820"}), 400)

    assert by_email["message"] == "This location does not allow duplicated contacts."
    assert by_email["meta"] == {
        "contactId": ann.id,
        "matchingField": "email",
        "contactName": "Ann Lee",
    }
    assert by_phone["meta"]["contactId"] == other.id
    assert Contact.objects.count() == 2


def test_a_duplicate_is_made_where_the_project_allows_it(hub, ann, project):
    allow_duplicates(project)

    made = hub.post("/contacts/", ANN)

    assert made.status_code == 201
    assert made.json()["contact"]["id"] != ann.id
    assert made.json()["conflicts"][0]["contact_id"] == ann.id
    assert Identity.objects.get(kind="email").contact == ann


def test_a_contact_is_changed(hub, ann):
    response = hub.put(f"/contacts/{ann.id}", {"city": "Berlin", "phone": "+49 30 901820"})

    body = response.json()
    assert response.status_code == 200
    assert (body["succeded"], body["succeeded"]) == (True, True)
    assert (body["contact"]["city"], body["contact"]["phone"]) == ("Berlin", "+4930901820")
    assert body["contact"]["name"] == "Ann Lee"


def test_the_first_name_alone_changes_the_whole_name(hub, ann):
    shown = hub.put(f"/contacts/{ann.id}", {"firstName": "Anna"}).json()["contact"]

    assert (shown["firstName"], shown["lastName"], shown["name"]) == ("Anna", "Lee", "Anna Lee")
    assert Contact.objects.get().traits["name"] == "Anna Lee"


def test_the_address_of_another_is_refused_and_nothing_changes(hub, ann, project):
    make_contact(project, email="bob@example.com")

    body = refused(hub.put(f"/contacts/{ann.id}", {"email": "bob@example.com", "city": "X"}), 400)

    assert body["meta"]["matchingField"] == "email"
    ann.refresh_from_db()
    assert (ann.email, ann.traits) == ("ann@example.com", {"name": "Ann Lee"})


def test_a_shared_address_is_kept_where_the_project_allows_it(hub, ann, project):
    allow_duplicates(project)
    bob = make_contact(project, email="bob@example.com")

    shown = hub.put(f"/contacts/{ann.id}", {"email": "bob@example.com"}).json()["contact"]

    assert shown["email"] == "bob@example.com"
    assert Identity.objects.get(kind="email", value="bob@example.com").contact == bob


def test_a_deleted_contact_is_gone(hub, ann):
    assert hub.delete(f"/contacts/{ann.id}").json() == {"succeded": True, "succeeded": True}

    for response in (hub.get(f"/contacts/{ann.id}"), hub.delete(f"/contacts/{ann.id}")):
        assert refused(response, 404)["error"] == "Not Found"


def test_tags_are_put_on_and_taken_off(hub, ann):
    put_on = hub.post(f"/contacts/{ann.id}/tags", {"tags": ["VIP", "new"]})
    again = hub.post(f"/contacts/{ann.id}/tags", {"tags": ["VIP"]})
    taken_off = hub.delete(f"/contacts/{ann.id}/tags", {"tags": ["new", "unknown"]})

    assert (put_on.status_code, put_on.json()["tags"]) == (201, ["VIP", "new"])
    assert again.json()["tags"] == ["VIP", "new"]
    assert (taken_off.status_code, taken_off.json()["tags"]) == (200, ["VIP"])


def test_a_duplicate_is_looked_for_by_email_and_then_by_number(hub, ann, project):
    bob = make_contact(project, phone="+4930901820")

    def found(**query):
        response = hub.get("/contacts/search/duplicate", {"locationId": project.id, **query})
        assert response.status_code == 200, response.content
        contact = response.json()["contact"]
        return contact and contact["id"]

    assert found(email="Ann@Example.com", number="+4930901820") == ann.id
    assert found(email="nobody@example.com", number="+49 30 901820") == bob.id
    assert found(email="nobody@example.com") is None


def test_all_that_is_wrong_is_told_at_once(hub):
    body = {
        "email": "nope",
        "firstName": 7,
        "country": "XX",
        "timezone": "Mars/Base",
        "dateOfBirth": "31/31/1990",
        "dndSettings": {"Email": {"status": "maybe"}, "Fax": {"status": "active"}},
        "customFields": [{"key": "a"}],
        "tags": "vip",
        "wrong": 1,
    }

    answer = refused(hub.post("/contacts/upsert", body), 422)

    said = " | ".join(answer["message"])
    assert isinstance(answer["message"], list)
    assert answer["error"] == "Unprocessable Entity"
    assert "property wrong should not exist" in answer["message"]
    assert "property dndSettings.Fax should not exist" in answer["message"]
    for name in body.keys() - {"wrong"}:
        assert name in said
    assert not Contact.objects.exists()


@pytest.mark.parametrize("version", ["2021-04-15", "2021-07-28", "2023-02-21", "v3"])
def test_every_version_that_clients_send_is_taken(project, ann, version):
    hub = client_of(project, HTTP_VERSION=version)

    assert hub.get(f"/contacts/{ann.id}").status_code == 200
    assert hub.post("/contacts/upsert", ANN).status_code == 200


def test_a_version_is_needed_except_to_read_one_contact(project, ann):
    plain = client_of(project)
    del plain.defaults["HTTP_VERSION"]

    assert plain.get(f"/contacts/{ann.id}").status_code == 200
    body = refused(plain.post("/contacts/upsert", ANN), 401)
    assert (body["message"], body["error"]) == ("version header was not found.", "Unauthorized")
    unknown = client_of(project, HTTP_VERSION="2020-01-01")
    assert refused(unknown.get(f"/contacts/{ann.id}"), 401)["message"] == (
        "version header is invalid"
    )


@pytest.mark.parametrize("header", [None, "Bearer x", "Bearer pit-" + "0" * 38, "Basic eDp5", "x"])
def test_a_token_is_needed(db, header):
    headers = {"Version": "v3"} | ({"Authorization": header} if header else {})
    client = APIClient(headers=headers)

    body = refused(client.post("/contacts/upsert", ANN, format="json"), 401)

    assert body["message"] == "Invalid token: access token is invalid"


def test_a_token_without_the_scope_is_refused(project, ann):
    reader = client_of(project, scopes=["contacts:read"])

    assert reader.get(f"/contacts/{ann.id}").status_code == 200
    for response in (
        reader.post("/contacts/upsert", ANN),
        reader.delete(f"/contacts/{ann.id}"),
        client_of(project, scopes=["segments:read"]).get(f"/contacts/{ann.id}"),
    ):
        assert refused(response, 401)["message"] == "The token is not authorized for this scope."


def test_any_secret_key_works_and_a_private_token_works_at_v1(project, ann):
    _, key = ApiKey.objects.issue(project, name="k", type="secret", scopes=["*"])
    client = APIClient(headers={"Authorization": f"Bearer {key}", "Version": "v3"})

    assert client.get(f"/contacts/{ann.id}").status_code == 200
    assert client_of(project).get(f"/v1/contacts/{ann.id}").status_code == 200


def test_another_location_is_refused(hub, project, other_project):
    same = hub.post("/contacts/upsert", {**ANN, "locationId": project.id})
    other = hub.post("/contacts/upsert", {**ANN, "locationId": other_project.id})

    assert same.status_code == 200
    body = refused(other, 403)
    assert body["message"] == "The token does not have access to this location."


def test_a_strangers_contact_answers_as_an_unknown_one(hub, other_project):
    strange = make_contact(other_project, email="ann@example.com")
    before = Contact.objects.values().get()
    calls = [("get", "", None), ("put", "", {"city": "X"}), ("delete", "", None)]
    calls += [("post", "/tags", {"tags": ["x"]}), ("delete", "/tags", {"tags": ["x"]})]

    for method, end, body in calls:
        told = []
        for contact_id in (strange.id, strange.id[:-1] + "0", "nobody"):
            response = getattr(hub, method)(f"/contacts/{contact_id}{end}", body)
            told.append({**refused(response, 404), "traceId": ""})
        assert told[0] == told[1] == told[2]
    assert Contact.objects.values().get() == before
    duplicate = hub.get("/contacts/search/duplicate", {"email": "ann@example.com"})
    assert duplicate.json()["contact"] is None
    assert hub.post("/contacts/upsert", ANN).json()["new"] is True


def test_every_error_wears_the_same_shape(hub, project):
    project.allow_duplicate_contacts = False
    assert refused(hub.get("/contacts/a/b/c"), 404)["error"] == "Not Found"
    assert refused(hub.patch("/contacts/upsert", ANN), 405)["error"] == "Method Not Allowed"
    for content, status in ((b"{", 400), (b"[]", 422), (b'"x"', 422), (b'{"a": "\\u0000"}', 422)):
        response = hub.generic("POST", "/contacts/upsert", content, "application/json")
        refused(response, status)
    refused(hub.generic("POST", "/contacts/upsert", b"x", "application/xml"), 415)
    refused(hub.generic("POST", "/contacts/upsert", b" " * 2**21, "application/json"), 413)


def test_every_documented_field_comes_through_v1_and_back(hub, api):
    made = hub.post("/contacts/upsert", DOCUMENTED).json()["contact"]
    told = api.get(f"/v1/contacts/{made['id']}").json()

    stored = {"email": told["email"], "phone": told["phone"], "tags": told["tags"]}
    again = api.post("/v1/contacts", {**stored, "traits": told["traits"]})

    assert again.status_code == 200
    assert told["traits"]["city"] == "Dolomite"
    assert told["traits"]["my_custom_field"]
    shown = hub.get(f"/contacts/{made['id']}").json()["contact"]
    assert {**shown, "dateUpdated": ""} == {**made, "dateUpdated": ""}


def test_what_v1_says_of_a_person_is_seen_here(hub, api):
    body = {
        "email": "ann@example.com",
        "external_id": "user_1",
        "traits": {"name": "Ann Lee", "company": {"name": "Acme"}, "plan": "growth", "city": 7},
    }
    contact_id = api.post("/v1/contacts", body).json()["id"]

    shown = hub.get(f"/contacts/{contact_id}").json()["contact"]
    assert (shown["firstName"], shown["lastName"]) == ("Ann", "Lee")
    assert (shown["companyName"], shown["city"]) == ("Acme", "7")
    hub.put(f"/contacts/{contact_id}", {"state": "BE"})

    told = api.get(f"/v1/contacts/{contact_id}").json()
    assert told["external_id"] == "user_1"
    assert told["traits"] == {**body["traits"], "state": "BE"}
