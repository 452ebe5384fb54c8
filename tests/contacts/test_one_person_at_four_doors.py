"""One person is the same at ``/v1`` and in each of the three dialects: what one door wrote the
others show by their names, and nothing is lost when they write back what they read.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import pytest
from rest_framework.response import Response
from rest_framework.test import APIClient

from contacts.dialects.growthgenius.fields import CUSTOM, KEYS
from contacts.dialects.growthhub.serializers import ContactSerializer
from contacts.models import Contact, Suppression
from growth.models import ApiKey, Member, Project, User
from tests.conftest import client_with
from tests.contacts.growthhub_calls import client_of
from tests.contacts.test_crm import JOHN, crm_of

Fields = dict[str, Any]

GENIUS: Fields = {
    **{name: f"a {name}" for name in KEYS if name not in ("id", "created_at", "updated_at")},
    "email": "ann@example.com",
    "first_phone": "+4930901820",
    "name": "Ann Marie Lee",
    "first_name": "Ann",
    "last_name": "Lee",
    "full_name": "Ann Marie Lee of Ely",
    "label_names": ["vip", "Beta"],
    "lists": ["Trial users"],
    "annual_revenue": 12.5,
    "employee_count": 50,
    "keywords": ["one", "two"],
    "technologies": ["sql"],
    "unstructured_data": {"deep": [{"er": 1}]},
    "country": "United States",
    "custom2": 7,
    "custom3": True,
    "mobile_phone": "+4930901821",
}
HUB: Fields = {
    "firstName": "Ann",
    "lastName": "Lee",
    "name": "Ann Marie Lee",
    "email": "ann@example.com",
    "phone": "+4930901820",
    "address1": "3535 1st St N",
    "city": "Dolomite",
    "state": "AL",
    "postalCode": "35061",
    "website": "https://www.example.com",
    "timezone": "America/Chihuahua",
    "dnd": True,
    "dndSettings": {"SMS": {"status": "active", "message": "no", "code": "7"}},
    "inboundDndSettings": {"all": {"status": "active", "message": "no"}},
    "tags": ["vip", "Beta"],
    "customFields": [
        {"id": "f1", "value": ["test", {"deep": 1}]},
        {"id": "custom1", "key": "custom1", "value": "a custom1"},
    ],
    "source": "public api",
    "dateOfBirth": "1990-09-25",
    "country": "US",
    "companyName": "DGS VolMAX",
    "assignedTo": "y0BeYjuRIlDwsDcOHOJo",
    "attributionSource": {"url": "https://example.com", "msclickid": "x"},
    "lastAttributionSource": {"medium": "mail"},
    "gender": "female",
}
CRM: Fields = {**JOHN, "name": "John P. Doe", "phone": "+12025550123"}
V1: Fields = {
    "email": "ann@example.com",
    "phone": "+4930901820",
    "external_id": "u-1",
    "tags": ["vip", "Beta"],
    "first_name": "Ann",
    "last_name": "Lee",
    "name": "Ann Marie Lee",
    "company": {"name": "Acme", "employees": 5},
    "plan": "scale",
    "deep": {"list": [1, None, {"a": 1.5}]},
    "title": "CEO",
    "country": "Deutschland",
    "timezone": "Mars/Olympus",
    "date_of_birth": "in spring",
    "website": "example.com",
    "notes": "x" * 5_000,
    "source": "import",
}
_BESIDE = ("email", "phone", "external_id", "tags")


class Door(NamedTuple):
    """How a person is made, read and changed; ``read`` returns only what ``change`` takes."""

    make: Callable[[Fields], None]
    read: Callable[[], Fields]
    change: Callable[[Fields], None]


def done(response: Response) -> Any:
    assert response.status_code in (200, 201), response.content
    answer = response.json()
    assert "warnings" not in answer
    return answer


def v1_door(project: Project) -> Door:
    api = client_with(project, scopes=["*"])

    def body(fields: Fields) -> Fields:
        beside = {name: fields[name] for name in _BESIDE if name in fields}
        return beside | {"traits": {n: v for n, v in fields.items() if n not in _BESIDE}}

    def read() -> Fields:
        contact = done(api.get(f"/v1/contacts/{Contact.objects.get().id}"))
        return {name: contact[name] for name in _BESIDE} | contact["traits"]

    def change(fields: Fields) -> None:
        done(api.patch(f"/v1/contacts/{Contact.objects.get().id}", body(fields)))

    return Door(lambda fields: done(api.post("/v1/contacts", body(fields))), read, change)


def genius_door(project: Project) -> Door:
    user = User.objects.create_user("steve", is_staff=True)
    Member.objects.create(project=project, user=user, integrations_enabled=True)
    _, key = ApiKey.objects.issue(project, name="genius", type="secret", scopes=["*"])
    api = APIClient(HTTP_AUTHORIZATION=key)
    api.default_format = "json"
    url = "/integrations/v1/contacts"

    def read() -> Fields:
        contact = done(api.get(f"{url}/{Contact.objects.get().key}"))["contact"]
        return {name: contact[name] for name in GENIUS}

    def change(fields: Fields) -> None:
        done(api.patch(f"{url}/{Contact.objects.get().key}", {"contact": fields}))

    def make(fields: Fields) -> None:
        own = {"user_id": user.pk, "contact_account": {"id": "ac-1", "status": "warm"}}
        own["contact_account_id"] = "ac-1"
        done(api.post(url, {"contact": {n: own.get(n, value) for n, value in fields.items()}}))

    return Door(make, read, change)


def hub_door(project: Project) -> Door:
    hub = client_of(project)
    writable = ContactSerializer().fields

    def read() -> Fields:
        contact = done(hub.get(f"/contacts/{Contact.objects.get().id}"))["contact"]
        return {name: contact[name] for name in writable}

    def change(fields: Fields) -> None:
        done(hub.put(f"/contacts/{Contact.objects.get().id}", fields))

    return Door(lambda fields: done(hub.post("/contacts/upsert", fields)), read, change)


def crm_door(project: Project) -> Door:
    crm = crm_of(project)

    def read() -> Fields:
        email = Contact.objects.get().email
        found = done(crm.get("/crm/contacts", {"searchby": "email", "search": email}))
        return {name: found["contacts"][0][name] for name in CRM}

    def change(fields: Fields) -> None:
        key = f"{Contact.objects.get().key:020}"
        done(crm.post("/crm/contacts/edit", {"contactID": key, "updateFields": fields}))

    return Door(lambda fields: done(crm.post("/crm/contacts", fields)), read, change)


@pytest.fixture
def doors(project) -> dict[str, Door]:
    ways = {"v1": v1_door, "genius": genius_door, "hub": hub_door, "crm": crm_door}
    return {name: way(project) for name, way in ways.items()}


PEOPLE = {"v1": V1, "genius": GENIUS, "hub": HUB, "crm": CRM}
SAME = [
    {"v1": "email", "genius": "email", "hub": "email", "crm": "email"},
    {"v1": "phone", "genius": "first_phone", "hub": "phone", "crm": "phone"},
    {"v1": "first_name", "genius": "first_name", "hub": "firstName", "crm": "first_name"},
    {"v1": "last_name", "genius": "last_name", "hub": "lastName", "crm": "last_name"},
    {"v1": "name", "genius": "name", "hub": "name", "crm": "name"},
    {"v1": "company_name", "genius": "company_name", "hub": "companyName", "crm": "company"},
    {"v1": "title", "genius": "title", "crm": "job_title"},
    {"v1": "tags", "genius": "label_names", "hub": "tags"},
    {"v1": "source", "hub": "source"},
    {"v1": "notes", "crm": "notes"},
    *({"v1": name, "genius": name, "hub": name} for name in ("city", "state", "website")),
    {"v1": "country", "genius": "country", "hub": "country"},
    {"v1": "address1", "hub": "address1"},
    {"v1": "postal_code", "hub": "postalCode"},
    {"v1": "timezone", "hub": "timezone"},
    {"v1": "date_of_birth", "hub": "dateOfBirth"},
    {"v1": "assigned_to", "hub": "assignedTo"},
    {"v1": "dnd", "hub": "dnd"},
    *({"v1": name, "genius": name} for name in GENIUS if name in (*CUSTOM, "stage", "industry")),
]
"""What each door calls the same thing."""


def assert_same(shown: dict[str, Fields]) -> None:
    """Assert that all doors show the same person."""
    for names in SAME:
        told = {door: shown[door].get(name) or None for door, name in names.items()}
        if names["v1"] == "company_name" and isinstance(shown["v1"].get("company"), dict):
            told["v1"] = told["v1"] or shown["v1"]["company"]["name"]
        first, *others = told.values()
        assert all(other == first for other in others), told


def read_all(doors: dict[str, Door]) -> dict[str, Fields]:
    return {name: door.read() for name, door in doors.items()}


SHAPED = (
    "lists",
    "contact_account",
    "contact_account_id",
    "user_id",
    "customFields",
    "dndSettings",
)
"""Fields that are shown in another shape than they are said, or made of what was said."""


def assert_kept(before: Contact) -> None:
    """Assert that the contact has all that it had; what was read may have made it more."""
    contact = Contact.objects.get()
    traits = before.traits | {"dnd_settings": contact.traits.get("dnd_settings")}
    assert traits.items() <= (contact.traits | {"dnd_settings": traits["dnd_settings"]}).items()
    for name in ("email", "phone", "external_id", "tags", "created_at"):
        assert getattr(contact, name) == getattr(before, name)


def write_back(doors: dict[str, Door]) -> None:
    """Let each door send what it read; assert that all go on to show the same."""
    doors["genius"].change(doors["genius"].read())  # Its company has an account from now on.
    doors["hub"].change(doors["hub"].read())  # The mail channel is said in words from now on.
    shown, before = read_all(doors), Contact.objects.get()
    for door in doors.values():
        door.change(door.read())
        for name, fields in read_all(doors).items():
            kept = {each: fields.get(each) for each in shown[name]}
            assert kept == shown[name]
        assert_kept(before)


@pytest.mark.parametrize("maker", PEOPLE)
def test_nothing_is_lost_on_the_way_there_and_back(doors, maker):
    doors[maker].make(PEOPLE[maker])

    shown = read_all(doors)

    plain = {name: said for name, said in PEOPLE[maker].items() if name not in SHAPED}
    assert plain.items() <= (shown[maker] | {"gender": plain.get("gender")}).items()
    assert_same(shown)
    write_back(doors)


def other(name: str, value: Any) -> Any:
    """Return another value of the same kind."""
    known = {
        "email": "other@example.com",
        "country": "DE",
        "timezone": "Europe/Berlin",
        "dateOfBirth": "1991-01-02",
        **dict.fromkeys(("phone", "first_phone"), "+4930901899"),
    }
    if name in known or isinstance(value, str):
        return known.get(name, f"another {name}")
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int | float) else value


@pytest.mark.parametrize("maker", PEOPLE)
def test_each_field_that_one_door_changes_is_changed_at_all(doors, maker):
    doors[maker].make(PEOPLE[maker])

    for name, said in PEOPLE[maker].items():
        if name not in SHAPED and name not in ("gender", "company"):
            doors[maker].change({name: other(name, said)})
            shown = read_all(doors)
            assert shown[maker][name] == other(name, said)
            assert_same(shown)
    write_back(doors)


def test_a_field_of_the_customers_own_is_one_field(doors):
    doors["genius"].make({"email": "ann@example.com", "custom1": "a", "custom2": [1, 2]})
    fields = doors["hub"].read()["customFields"]
    assert {"id": "custom1", "value": "a"} in fields
    assert {"id": "custom2", "value": [1, 2]} in fields

    sent = [{"id": "custom1", "value": "b"}, {"key": "custom9", "field_value": "new"}]
    doors["hub"].change({"customFields": sent})

    genius = doors["genius"].read()
    assert (genius["custom1"], genius["custom2"], genius["custom9"]) == ("b", [1, 2], "new")


@pytest.mark.parametrize(("door", "name"), [("hub", "companyName"), ("crm", "company")])
def test_a_company_is_one_account_at_every_door(doors, door, name):
    doors["genius"].make({"email": "ann@example.com", "company_name": "Acme"})
    first = doors["genius"].read()["contact_account_id"]

    doors[door].change({name: "Beta"})
    moved = doors["genius"].read()
    assert moved["company_name"] == "Beta"
    assert moved["contact_account_id"] not in (None, first)

    doors[door].change({name: None})
    gone = doors["genius"].read()
    assert (gone["company_name"], gone["contact_account_id"]) == (None, None)


def test_who_does_not_want_mail_at_one_door_gets_none_from_any(doors, project):
    doors["crm"].make(CRM)
    doors["hub"].change({"dnd": True})

    key = doors["v1"].read()["email"]
    assert Suppression.objects.in_project(project).filter(email_key=key).exists()
    doors["genius"].change({"email": "new@example.com"})
    assert doors["hub"].read()["dnd"] is True


def test_dates_are_of_one_moment(doors, project):
    doors["crm"].make(CRM)
    contact = Contact.objects.get()
    hub = done(client_of(project).get(f"/contacts/{contact.id}"))["contact"]
    v1 = done(client_with(project, scopes=["*"]).get(f"/v1/contacts/{contact.id}"))

    for ours, theirs in (("created_at", "dateAdded"), ("updated_at", "dateUpdated")):
        moment = getattr(contact, ours)
        milliseconds = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        assert datetime.fromisoformat(hub[theirs]) == milliseconds
        assert datetime.fromisoformat(v1[ours]) == moment.replace(microsecond=0)
