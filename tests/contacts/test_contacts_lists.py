"""Lists of contacts and of what one did: cursors, limits, filters."""

from datetime import timedelta

import pytest

from tests.conftest import client_with
from tests.factories import AT, make_contact, make_event


def test_the_list_is_walked_by_cursor_without_a_gap(api, project):
    made = [make_contact(project, created_at=AT - timedelta(minutes=n % 3)).id for n in range(7)]

    seen, cursor = [], ""
    while cursor is not None:
        page = api.get("/v1/contacts", {"limit": 3, "cursor": cursor}).json()
        seen += [row["id"] for row in page["data"]]
        cursor = page["next_cursor"]
        assert page["has_more"] is (cursor is not None)

    assert sorted(seen) == sorted(made)


def test_the_list_is_filtered(api, project):
    old = make_contact(project, tags=["vip"], created_at=AT - timedelta(days=90))
    new = make_contact(project, email="new@example.com", created_at=AT)

    def found(**filters):
        return [row["id"] for row in api.get("/v1/contacts", filters).json()["data"]]

    assert found(tag="vip") == [old.id]
    assert found(created_after="2026-01-01") == [new.id]
    assert found(created_before="2026-01-01T00:00:00Z") == [old.id]
    assert found(email="NEW@example.com") == [new.id]
    assert found(external_id="nobody") == []


def test_the_list_takes_a_constant_number_of_statements(
    api, project, django_assert_max_num_queries
):
    for _ in range(30):
        make_contact(project)
    api.get("/v1/contacts")

    with django_assert_max_num_queries(2):
        api.get("/v1/contacts", {"limit": 30})


@pytest.mark.parametrize("limit", ["0", "-1", "abc", "٣", "1.5", "", "9" * 30])
def test_a_limit_that_is_no_count_is_refused(api, limit):
    response = api.get("/v1/contacts", {"limit": limit})

    assert response.status_code == 400
    assert "limit" in response.json()["error"]["message"]


def test_a_limit_above_a_hundred_is_a_hundred(api, project):
    assert api.get("/v1/contacts", {"limit": "101"}).status_code == 200


def test_a_cursor_fits_only_its_own_list(api, project, other_project):
    for _ in range(3):
        make_contact(project)
        make_contact(other_project)
    cursor = api.get("/v1/contacts", {"limit": 1}).json()["next_cursor"]
    stranger = client_with(other_project, scopes=["*"])

    assert stranger.get("/v1/contacts", {"cursor": cursor}).status_code == 400
    assert api.get("/v1/contacts", {"cursor": cursor, "tag": "x"}).status_code == 400
    assert api.get("/v1/contacts", {"cursor": cursor[:-1] + "_"}).status_code == 400
    assert api.get("/v1/contacts", {"cursor": "\0"}).status_code == 400


def test_a_contacts_history_is_newest_first(api, project):
    contact = make_contact(project)
    for days in (3, 1, 2):
        make_event(contact, f"day-{days}", at=AT - timedelta(days=days))

    page = api.get(f"/v1/contacts/{contact.id}/events", {"limit": 2}).json()

    assert [event["event"] for event in page["data"]] == ["day-1", "day-2"]
    assert page["data"][0]["contact_id"] == contact.id
    assert page["data"][0]["timestamp"] == "2026-03-01T12:00:00Z"
    assert page["has_more"] is True


def test_filters_are_the_lists_own_and_an_unknown_one_is_refused(api, project):
    contact = make_contact(project, email="bob@münchen.de")

    assert api.get(f"/v1/contacts/{contact.id}?tag=zzz").status_code == 200
    assert api.get("/v1/contacts?nonsense=1").status_code == 400
    found = api.get("/v1/contacts", {"email": "BOB@xn--mnchen-3ya.de"}).json()["data"]
    assert [row["id"] for row in found] == [contact.id]


def test_a_parameter_that_cannot_be_read_is_400(api):
    response = api.get("/v1/contacts?tag=a%00b")

    assert response.status_code == 400
    assert response.json()["error"]["message"] == "tag: Null characters are not allowed."


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("event=login", ["login"]),
        ("from=2026-03-02", ["purchase", "login"]),
        ("from=2026-03-02T00:00:00Z&to=2026-03-02T12:00:00Z", ["login"]),
        ("to=2026-03-01", []),
    ],
)
def test_events_of_a_contact_are_chosen_by_name_and_time(api, project, query, names):
    contact = make_contact(project)
    make_event(contact, "signup", at=AT - timedelta(days=1))
    make_event(contact, "login", at=AT - timedelta(minutes=1))
    make_event(contact, "purchase", at=AT)

    answer = api.get(f"/v1/contacts/{contact.id}/events?{query}").json()

    assert [event["event"] for event in answer["data"]] == names


@pytest.mark.parametrize("query", ["from=soon", "to=", "event=%00", "contact=x"])
def test_a_choice_of_events_that_makes_no_sense_is_refused(api, project, query):
    contact = make_contact(project)

    assert api.get(f"/v1/contacts/{contact.id}/events?{query}").status_code == 400
