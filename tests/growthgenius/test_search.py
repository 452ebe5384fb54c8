"""Lists and searches: which contacts, in which order, on which page, and all in a stream."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.dialects.growthgenius import contact_pages, searching
from contacts.models import Contact, ContactActivity, ContactStage, EmailActivity
from tests.contacts.mail_factories import make_stream, queue
from tests.factories import AT, make_contact, make_event
from tests.growthgenius.conftest import made, streamed

URL = "/integrations/v1/contacts"
ENVELOPE = {
    "breadcrumbs", "partial_results_only", "disable_eu_prospecting", "partial_results_limit",
    "pagination", "num_fetch_result", "contacts",
}  # fmt: skip


def search(genius, **body) -> dict:
    answer = genius.post(f"{URL}/search", body)
    assert answer.status_code == 200, answer.json()
    return answer.json()


def keys(answer: dict | list[dict]) -> list[int]:
    rows = answer if isinstance(answer, list) else answer["contacts"]
    return [each["id"] for each in rows]


def person(project, n: int, **fields) -> int:
    at = AT + timedelta(minutes=n)
    return make_contact(project, created_at=at, updated_at=at, **fields).key


def test_the_documented_search_works_literally(genius, member):
    elon = made(genius, first_name="Elon", last_name="Musk", title="CEO", organization_name="Tesla")
    made(genius, first_name="Elon", last_name="Other", title="CEO", organization_name="Tesla")

    answer = search(
        genius,
        q_keywords="Elon Musk, CEO, Tesla",
        sort_by_field="contact_last_activity_date",
        sort_ascending=False,
    )

    assert answer.keys() == ENVELOPE
    assert answer["contacts"] == [elon]
    assert answer["breadcrumbs"] == [
        {
            "label": "Contains Keywords",
            "signal_field_name": "q_keywords",
            "value": "Elon Musk, CEO, Tesla",
            "display_name": "Elon Musk, CEO, Tesla",
        }
    ]
    assert answer["pagination"] == {
        "page": 1, "per_page": 25, "total_entries": 1, "total_pages": 1
    }  # fmt: skip
    assert (answer["partial_results_only"], answer["partial_results_limit"]) == (False, 10_000)
    assert (answer["disable_eu_prospecting"], answer["num_fetch_result"]) == (False, None)


@pytest.mark.parametrize(
    "q", ["elo", "MUSK", "tesla.com", "e.musk@tesla.com", "chief, tesl", "@tesla"]
)
def test_each_word_is_found_by_its_beginning_by_both_doors(genius, member, q):
    elon = made(
        genius, name="Elon Musk", email="e.musk@tesla.com", title="Chief", company_name="Tesla"
    )
    made(genius, first_name="Bob", city="Tesla", keywords="elon musk chief")

    assert keys(search(genius, q_keywords=q)) == [elon["id"]]
    assert keys(genius.get(URL, {"q_keywords": q}).json()) == [elon["id"]]


def test_stages_are_listed_and_searched_by(genius, api, member, project):
    cold, warm = made(genius, stage="Cold"), made(genius, stage="Warm")
    other = api.post("/v1/contacts", {"external_id": "u", "traits": {"stage": "Elsewhere"}}).json()

    stages = genius.get("/integrations/v1/contact_stages").json()["contact_stages"]

    assert [each["name"] for each in stages] == ["Cold", "Warm", "Elsewhere"]
    ids = {each["name"]: each["id"] for each in stages}
    assert keys(search(genius, contact_stage_ids=[ids["Cold"]])) == [cold["id"]]
    assert keys(search(genius, contact_stage_ids=str(ids["Warm"]))) == [warm["id"]]
    both = f"{ids['Cold']},{ids['Warm']}"
    several = "&".join(f"contact_stage_ids[]={ids[name]}" for name in ("Cold", "Warm"))
    for query in (f"contact_stage_ids={both}", several):
        assert set(keys(genius.get(f"{URL}?{query}").json())) == {cold["id"], warm["id"]}
    assert len(search(genius, contact_stage_ids=[ids["Elsewhere"]])["contacts"]) == 1
    assert other["id"]
    assert search(genius, contact_stage_ids=[999_999])["contacts"] == []
    assert search(genius, contact_stage_ids=["5c48fbXXXX"])["pagination"]["total_pages"] == 0
    assert genius.get("/integrations/v1/contact_stages").json()["contact_stages"] == stages


def test_a_strangers_stage_finds_nobody(genius, member, project, other_project):
    made(genius, stage="Cold")
    theirs = ContactStage.objects.create(project=other_project, name="Cold")

    assert search(genius, contact_stage_ids=[theirs.pk])["contacts"] == []


@pytest.fixture
def people(project) -> list[int]:
    """Return seven people in the order of their creation; the first three were active, the second
    of them last.
    """
    people = [person(project, n, traits={"name": f"Person {n}"}) for n in range(7)]
    for n, minutes in ((0, 1), (1, 3), (2, 2)):
        ContactActivity.objects.create(
            project=project,
            contact=Contact.objects.get(pk=people[n]),
            last_activity_at=AT + timedelta(days=1, minutes=minutes),
        )
    return people


def in_order(people, *numbers) -> list[int]:
    return [people[n] for n in numbers]


@pytest.mark.parametrize("nearest", [2, 1000])
@pytest.mark.parametrize("words", ["", "person"])
@pytest.mark.parametrize("events", [0, 1, 30])
def test_every_order_goes_both_ways_and_is_whole_over_its_pages(
    genius, people, monkeypatch, nearest, words, events, member
):
    monkeypatch.setattr(contact_pages, "NEAREST", nearest)
    for n in (0, 2, *[1] * events) if events else ():
        contact = Contact.objects.select_related("activity").get(pk=people[n])
        make_event(contact, "login", at=contact.activity.last_activity_at)
    orders = {
        None: (1, 2, 0, 6, 5, 4, 3),
        "contact_last_activity_date": (1, 2, 0, 6, 5, 4, 3),
        "contact_created_at": (6, 5, 4, 3, 2, 1, 0),
        "contact_updated_at": (6, 5, 4, 3, 2, 1, 0),
        "contact_email_last_opened_at": (6, 5, 4, 3, 2, 1, 0),
    }
    for sort, numbers in orders.items():
        for per_page in (1, 3, 7, 25):
            found = []
            for page in range(1, 9):
                body = {"page": page, "per_page": per_page, "q_keywords": words}
                body |= {"sort_by_field": sort} if sort else {}
                answer = search(genius, **body)
                found += keys(answer)
                assert answer["pagination"]["total_entries"] == 7 or not keys(answer)
            assert found == in_order(people, *numbers), (sort, per_page)
        ascending = keys(search(genius, sort_by_field=sort or "", sort_ascending="true"))
        active = 3 if "activity" in (sort or "activity") else 0
        wanted = [*reversed(numbers[:active]), *reversed(numbers[active:])]
        assert ascending == in_order(people, *wanted), sort


def test_who_was_active_last_is_found_by_the_latest_events(genius, people, monkeypatch, member):
    monkeypatch.setattr(contact_pages, "NEAREST", 2)
    for n in (0, 1, 2, 2):
        contact = Contact.objects.select_related("activity").get(pk=people[n])
        make_event(contact, "login", at=contact.activity.last_activity_at)

    with CaptureQueriesContext(connection) as queries:
        answer = search(genius, per_page=1)

    [sorting] = [each["sql"] for each in queries if "ORDER BY last_activity_at" in each["sql"]]
    assert keys(answer) == in_order(people, 1)
    assert "FROM contacts_event" in sorting


def test_opens_and_clicks_order_people(genius, project, people, member):
    for n, minutes, kind in ((3, 1, "opened"), (5, 2, "opened"), (4, 9, "clicked")):
        contact = Contact.objects.get(pk=people[n])
        [email] = queue(make_stream(project), [contact])
        EmailActivity.objects.create(
            project=project, email=email, kind=kind, at=AT + timedelta(minutes=minutes)
        )

    opened = keys(search(genius, sort_by_field="contact_email_last_opened_at"))
    clicked = keys(search(genius, sort_by_field="contact_email_last_clicked_at"))

    assert opened == in_order(people, 5, 3, 6, 4, 2, 1, 0)
    assert clicked == in_order(people, 4, 6, 5, 3, 2, 1, 0)


def test_dates_bound_searches_and_streams_from_the_first_on_and_before_the_second(
    genius, people, member
):
    first, last = (AT + timedelta(minutes=n) for n in (2, 5))
    bounds = {"from": first.isoformat(), "to": last.isoformat()}

    assert keys(streamed(genius, URL, bounds)) == in_order(people, 2, 3, 4)
    assert keys(streamed(genius, URL, {"from": bounds["from"]})) == people[2:]
    assert keys(streamed(genius, URL, {"to": "2026-03-02T12:01:00"})) == people[:1]
    assert sorted(keys(search(genius, **bounds))) == in_order(people, 2, 3, 4)
    assert keys(streamed(genius, URL)) == people


def test_a_stream_has_nothing_but_the_contacts_and_reads_in_chunks(
    genius, people, member, monkeypatch
):
    monkeypatch.setattr(contact_pages, "CHUNK", 2)
    answer = genius.get(URL)
    assert answer.streaming

    pieces = list(answer.streaming_content)

    assert len(pieces) == 5
    whole = json.loads(b"".join(pieces))
    assert whole.keys() == {"contacts"}
    assert keys(whole) == people
    one = genius.get(f"{URL}/{people[0]}").json()["contact"]
    assert whole["contacts"][0] == one


@pytest.mark.parametrize("parameter", [
    "page=1", "per_page=2", "q_keywords=person", "sort_by_field=contact_created_at",
    "sort_ascending=false", "contact_stage_ids=1",
])  # fmt: skip
def test_one_parameter_of_a_search_makes_it_a_page(genius, people, member, parameter):
    assert genius.get(f"{URL}?{parameter}").json().keys() == ENVELOPE


def test_a_page_has_at_most_two_hundred(genius, member, project):
    assert search(genius, per_page=5000)["pagination"]["per_page"] == 200


def test_more_than_the_limit_is_said_to_be_partial(genius, people, member, monkeypatch):
    monkeypatch.setattr(searching, "LIMIT", 5)

    answer = search(genius, per_page=2)

    assert answer["partial_results_only"]
    assert answer["pagination"] == {"page": 1, "per_page": 2, "total_entries": 5, "total_pages": 3}
    assert len(search(genius, per_page=2, page=3)["contacts"]) == 2


WRONG = {
    "page": 0, "per_page": "x", "sort_by_field": "name", "sort_ascending": "maybe",
    "from": "yesterday", "to": "9999-99-99", "q_keywords": "a " * 21,
}  # fmt: skip


def test_all_that_is_wrong_with_a_search_is_told_at_once(genius, member):
    for answer, status in (
        (genius.post(f"{URL}/search", WRONG), 422),
        (genius.get(URL, WRONG), 400),
    ):
        assert answer.status_code == status
        details = answer.json()["error"]["details"]
        assert {each["field"] for each in details} == WRONG.keys()
        assert len(details) == len(WRONG)


def test_other_parameters_are_not_looked_at(genius, people, member):
    assert len(search(genius, person_titles=["x"], prospected=True)["contacts"]) == 7


def test_a_page_costs_the_same_statements_whatever_is_on_it(genius, project, member):
    def statements(**body) -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            search(genius, **body)
        return len(captured)

    for n in range(3):
        made(genius, company_name=f"C{n}", lists=["L"], stage="Cold", first_name="Ada")
    few = statements(q_keywords="ada", per_page=3)
    for n in range(6):
        made(genius, company_name=f"D{n}", lists=[f"M{n}"], stage="Cold", first_name="Ada")

    assert statements(q_keywords="ada", per_page=9) <= few <= 8


def test_creating_takes_few_statements(genius, api, member):
    def statements(client, url, body) -> int:
        client.post(url, body)
        with CaptureQueriesContext(connection) as captured:
            assert client.post(url, {**body, "email": "second@example.com"}).status_code == 201
        return len(captured)

    v1 = statements(api, "/v1/contacts", {"email": "a@example.com", "traits": {"first_name": "A"}})
    body = {"email": "b@example.com", "first_name": "A", "last_name": "B", "title": "CEO",
            "organization_name": "Tesla"}  # fmt: skip

    assert statements(genius, URL, body) <= 1.3 * v1
