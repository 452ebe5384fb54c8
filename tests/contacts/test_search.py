"""Contacts are found by the words of their name, title, company and address."""

import pytest
from django.db import connection

from contacts import listing
from contacts.models import Contact
from tests.factories import AT, make_contact


@pytest.fixture
def musk(project):
    return make_contact(
        project,
        email="e.musk@x-corp.example.com",
        traits={"name": "Elon Musk", "title": "CEO & Technoking", "company": "Tesla, Inc."},
    )


def found(api, q: str, **params) -> list[str]:
    response = api.get("/v1/contacts", {"q": q, **params})
    assert response.status_code == 200, response.json()
    return [each["id"] for each in response.json()["data"]]


@pytest.mark.parametrize(
    "q",
    [
        "elon", "ELO", "musk elon", "Elon Musk, CEO, Tesla", "technok", "tesla inc",
        "e.musk@x-corp.example.com", "x-corp", "corp.example", "@example.com", " , elon ,",
    ],
)  # fmt: skip
def test_every_word_of_every_term_is_found_by_its_beginning(api, project, musk, q):
    make_contact(project, email="", traits={"name": "Elias Muster", "company": "Teslon"})

    assert found(api, q) == [musk.id]


@pytest.mark.parametrize(
    "q", ["lon", "elon bezos", "elon, amazon", "usk", ",", " ", "&|!():*'\\", "'", "😀", "a" * 300]
)
def test_what_no_contact_has_is_not_found(api, project, musk, q):
    assert found(api, q) == ([musk.id] if q == " " else [])


def test_other_traits_are_not_looked_at(api, project):
    make_contact(project, traits={"plan": "enterprise", "notes": "enterprise"})

    assert found(api, "enterprise") == []


@pytest.mark.parametrize(
    "name", ["first_name", "last_name", "name", "title", "company", "company_name"]
)
@pytest.mark.parametrize("q", ["émile", "ÉMILE", "Émi"])
def test_each_trait_of_a_person_counts_in_any_case(api, project, name, q):
    contact = make_contact(project, traits={name: "Émile O’Brien"})

    assert found(api, q) == found(api, "brien") == [contact.id]


@pytest.mark.parametrize("value", [None, 7, ["Elon"], {"name": "Elon"}, "x" * 30_000, "\ud7ff"])
def test_traits_of_any_kind_can_be_stored(api, project, value):
    response = api.post("/v1/contacts", {"external_id": "u1", "traits": {"company": value}})

    assert response.status_code == 201, response.json()


def test_strangers_the_deleted_and_the_merged_are_not_found(api, project, other_project, musk):
    make_contact(other_project, traits={"name": "Elon"})
    gone, merged = (make_contact(project, traits={"first_name": "Elon"}) for _ in range(2))
    gone.remove(at=AT)
    api.post(f"/v1/contacts/{musk.id}/merge", {"source_contact_id": merged.id})

    assert found(api, "elon") == [musk.id]


def test_it_follows_what_changes(api, project, musk):
    api.patch(f"/v1/contacts/{musk.id}", {"traits": {"name": "Grimes"}})

    assert found(api, "grimes") == [musk.id]
    assert found(api, "elon") == []


@pytest.mark.parametrize("nearest", [3, 1000])
def test_pages_are_whole_and_in_order_whichever_way_they_are_found(
    api, project, monkeypatch, nearest, django_assert_max_num_queries
):
    monkeypatch.setattr(listing, "NEAREST", nearest)
    wanted = [make_contact(project, email="", traits={"name": f"Alice {n % 2}"}) for n in range(23)]
    for _ in range(20):
        make_contact(project, email="", traits={"name": "Bob"})
    found(api, "alice")  # From now on the key is known.
    seen, cursor = [], ""
    while cursor is not None:
        with django_assert_max_num_queries(3):
            page = api.get("/v1/contacts", {"q": "alice", "limit": 5, "cursor": cursor}).json()
        seen += [each["id"] for each in page["data"]]
        cursor = page["next_cursor"]

    assert seen == [each.id for each in reversed(wanted)]
    assert len(found(api, "alice, 1", limit=100)) == 11


def test_it_goes_with_other_filters(api, project, musk):
    tagged = make_contact(project, traits={"name": "Elon"}, tags=["vip"])

    assert found(api, "elon", tag="vip") == [tagged.id]


def test_too_many_words_are_refused(api, project):
    response = api.get("/v1/contacts", {"q": "a " * 21})

    assert response.status_code == 400
    assert response.json()["error"]["message"] == "q: Send 20 words at most."


def test_a_rare_word_is_found_by_the_index(project):
    """The expression that is asked for is the one that is indexed."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan TO off")
    assert "contact_words" in Contact.objects.having(["rare"]).explain()
