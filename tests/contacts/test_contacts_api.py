import pytest

from contacts.models import Contact, Identity
from growth.models import DomainEvent
from tests.factories import AT, make_contact, make_event


def test_a_contact_is_made_by_its_email(api):
    response = api.post(
        "/v1/contacts", {"email": "Alice@Example.com", "traits": {"name": "Alice Chen"}}
    )

    body = response.json()
    assert response.status_code == 201, body
    assert body["created"] is True
    assert body["email"] == "Alice@example.com"
    assert body["traits"] == {"name": "Alice Chen"}
    assert body["conflicts"] == []


def test_the_same_person_is_found_by_another_spelling_of_the_email(api):
    first = api.post("/v1/contacts", {"email": "alice@example.com", "traits": {"plan": "trial"}})
    second = api.post("/v1/contacts", {"email": "ALICE@EXAMPLE.COM", "traits": {"mrr": 20}})

    assert second.status_code == 200
    assert second.json()["id"] == first.json()["id"]
    assert second.json()["traits"] == {"plan": "trial", "mrr": 20}


def test_an_email_only_contact_becomes_the_user(api):
    first = api.post("/v1/contacts", {"email": "alice@example.com"}).json()
    second = api.post(
        "/v1/contacts", {"email": "alice@example.com", "external_id": "user_1"}
    ).json()

    assert second["id"] == first["id"]
    assert second["external_id"] == "user_1"


def test_a_claim_of_another_contact_is_reported_and_not_stored(api, project):
    owner = make_contact(project, email="alice@example.com")
    other = make_contact(project, email="", external_id="user_2")

    body = api.post("/v1/contacts", {"external_id": "user_2", "email": "alice@example.com"}).json()

    assert body["id"] == other.id
    assert body["email"] is None
    assert body["conflicts"] == [
        {
            "identifier": "email",
            "value_hint": "….com",
            "contact_id": owner.id,
            "action": "ignored",
        }
    ]


def test_a_new_user_with_the_address_of_another_is_another_contact(api, project):
    owner = make_contact(project, email="alice@example.com", external_id="alice")
    body = {"external_id": "bob", "email": "alice@example.com", "traits": {"name": "Bob"}}

    made, again = (api.post("/v1/contacts", body).json() for _ in range(2))

    assert (made["created"], again["created"]) == (True, False)
    assert (made["external_id"], made["email"]) == ("bob", None)
    assert again["id"] == made["id"] != owner.id
    [conflict] = made["conflicts"]
    assert (conflict["identifier"], conflict["contact_id"]) == ("email", owner.id)
    owner.refresh_from_db()
    assert owner.traits == {}


def test_traits_over_the_limit_are_refused_and_nothing_is_stored(api, project):
    body = {"external_id": "u1", "traits": {f"a{n}": n for n in range(150)}}
    api.post("/v1/contacts", body)
    over = {"email": "u@example.com", "traits": {f"b{n}": n for n in range(150)}}

    answer = api.post("/v1/contacts", {"external_id": "u1", **over})

    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["field"] == "traits"
    assert (Contact.objects.get().email, len(Contact.objects.get().traits)) == ("", 150)


def test_a_contact_needs_an_identifier(api):
    response = api.post("/v1/contacts", {"traits": {"plan": "trial"}})

    assert response.status_code == 422
    assert response.json()["error"]["code"] == "validation_error"


def test_the_profile_shows_what_is_known(api, project):
    contact = make_contact(project, email="a@example.com", traits={"name": "A"}, tags=["vip"])
    make_event(contact, "login", at=AT, device="phone")

    body = api.get(f"/v1/contacts/{contact.id}").json()

    assert body["traits"] == {"name": "A"}
    assert body["tags"] == ["vip"]
    assert body["segments"] == []
    assert body["referral_stats"] == {"referrals_made": 0, "conversions": 0}
    assert set(body["scores"]) == {"engagement", "lead"}
    assert [event["event"] for event in body["recent_events"]] == ["login"]


def test_patch_merges_traits_and_replaces_tags(api, project):
    contact = make_contact(project, traits={"plan": "trial", "old": 1}, tags=["a"])

    response = api.patch(
        f"/v1/contacts/{contact.id}",
        {"traits": {"plan": "scale", "old": None, "size": 50}, "tags": ["b", "b", " c "]},
    )

    assert response.status_code == 200, response.json()
    assert response.json()["traits"] == {"plan": "scale", "size": 50}
    assert response.json()["tags"] == ["b", "c"]


def test_patch_refuses_what_it_does_not_know_and_names_what_it_ignores(api, project):
    contact = make_contact(project)

    unknown = api.patch(f"/v1/contacts/{contact.id}", {"trait": {}, "tag": []})
    ignored = api.patch(f"/v1/contacts/{contact.id}", {"id": "cntct_0", "tags": ["x"]})

    assert unknown.status_code == 422
    details = unknown.json()["error"]["details"]
    assert {each["field"] for each in details} == {"trait", "tag"}
    assert {each["reason"] for each in details} == {"unknown_field"}
    assert ignored.status_code == 200
    assert ignored.json()["warnings"] == ["id: This field is read-only and was ignored."]


def test_patch_changes_the_email_unless_another_has_it(api, project):
    contact = make_contact(project, email="old@example.com")
    make_contact(project, email="taken@example.com")

    moved = api.patch(f"/v1/contacts/{contact.id}", {"email": "new@example.com"})
    taken = api.patch(f"/v1/contacts/{contact.id}", {"email": "taken@example.com"})

    assert moved.status_code == 200
    assert taken.status_code == 409
    emails = Identity.objects.filter(kind="email").values_list("value", flat=True)
    assert sorted(emails) == ["new@example.com", "taken@example.com"]


def test_a_deleted_contact_is_hidden_and_its_email_is_free(api, project):
    contact = make_contact(project, email="alice@example.com")

    assert api.delete(f"/v1/contacts/{contact.id}").status_code == 204
    assert api.get(f"/v1/contacts/{contact.id}").status_code == 404
    assert api.get("/v1/contacts").json()["data"] == []
    again = api.post("/v1/contacts", {"email": "alice@example.com"})
    assert again.status_code == 201
    assert again.json()["id"] != contact.id


@pytest.mark.parametrize(
    "id", ["cntct_0000000000", "cntct_x", "seg_0000000000", "٣", "%00", "a" * 9999]
)
def test_an_id_that_is_none_is_not_found(api, id):
    response = api.get(f"/v1/contacts/{id}")

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


def test_another_projects_contact_answers_as_an_unknown_one(api, other_project):
    stranger = make_contact(other_project)
    for call in (
        api.get(f"/v1/contacts/{stranger.id}"),
        api.patch(f"/v1/contacts/{stranger.id}", {"tags": ["x"]}),
        api.delete(f"/v1/contacts/{stranger.id}"),
        api.get(f"/v1/contacts/{stranger.id}/events"),
        api.get(f"/v1/contacts/{stranger.id}/segments"),
    ):
        assert call.status_code == 404
    stranger.refresh_from_db()
    assert stranger.tags == []
    assert stranger.deleted_at is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"traits": []}, "traits"),
        ({"traits": {"": 1}}, "traits"),
        ({"traits": {"a.b": 1}}, "traits.a.b"),
        ({"traits": {"x": "y" * 70_000}}, "traits"),
        ({"traits": {str(n): n for n in range(201)}}, "traits"),
        ({"traits": {"a": {"b": {"c": {"d": {"e": {}}}}}}}, "traits"),
        ({"tags": "vip"}, "tags"),
        ({"tags": [1]}, "tags"),
        ({"tags": [""]}, "tags"),
        ({"tags": ["x" * 65]}, "tags"),
        ({"email": "a@x.com,b@x.com"}, "email"),
        ({"email": "no address"}, "email"),
        ({"email": 7}, "email"),
        ({"external_id": "x" * 256}, "external_id"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_its_field(api, project, body, field):
    contact = make_contact(project, traits={"kept": True})

    response = api.patch(f"/v1/contacts/{contact.id}", body)

    assert response.status_code == 422, response.json()
    assert response.json()["error"]["details"][0]["field"] == field
    contact.refresh_from_db()
    assert contact.traits == {"kept": True}


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b'{"email": "a\\u0000@example.com"}', 422),
        (b'{"traits": {"a\\u0000b": 1}, "email": "a@example.com"}', 422),
        (b'{"traits": {"n": 99999999999999999999}, "email": "a@example.com"}', 422),
        (b'{"traits": {"n": 1e400}, "email": "a@example.com"}', 400),
        (b'{"traits": {"n": NaN}}', 400),
        (b'{"email": "\\ud800"}', 400),
        (b"{", 400),
        (b"[]", 422),
        (b'"x"', 422),
        (b"null", 422),
        (b"[" * 100_000, 400),
        (b'{"traits":' * 255 + b"1" + b"}" * 255, 422),
        (b'{"traits": {"a": ' + b"[" * 300 + b"]" * 300 + b"}}", 422),
        (b"\xff\xfe{\x00}\x00", 400),
    ],
)
def test_hostile_json_is_refused_and_stores_nothing(api, raw, status):
    response = api.post("/v1/contacts", data=raw, content_type="application/json")

    assert response.status_code == status, response.content
    assert response.json()["error"]["message"]
    assert not Contact.objects.exists()


def test_a_body_that_is_too_large_is_refused(api):
    body = b'{"traits": {"x": "' + b"y" * 1_100_000 + b'"}}'
    response = api.post("/v1/contacts", data=body, content_type="application/json")

    assert response.status_code == 413
    assert response.json()["error"]["code"] == "payload_too_large"


def test_only_json_in_utf8_is_read(api):
    xml = api.post("/v1/contacts", data=b"<a/>", content_type="application/xml")
    utf7 = api.post("/v1/contacts", data=b"{}", content_type="application/json; charset=utf-7")

    assert xml.status_code == 415
    assert utf7.status_code == 415


def test_changes_are_told_once_each(api, project):
    contact = make_contact(project, traits={"plan": "trial"})

    api.patch(f"/v1/contacts/{contact.id}", {"traits": {"plan": "scale"}})
    api.patch(f"/v1/contacts/{contact.id}", {"traits": {"plan": "scale"}})

    told = DomainEvent.objects.filter(type="contact.updated")
    assert [event.data["changed"] for event in told] == [["traits.plan"]]


def test_all_violations_are_told_at_once(api, project):
    contact = make_contact(project)
    body = {"xx": 1, "email": "BAD", "traits": {"a.b": 1}, "tags": [7]}

    details = api.patch(f"/v1/contacts/{contact.id}", body).json()["error"]["details"]

    assert {each["field"] for each in details} == {"xx", "email", "traits.a.b", "tags"}


def test_traits_have_their_limit_over_many_calls(api, project):
    contact = make_contact(project)
    path = f"/v1/contacts/{contact.id}"

    first = api.patch(path, {"traits": {f"a{n}": n for n in range(150)}})
    second = api.patch(path, {"traits": {f"b{n}": n for n in range(150)}})

    assert first.status_code == 200
    assert second.status_code == 422
    contact.refresh_from_db()
    assert len(contact.traits) == 150


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", "nonsense"])
def test_the_answer_is_json_whatever_is_asked_for(api, accept):
    response = api.get("/v1/contacts?limit=1", HTTP_ACCEPT=accept)

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
