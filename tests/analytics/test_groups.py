"""Groups of an answer, opened as lists, and segments as filters of steps."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils.timezone import now

from tests.analytics.test_query_api import DOCUMENTED, ask
from tests.factories import make_contact, make_event


def other_pages(api, project) -> list:
    """Return 53 people who each saw, and then bought, something else: the first 50 twice."""
    people = [make_contact(project, traits={"page": f"p{n:02}"}) for n in range(53)]
    for number, person in enumerate(people):
        for day in range(2 if number < 50 else 1):
            at = datetime(2026, 2, 1 + day, tzinfo=UTC)
            make_event(person, "view", at=at, page=f"p{number:02}")
        make_event(person, "buy", at=datetime(2026, 2, 3, tzinfo=UTC))
    return people


@pytest.mark.parametrize(
    ("query", "pick", "count"),
    [
        ({"type": "event_count", "event": "view", "group_by": "properties.page"}, {}, 3),
        ({"type": "unique_contacts", "event": "view", "group_by": "traits.page"}, {}, 3),
        (
            {"type": "event_count", "event": "view", "group_by": "traits.page"},
            {"date": "2026-02-02"},
            0,
        ),
        ({"type": "funnel", "steps": ["view", "buy"], "group_by": "properties.page"}, {}, 3),
        (
            {"type": "funnel", "steps": ["view", "buy"], "group_by": "traits.page"},
            {"step": 2},
            3,
        ),
        (
            {
                "type": "cohort_retention",
                "start": "view",
                "return": "buy",
                "period": "day",
                "group_by": "properties.page",
            },
            {"period": 2},
            3,
        ),
    ],
)
def test_the_group_of_all_others_is_opened_as_a_list(api, project, query, pick, count):
    """The last of the names in order are the others, if all are equally many."""
    people = other_pages(api, project)
    query |= {"from": "2026-02-01", "to": "2026-02-20"}

    listed = ask(api, {"query": query, "group": "other", **pick}, "query/people").json()["data"]

    assert {each["id"] for each in listed} == {each.id for each in people[50:] if count}


def test_a_group_that_is_really_called_other_is_one_of_the_others(api, project):
    named = [make_contact(project, traits={"source": name}) for name in ("other", "organic")]
    for person in named:
        make_event(person, "view", at=datetime(2026, 2, 1, tzinfo=UTC))
    query = DOCUMENTED | {"event": "view", "filters": {}}

    listed = ask(api, {"query": query, "group": "other"}, "query/people").json()["data"]

    assert [each["id"] for each in listed] == [named[0].id]


def test_cohorts_are_grouped_by_what_the_first_event_says(api, project):
    for plan, comes_back in (("trial", True), ("trial", False), ("paid", True)):
        contact = make_contact(project)
        make_event(contact, "signup", at=datetime(2026, 2, 1, 9, tzinfo=UTC), plan=plan)
        make_event(contact, "signup", at=datetime(2026, 2, 1, 10, tzinfo=UTC), plan="late")
        if comes_back:
            make_event(contact, "login", at=datetime(2026, 2, 2, tzinfo=UTC), plan="none")
    body = {
        "type": "cohort_retention",
        "start": "signup",
        "return": "login",
        "period": "day",
        "from": "2026-02-01",
        "to": "2026-02-05",
        "group_by": "properties.plan",
    }

    groups = ask(api, body).json()["groups"]

    rates = {each["group"]: each["data"][0]["cells"][1]["rate"] for each in groups}
    assert rates == {"trial": 0.5, "paid": 1.0}


def test_segments_filter_inside_funnels(api, project):
    """Steps and exclusions look at who is a member, beside what the event itself says."""
    vip = api.post("/v1/segments", {"name": "VIP", "type": "static"}).json()["id"]
    at = now() - timedelta(days=2)
    people = [make_contact(project) for _ in range(3)]
    for person in people:
        make_event(person, "signup", at=at)
        make_event(person, "refund", at=at + timedelta(hours=1))
        make_event(person, "purchase", at=at + timedelta(hours=2), amount=5)
    ids = [person.id for person in people[:2]]
    added = api.post(f"/v1/segments/{vip}/contacts", {"contact_ids": ids})
    assert added.status_code == 200, added.json()

    def counts(steps, **more):
        answer = ask(api, {"type": "funnel", "steps": steps, **more})
        assert answer.status_code == 200, answer.json()
        return [step["count"] for step in answer.json()["data"]]

    bought = {"event": "purchase", "filters": {"segments": vip, "properties.amount": {"gt": 1}}}
    assert counts(["signup", bought]) == [3, 2]
    assert counts(["signup", "purchase"], filters={"segments": vip}) == [2, 2]
    others = {
        "operator": "NOT",
        "conditions": [{"field": "segments", "op": "contains", "value": vip}],
    }
    assert counts(["signup", {"event": "purchase", "filters": others}]) == [3, 1]
    ended = {"event": "refund", "filters": {"segments": vip}}
    assert counts(["signup", "purchase"], exclusions=[ended]) == [3, 1]
    assert counts(["signup", bought], order="any") == [3, 2]
    assert counts(["signup", bought], order="strict") == [3, 0]
    behind = {"query": {"type": "funnel", "steps": ["signup", bought]}, "step": 2}
    listed = ask(api, behind, "query/people").json()["data"]
    assert {each["id"] for each in listed} == set(ids)
