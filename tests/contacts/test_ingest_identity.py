"""Who a call of the ingest API means, and what of it is not stored."""

import pytest

from contacts.models import Contact, Event, EventReceipt, Identity
from contacts.models.traits import MAX_TRAITS
from contacts.operations import resolving
from growth.models import DomainEvent
from tests.factories import make_contact

IGNORED_EMAIL = [{"identifier": "email", "action": "ignored"}]
IGNORED_DEVICE = [{"identifier": "anonymous_id", "action": "ignored"}]


def identify(ingest, **call):
    """Return the answer without its request_id."""
    response = ingest.post("/v1/identify", call)
    assert response.status_code == 202, response.json()
    return {name: each for name, each in response.json().items() if name != "request_id"}


def test_identify_merges_traits_and_null_removes_one(ingest, project):
    ingest.post(
        "/v1/identify",
        {"userId": "u1", "traits": {"email": "A@example.com", "plan": "trial", "old": 1}},
    )
    ingest.post("/v1/identify", {"user_id": "u1", "traits": {"plan": "scale", "old": None}})

    contact = Contact.objects.get()
    assert contact.email == "A@example.com"
    assert contact.email_key == "a@example.com"
    assert contact.traits == {"plan": "scale"}


def test_what_an_anonymous_visitor_did_belongs_to_the_person_it_turns_out_to_be(ingest, project):
    ingest.post("/v1/track", {"anonymousId": "a1", "event": "page_view"})
    visitor = Contact.objects.get()
    ingest.post("/v1/identify", {"userId": "u1", "traits": {"email": "u1@example.com"}})
    known = Contact.objects.get(external_id="u1")

    ingest.post("/v1/track", {"userId": "u1", "anonymousId": "a1", "event": "login"})

    assert set(Event.objects.values_list("contact_id", flat=True)) == {known.id}
    visitor.refresh_from_db()
    assert visitor.merged_into_id == known.id
    assert Identity.objects.get(value="a1").contact_id == known.id


def test_an_anonymous_visitor_who_identifies_stays_one_contact(ingest, project):
    ingest.post("/v1/track", {"anonymousId": "a1", "event": "page_view"})
    ingest.post("/v1/alias", {"previousId": "a1", "userId": "u1"})
    ingest.post("/v1/track", {"anonymousId": "a1", "event": "login"})

    contact = Contact.objects.get()
    assert contact.external_id == "u1"
    assert contact.events.count() == 2


def test_a_write_key_gives_nobody_the_identity_of_another(ingest, project):
    owner = make_contact(project, email="alice@example.com", external_id="alice")

    ingest.post("/v1/identify", {"userId": "mallory", "traits": {"email": "mallory@example.com"}})
    ingest.post("/v1/identify", {"userId": "mallory", "traits": {"email": "alice@example.com"}})
    ingest.post("/v1/identify", {"userId": "alice", "traits": {"email": "evil@example.com"}})

    owner.refresh_from_db()
    assert owner.email == "alice@example.com"
    mallory = Contact.objects.get(external_id="mallory")
    assert mallory.email == "mallory@example.com"


def test_a_phone_that_is_only_text_gives_way_to_a_number(api, project):
    api.post("/v1/contacts", {"external_id": "u1", "phone": "call me"})
    body = api.post("/v1/contacts", {"external_id": "u1", "phone": "+1 415 555 2671"}).json()

    assert body["phone"] == "+14155552671"
    assert body["conflicts"] == []


def test_a_call_that_is_stored_whole_is_answered_as_documented(ingest, project):
    assert identify(ingest, userId="u1", traits={"email": "u1@example.com"}) == {"success": True}


def test_a_new_user_with_the_address_of_another_is_another_person(ingest, project):
    alice = make_contact(project, email="alice@example.com", external_id="alice")
    traits = {"email": "Alice@example.com", "name": "Mallory"}

    answers = [identify(ingest, userId="mallory", traits=traits) for _ in range(2)]

    assert answers == [{"success": True, "conflicts": IGNORED_EMAIL}] * 2
    alice.refresh_from_db()
    assert alice.traits == {}
    mallory = Contact.objects.get(external_id="mallory")
    assert (mallory.email, mallory.email_key) == ("", "")
    assert mallory.traits == {"name": "Mallory"}
    assert Identity.objects.get(kind="email").contact_id == alice.id


def test_a_new_user_on_a_known_users_device_is_another_person(ingest, project):
    identify(ingest, userId="one", anonymousId="device")

    answer = identify(ingest, userId="two", anonymousId="device", traits={"name": "Two"})

    assert answer == {"success": True, "conflicts": IGNORED_DEVICE}
    one, two = (Contact.objects.get(external_id=id) for id in ("one", "two"))
    assert (one.traits, two.traits) == ({}, {"name": "Two"})
    assert Identity.objects.get(value="device").contact_id == one.id


def test_an_address_told_on_somebody_elses_device_is_another_persons(ingest, project):
    identify(ingest, anonymousId="device", traits={"email": "one@example.com"})

    answer = identify(ingest, anonymousId="device", traits={"email": "two@example.com", "n": 2})

    assert answer["conflicts"] == IGNORED_DEVICE
    assert Contact.objects.get(email_key="one@example.com").traits == {}
    assert Contact.objects.get(email_key="two@example.com").traits == {"n": 2}


@pytest.mark.parametrize("known", [{"email": "a@example.com"}, {"phone": "+14155552671"}])
def test_a_contact_without_an_external_id_becomes_the_user(ingest, project, known):
    contact = make_contact(project, **{"email": "", **known})

    assert identify(ingest, userId="u1", traits=known) == {"success": True}

    contact.refresh_from_db()
    assert contact.external_id == "u1"


def test_a_users_own_other_id_is_no_other_user(ingest, project):
    identify(ingest, userId="new", traits={"email": "a@example.com"})
    ingest.post("/v1/alias", {"previousId": "old", "userId": "new"})

    assert identify(ingest, userId="old", traits={"email": "a@example.com"}) == {"success": True}
    assert Contact.objects.get().external_id == "new"


def test_in_one_batch_the_rule_is_the_same(ingest, project):
    batch = [
        {"type": "identify", "userId": "one", "anonymousId": "d", "traits": {"email": "a@x.com"}},
        {"type": "identify", "userId": "two", "anonymousId": "d", "traits": {"email": "a@x.com"}},
        {"type": "track", "userId": "two", "event": "login"},
        {"type": "identify", "anonymousId": "d", "traits": {"n": 1}},
    ]

    items = ingest.post("/v1/batch", {"batch": batch}).json()["items"]

    assert items[1]["conflicts"] == IGNORED_EMAIL + IGNORED_DEVICE
    assert all(item.keys() == {"index", "status", "success"} for item in (items[0], *items[2:]))
    assert Contact.objects.get(external_id="one").traits == {"n": 1}
    assert Event.objects.get().contact.external_id == "two"


def test_a_change_of_address_is_refused_by_its_kind_alone(ingest, project):
    make_contact(project, email="a@example.com", external_id="a", phone="+14155552671")

    answer = identify(
        ingest, userId="a", traits={"email": "b@example.com", "phone": "call me", "n": 1}
    )

    kinds = [each["identifier"] for each in answer["conflicts"]]
    assert kinds == ["email", "phone"]
    assert all(each.keys() == {"identifier", "action"} for each in answer["conflicts"])


def test_what_is_not_heeded_is_named(ingest, project):
    answer = identify(ingest, userId="a", traits={"email": None}, timestamp="2999-01-01T00:00:00Z")

    assert [warning.split(":")[0] for warning in answer["warnings"]] == [
        "timestamp",
        "traits.email",
    ]


@pytest.mark.parametrize(
    "id",
    ["null", "NULL", " undefined ", "anonymous", "0", "-1", "[object Object]", "none", "guest"]
    + ["unknown", "00000000-0000-0000-0000-000000000000", "000", "-", '"null"', 0, "NaN", "true"],
)
def test_an_id_that_is_nobodys_own_names_nobody(api, ingest, project, id):
    calls = [
        {"type": "track", "event": "login", "userId": id},
        {"type": "track", "event": "login", "anonymousId": id},
        {"type": "alias", "userId": id, "previousId": "p"},
        {"type": "alias", "userId": "u", "previousId": id},
        {"type": "track", "event": "login", "userId": id, "anonymousId": "a1"},
        {"type": "track", "event": "login", "userId": "u1", "anonymousId": id},
    ]

    items = ingest.post("/v1/batch", {"batch": calls}).json()["items"]
    by_id = api.post("/v1/contacts", {"external_id": str(id), "email": "a@example.com"})

    fields = [item["error"]["details"][0]["field"] for item in items[:4]]
    assert fields == ["user_id", "anonymous_id", "user_id", "previous_id"]
    assert {item["error"]["details"][0]["reason"] for item in items[:4]} == {"blocked"}
    assert [item["warnings"][0].split(":")[0] for item in items[4:]] == ["user_id", "anonymous_id"]
    assert by_id.status_code == 422
    assert by_id.json()["error"]["details"][0]["field"] == "external_id"
    claims = Identity.objects.values_list("kind", "value")
    assert sorted(claims) == [("anonymous_id", "a1"), ("external_id", "u1")]
    assert Event.objects.count() == 2


@pytest.mark.parametrize("id", ["user", "10", "a-0", "nullius", "-2", "0a"])
def test_an_id_that_only_looks_alike_is_somebodys(ingest, project, id):
    identify(ingest, userId=id)

    assert Contact.objects.get().external_id == id


def test_an_id_that_many_devices_share_gathers_only_so_many(ingest, project, monkeypatch):
    monkeypatch.setattr(resolving, "MAX_ANONYMOUS_IDS", 3)
    calls = [{"type": "identify", "userId": "shop", "anonymousId": f"d{n}"} for n in range(5)]

    items = ingest.post("/v1/batch", {"batch": calls}).json()["items"]
    ingest.post("/v1/track", {"anonymousId": "late", "event": "seen"})
    late = identify(ingest, userId="shop", anonymousId="late")
    known = identify(ingest, userId="shop", anonymousId="d1")

    assert [item.get("conflicts", []) for item in items] == [[], [], []] + [IGNORED_DEVICE] * 2
    assert late["conflicts"] == IGNORED_DEVICE
    assert known == {"success": True}
    assert Contact.objects.get(external_id="shop").identities.count() == 4
    assert Event.objects.get().contact.external_id == ""


def test_traits_have_their_limit_over_many_calls(ingest, project):
    def call(letter, **more):
        return {"userId": "u1", "traits": {f"{letter}{n}": n for n in range(150)}, **more}

    identify(ingest, **call("a"))
    told = DomainEvent.objects.count()
    single = ingest.post("/v1/identify", call("b", messageId="m1"))
    batch = [
        {"type": "identify", **call("b", messageId="m2")},
        {"type": "identify", **call("b", messageId="m2")},
        {"type": "track", "userId": "u1", "event": "login", "messageId": "m3"},
        {"type": "identify", "userId": "u1", "traits": {"a0": None, "c": 1}},
    ]
    items = ingest.post("/v1/batch", {"batch": batch}).json()["items"]

    assert single.status_code == 422
    assert single.json()["error"]["details"][0]["field"] == "traits"
    assert [item["status"] for item in items] == [422, 422, 202, 202]
    contact = Contact.objects.get()
    assert len(contact.traits) == 150
    assert {"c", "a1"} < set(contact.traits)
    assert list(EventReceipt.objects.values_list("message_id", flat=True)) == ["m3"]
    assert DomainEvent.objects.count() > told


def test_traits_have_their_size_over_many_calls(ingest, project):
    def call(name):
        return {"userId": "u1", "traits": {name: "x" * 40_000}}

    first = ingest.post("/v1/identify", call("a"))
    second = ingest.post("/v1/identify", call("b"))
    again = ingest.post("/v1/identify", call("a"))

    assert [each.status_code for each in (first, second, again)] == [202, 422, 202]
    assert list(Contact.objects.get().traits) == ["a"]


def test_a_visitor_brings_no_more_traits_than_there_is_room_for(ingest, project):
    identify(ingest, anonymousId="a1", traits={f"v{n}": n for n in range(150)})
    identify(ingest, userId="u1", traits={f"u{n}": n for n in range(150)})

    answer = identify(ingest, userId="u1", anonymousId="a1")

    assert answer["warnings"] == [
        "traits: There is no room for 100 of those the visitor had told.",
    ]
    traits = Contact.objects.get(external_id="u1").traits
    assert len(traits) == MAX_TRAITS
    assert {f"u{n}" for n in range(150)} < set(traits)
