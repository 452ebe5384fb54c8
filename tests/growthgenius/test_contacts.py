"""Contacts of GrowthGenius: all that is documented goes in, comes out, and is one person in /v1."""

import orjson
import pytest

from contacts.dialects.growthgenius.fields import CUSTOM, KEYS
from contacts.models import Account, Contact, Identity, Segment
from growth.ids import encode
from tests.factories import make_contact
from tests.growthgenius.conftest import made, streamed

URL = "/integrations/v1/contacts"
_KEYS = """annual_revenue bad_data_reason city company_address company_city company_country
    company_linkedin_url company_name company_name_informal company_state contact_account
    contact_account_id corporate_phone country created_at custom1 custom2 custom3 custom4 custom5
    custom6 custom7 custom8 custom9 email email_confidence email_status employee_count facebook_url
    first_name first_phone full_name home_phone id industry keywords label_names last_name
    linkedin_url linkedin_username lists mobile_phone name other_phone prospect_id seo_description
    stage state status technologies title twitter_url unstructured_data updated_at
    upload_identifier user_id website work_phone"""
DOCUMENTED = _KEYS.split()
WHOLE = {
    "annual_revenue": 365_817_000_000,
    "bad_data_reason": "bounced",
    "city": "Cupertino",
    "company_address": "1 Infinite Loop",
    "company_city": "San Francisco",
    "company_country": "USA",
    "company_linkedin_url": "linkedin.com/company/apple",
    "company_name": "Apple Inc.",
    "company_name_informal": "Apple",
    "company_state": "California",
    "corporate_phone": "(408) 996-1010",
    "country": "USA",
    **{name: f"value of {name}" for name in CUSTOM},
    "email": "sjobs@apple.com",
    "email_confidence": 100,
    "email_status": "verified",
    "employee_count": "10,000+",
    "facebook_url": "facebook.com/sjobs",
    "first_name": "Steve",
    "first_phone": "+14155550132",
    "full_name": "Steven Paul Jobs",
    "home_phone": "home 1",
    "industry": "Computers",
    "keywords": "design, fonts, ↵↵ “quotes”",
    "label_names": ["vip", "founder"],
    "last_name": "Jobs",
    "linkedin_url": "linkedin.com/in/steve-jobs-92824584",
    "linkedin_username": "steve-jobs-92824584",
    "lists": ["Investors", "Press"],
    "mobile_phone": "+14155550133",
    "name": "Steve Jobs",
    "other_phone": "other 2",
    "prospect_id": 236811124,
    "seo_description": "Stay hungry",
    "stage": "Interested",
    "state": "CA",
    "status": "Ongoing",
    "technologies": "AppleScript, Objective-C",
    "title": "CEO",
    "twitter_url": "twitter.com/sjobs",
    "unstructured_data": {"born": 1955, "colleges": ["Reed"]},
    "upload_identifier": "upload-7",
    "website": "apple.com",
    "work_phone": "+14089961010",
}


def test_a_contact_has_the_documented_keys_and_no_other(genius, member):
    assert len(DOCUMENTED) == len(KEYS) == 58
    assert list(made(genius)) == DOCUMENTED == sorted(DOCUMENTED)


def test_every_field_goes_in_and_comes_out(genius, member):
    contact = made(genius, **WHOLE, user_id=member.user.pk)

    assert {name: contact[name] for name in WHOLE} == WHOLE
    account = Account.objects.get(name="Apple Inc.")
    assert contact["contact_account_id"] == account.key
    assert contact["contact_account"] == {"id": account.key, "status": "cold"}
    assert contact["user_id"] == member.user.pk
    assert isinstance(contact["id"], int)
    assert genius.get(f"{URL}/{contact['id']}").json() == {"contact": contact}


@pytest.mark.parametrize("form", ["wrapped", "flat"])
@pytest.mark.parametrize("name", sorted(WHOLE))
def test_each_field_alone_goes_in_and_out_by_create_and_by_update(genius, member, name, form):
    body = {name: WHOLE[name]}
    sent = {"contact": body} if form == "wrapped" else body
    created = genius.post(URL, sent)
    assert created.status_code == 201, created.json()
    assert created.json()["contact"][name] == WHOLE[name]
    other = made(genius, first_name="Other")

    method = genius.patch if form == "wrapped" else genius.post
    changed = method(f"{URL}/{other['id']}", sent)

    assert changed.status_code == 200, changed.json()
    assert changed.json()["contact"][name] == WHOLE[name]


def test_what_was_read_can_be_sent_back_and_changes_nothing(genius, member):
    contact = made(genius, **WHOLE)

    answer = genius.patch(f"{URL}/{contact['id']}", {"contact": contact}).json()

    assert answer.pop("warnings") == [
        f"{name}: This field is read-only and was ignored."
        for name in contact if name in ("id", "created_at", "updated_at")
    ]  # fmt: skip
    assert answer == {"contact": contact}


def test_it_is_the_same_person_in_v1_with_nothing_lost_there_and_back(genius, api, member):
    contact = made(genius, **WHOLE)
    public = encode("cntct", contact["id"])

    profile = api.get(f"/v1/contacts/{public}").json()

    assert profile["email"] == "sjobs@apple.com"
    assert profile["phone"] == "+14155550132"
    assert profile["tags"] == ["vip", "founder"]
    assert len(profile["segments"]) == 2
    own = {"email", "first_phone", "label_names", "lists"}
    assert {**{name: WHOLE[name] for name in WHOLE if name not in own},
            "contact_account_id": contact["contact_account_id"],
            "user_id": member.user.pk} == profile["traits"]  # fmt: skip
    sent = {"traits": profile["traits"], "tags": profile["tags"], "email": profile["email"]}
    assert api.patch(f"/v1/contacts/{public}", sent).status_code == 200
    api.patch(f"/v1/contacts/{public}", {"traits": {"plan": "growth"}})
    genius.patch(f"{URL}/{contact['id']}", {"city": "Palo Alto"})

    after = genius.get(f"{URL}/{contact['id']}").json()["contact"]
    assert {**after, "updated_at": 0} == {**contact, "city": "Palo Alto", "updated_at": 0}
    traits = api.get(f"/v1/contacts/{public}").json()["traits"]
    assert traits == profile["traits"] | {"plan": "growth", "city": "Palo Alto"}


def test_a_person_of_v1_is_shown_with_what_is_known(genius, api, member):
    made_there = api.post(
        "/v1/contacts",
        {"email": "ada@example.com", "phone": "+14155550199", "tags": ["a"],
         "traits": {"name": "Ada King Lovelace", "company": "Engines", "plan": "trial"}},
    ).json()  # fmt: skip
    [contact] = streamed(genius, URL)

    assert contact["email"] == made_there["email"]
    assert (contact["first_name"], contact["last_name"]) == ("Ada", "King Lovelace")
    assert contact["name"] == contact["full_name"] == "Ada King Lovelace"
    assert contact["company_name"] == "Engines"
    assert contact["first_phone"] == "+14155550199"
    assert contact["label_names"] == ["a"]
    assert contact["user_id"] is None
    assert genius.get(f"{URL}/{made_there['id']}").json() == {"contact": contact}

    genius.patch(f"{URL}/{contact['id']}", {"last_name": "Byron"})

    traits = api.get(f"/v1/contacts/{made_there['id']}").json()["traits"]
    assert traits["name"] == "Ada Byron"
    assert traits["plan"] == "trial"


@pytest.mark.parametrize(
    ("alias", "name"),
    [("organization_name", "company_name"), ("account_name", "company_name"),
     ("website_url", "website")],
)  # fmt: skip
def test_the_older_names_are_understood(genius, member, alias, name):
    contact = made(genius, **{alias: "Tesla", "first_name": "Elon"})

    assert contact[name] == "Tesla"
    assert alias not in contact


def test_creating_never_deduplicates_and_the_second_is_a_known_duplicate(genius, member, project):
    one, other = (made(genius, email="elon@tesla.com", company_name="Tesla") for _ in range(2))

    assert one["id"] != other["id"]
    assert one["email"] == other["email"] == "elon@tesla.com"
    assert one["contact_account_id"] == other["contact_account_id"]
    [claim] = Identity.objects.filter(project=project)
    assert claim.contact.key == one["id"]
    alike = Contact.objects.in_project(project).alike("email_key")
    assert {contact.key for contact in alike} == {one["id"], other["id"]}


def test_a_duplicate_can_be_updated_and_may_become_one(genius, member):
    one = made(genius, email="one@example.com")
    two = made(genius, email="two@example.com", first_phone="+14155550111")

    for _ in range(2):
        body = {"email": "one@example.com", "title": "CTO"}
        answer = genius.patch(f"{URL}/{two['id']}", body)
        assert answer.status_code == 200, answer.json()
        assert answer.json()["contact"]["email"] == "one@example.com"
    owner = Identity.objects.get(kind="email")
    assert (owner.value, owner.contact.key) == ("one@example.com", one["id"])


def test_null_takes_away(genius, member):
    contact = made(genius, **WHOLE)

    names = [name for name in WHOLE if name != "contact_account_id"]
    emptied = genius.patch(f"{URL}/{contact['id']}", {"contact": dict.fromkeys(names)}).json()

    assert {name for name, value in emptied["contact"].items() if value is not None} == {
        "id", "created_at", "updated_at", "user_id"
    }  # fmt: skip
    stored = Contact.objects.get(pk=contact["id"])
    assert (stored.email, stored.phone, stored.tags) == ("", "", [])
    assert not Identity.objects.exists()


def test_deleting_answers_with_the_contact_and_then_it_is_gone(genius, member):
    contact = made(genius, **WHOLE)
    url = f"{URL}/{contact['id']}"

    deleted = genius.delete(url)

    assert (deleted.status_code, deleted.json()) == (200, {"contact": contact})
    for method in (genius.get, genius.patch, genius.delete):
        assert method(url).status_code == 404
    assert streamed(genius, URL) == []


def test_an_account_is_named_by_our_number_or_by_an_id_of_the_customers(genius, member, project):
    first = made(genius, account_name="Tesla", account_id="583f2f7ed9ced98ab5bfXXXX")
    account = Account.objects.get()
    assert (account.name, account.external_id) == ("Tesla", "583f2f7ed9ced98ab5bfXXXX")
    ours = account.key
    for named in (ours, str(ours), "583f2f7ed9ced98ab5bfXXXX", account.id):
        contact = made(genius, account_id=named)
        assert contact["contact_account_id"] == ours == first["contact_account_id"]
        assert contact["company_name"] == "Tesla"

    answer = genius.patch(f"{URL}/{first['id']}", {"contact_account": {"status": "warm"},
                                                   "contact_account_id": ours}).json()  # fmt: skip
    assert answer["contact"]["contact_account"] == {"id": ours, "status": "warm"}
    moved = genius.patch(f"{URL}/{first['id']}", {"company_name": " space  X"}).json()["contact"]
    assert moved["contact_account_id"] != ours
    assert made(genius, company_name="SPACE x")["contact_account_id"] == moved["contact_account_id"]
    assert Account.objects.count() == 2


def test_lists_are_static_segments(genius, api, member, project):
    contact = made(genius, lists=["A", "B"])
    assert genius.patch(f"{URL}/{contact['id']}", {"lists": "B, C"}).json()["contact"]["lists"] == [
        "B",
        "C",
    ]
    assert made(genius, lists=["C"])["lists"] == ["C"]

    segments = {each["name"]: each for each in api.get("/v1/segments").json()["data"]}
    assert {name: each["contact_count"] for name, each in segments.items()} == {
        "A": 0,
        "B": 1,
        "C": 2,
    }
    assert set(Segment.objects.values_list("type", flat=True)) == {"static"}


def test_a_number_of_any_kind_is_the_phone_that_v1_knows(genius, member):
    contact = made(genius, mobile_phone="+1 415 555 0133", work_phone="NaN")

    assert contact["mobile_phone"] == "+1 415 555 0133"
    assert contact["work_phone"] is None
    assert contact["first_phone"] == "+14155550133"
    assert Identity.objects.get(kind="phone").value == "+14155550133"
    assert made(genius, mobile_phone="+14155550144", first_phone=None)["first_phone"] is None


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_stored(genius, member):
    body = {
        "email": "no address",
        "first_name": {"a": 1},
        "city": [{"a": 1}],
        "mobile_phone": True,
        "label_names": [1],
        "lists": {"a": 1},
        "user_id": 999_999,
        "contact_account": "x",
        "contact_account_id": 999_999,
        "stage": "x" * 101,
        "made_up": 1,
    }

    for answer in (genius.post(URL, body), genius.post(URL, {"contact": body})):
        assert answer.status_code == 422
        details = answer.json()["error"]["details"]
        assert {each["field"] for each in details} == body.keys() - {"made_up"}
    assert not Contact.objects.exists()
    assert not Account.objects.exists()


def test_unknown_properties_are_ignored_and_named(genius, member):
    answer = genius.post(URL, {"contact": {"first_name": "A", "shoe_size": 42, "id": 7}})

    assert answer.status_code == 201
    assert answer.json()["warnings"] == [
        "shoe_size: There is no such field; it was ignored.",
        "id: This field is read-only and was ignored.",
    ]
    assert not Contact.objects.filter(pk=7).exists()


@pytest.mark.parametrize("body", ["[]", '"x"', "7", "null", '{"contact": 7}', '{"contact": []}'])
@pytest.mark.parametrize("place", [URL, f"{URL}/search", "/integrations/v1/messages"])
def test_what_is_no_object_is_refused(genius, member, body, place):
    answer = genius.generic("POST", place, body, content_type="application/json")

    if place != URL and "contact" in body:
        assert answer.status_code < 500
    else:
        assert answer.status_code in (401, 422), answer.content
        assert set(answer.json()) == {"error", "request_id"}


@pytest.mark.parametrize(
    "id",
    ["0", "-1", "x", "1.0", "٣", "99999999999999999999", "9223372036854775807", "cntct_x", "%00"],
)
def test_what_is_no_id_is_unknown(genius, member, id):
    assert genius.get(f"{URL}/{id}").status_code == 404


def test_a_strangers_contact_account_stage_and_user_are_unknown(genius, api, member, other_project):
    theirs = make_contact(other_project, traits={"stage": "Cold"})
    account = Account.objects.create(
        project=other_project, name="X", name_key="x", created_at=theirs.created_at
    )
    for method in (genius.get, genius.delete, genius.patch):
        assert method(f"{URL}/{theirs.key}").status_code == 404
    assert streamed(genius, URL) == []
    assert genius.post(URL, {"account_id": account.key}).status_code == 422
    assert genius.get("/integrations/v1/contact_stages").json() == {"contact_stages": []}
    api.post("/v1/contacts", {"external_id": "u", "traits": {"contact_account_id": account.key}})
    [contact] = streamed(genius, URL)
    assert contact["contact_account"] is None


def test_a_key_of_traits_of_any_kind_does_not_break_the_page(genius, api, member):
    odd = {name: {"a": [1]} for name in ("name", "first_name", "company", "linkedin_url", "stage")}
    odd |= {"contact_account_id": [2**60], "user_id": {"x": 1}}
    api.post("/v1/contacts", {"external_id": "odd", "traits": odd})
    api.post("/v1/contacts", {"external_id": "2", "traits": {"contact_account_id": 2**62}})

    assert len(streamed(genius, URL)) == 2
    assert genius.get(f"{URL}?q_keywords=odd").status_code == 200
    assert genius.get("/integrations/v1/contact_stages").status_code == 200
    assert orjson.dumps(odd)
