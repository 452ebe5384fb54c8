"""Search by filters, words and pages."""

from datetime import timedelta

import pytest

from tests.contacts.growthhub_calls import client_of
from tests.factories import AT, make_contact


@pytest.fixture
def hub(project):
    return client_of(project)


@pytest.fixture
def people(project):
    return [
        make_contact(
            project,
            email=f"{name.lower()}@example.com",
            phone=f"+49309018{number}0",
            traits={"first_name": name, "city": city, "age": number},
            tags=tags,
            created_at=AT + timedelta(microseconds=number),
        )
        for number, (name, city, tags) in enumerate(
            [
                ("Ann", "Berlin", ["vip"]),
                ("Bob", "Bonn", []),
                ("Cem", "Berlin", ["vip", "new"]),
                ("Dee", None, ["new"]),
            ],
            start=20,
        )
    ]


def names(response):
    assert response.status_code == 200, response.content
    return [each["firstName"] for each in response.json()["contacts"]]


def wanted(field, operator, value=None):
    return {"field": field, "operator": operator, "value": value}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], ["Dee", "Cem", "Bob", "Ann"]),
        ([wanted("city", "eq", "Berlin")], ["Cem", "Ann"]),
        ([wanted("city", "not_eq", "Berlin")], ["Dee", "Bob"]),
        ([wanted("city", "eq", ["Bonn", "Berlin"])], ["Cem", "Bob", "Ann"]),
        ([wanted("city", "contains", "ONN")], ["Bob"]),
        ([wanted("email", "eq", "bob@example.com")], ["Bob"]),
        ([wanted("phone", "eq", "+49309018200")], ["Ann"]),
        ([wanted("tags", "contains", "vip")], ["Cem", "Ann"]),
        ([wanted("tags", "contains", ["vip", "new"])], ["Cem"]),
        ([wanted("city", "eq", "Berlin"), wanted("tags", "contains", "new")], ["Cem"]),
        ([wanted("dateAdded", "range", {"gte": "2026-03-03"})], []),
        (
            [
                {
                    "group": "OR",
                    "filters": [wanted("city", "eq", "Bonn"), wanted("city", "not_exists")],
                }
            ],
            ["Dee", "Bob"],
        ),
    ],
)
def test_filters_choose(hub, project, people, other_project, filters, expected):
    make_contact(other_project, traits={"first_name": "Eve", "city": "Berlin"})
    sent = [{name: v for name, v in each.items() if v is not None} for each in filters]

    response = hub.post("/contacts/search", {"locationId": project.id, "filters": sent})

    assert names(response) == expected
    assert response.json()["total"] == len(expected)


def test_words_and_custom_fields_choose(hub, people):
    field = {"id": "size", "key": "shoe_size", "value": 42}
    hub.put(f"/contacts/{people[0].id}", {"customFields": [field]})

    assert names(hub.post("/contacts/search", {"query": "ann"})) == ["Ann"]
    by_field = [wanted("customFields.size", "eq", 42)]
    assert names(hub.post("/contacts/search", {"filters": by_field})) == ["Ann"]


def test_pages_miss_and_repeat_nobody(hub, people):
    found, after = [], None
    while True:
        sent = {"pageLimit": 1} | ({"searchAfter": after} if after else {})
        body = hub.post("/contacts/search", sent).json()
        if not body["contacts"]:
            break
        [contact] = body["contacts"]
        after = contact["searchAfter"]
        found.append(contact["firstName"])
    numbered = [names(hub.post("/contacts/search", {"page": n, "pageLimit": 2})) for n in (1, 2)]
    upwards = {"sort": [{"field": "dateAdded", "direction": "asc"}], "pageLimit": 2}

    assert found == ["Dee", "Cem", "Bob", "Ann"]
    assert numbered == [["Dee", "Cem"], ["Bob", "Ann"]]
    assert names(hub.post("/contacts/search", upwards)) == ["Ann", "Bob"]


@pytest.mark.parametrize(
    "body",
    [
        {"filters": "city"},
        {"filters": [wanted("nothing", "eq", 1)]},
        {"filters": [wanted("city", "like", 1)]},
        {"filters": [wanted("city", "range", 1)]},
        {"filters": [{"group": "XOR", "filters": []}]},
        {"filters": [wanted("city", "eq", "x")] * 60},
        {"pageLimit": 501},
        {"page": 1000, "pageLimit": 500},
        {"sort": [{"field": "ssn"}]},
        {"searchAfter": ["x"]},
    ],
)
def test_what_makes_no_sense_is_refused(hub, people, body):
    response = hub.post("/contacts/search", body)

    assert response.status_code == 422
    assert isinstance(response.json()["message"], list)


def test_the_older_list_has_every_contact_once(project, other_project):
    hub = client_of(project)
    made = [make_contact(project, email=f"p{n}@example.com") for n in range(5)]
    make_contact(other_project, email="theirs@example.com")
    make_contact(project, email="gone@example.com").remove(at=AT)

    seen, start = [], {}
    for _ in range(3):
        page = hub.get("/contacts/", {"locationId": project.id, "limit": 2, **start}).json()
        assert page["count"] == page["meta"]["total"] == 5
        seen += [contact["id"] for contact in page["contacts"]]
        start = {name: page["meta"][name] for name in ("startAfterId", "startAfter")}

    assert sorted(seen) == sorted(contact.id for contact in made)
    assert start == {"startAfterId": None, "startAfter": None}
    [found] = hub.get("/contacts/", {"query": "p3"}).json()["contacts"]
    assert found["email"] == "p3@example.com"


@pytest.mark.parametrize(
    "wrong", ["limit=0", "limit=101", "limit=x", "startAfterId=cntct_zzzzzzzzzz", "startAfter=1e9"]
)
def test_a_wrong_page_of_the_older_list_is_refused(project, wrong):
    response = client_of(project).get(f"/contacts/?{wrong}")

    assert response.status_code == 422
    assert wrong.partition("=")[0] in response.json()["message"][0]


def test_the_older_list_is_of_the_tokens_location_alone(project, other_project):
    response = client_of(project).get("/contacts/", {"locationId": other_project.id})

    assert response.status_code == 403
    assert response.json()["message"] == "The token does not have access to this location."
