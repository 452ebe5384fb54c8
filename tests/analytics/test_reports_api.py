"""``/v1/analytics/funnels`` and ``/v1/analytics/cohorts``."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from tests.factories import make_contact, make_event

FUNNELS, COHORTS = "/v1/analytics/funnels", "/v1/analytics/cohorts"
STEPS = ["signup", {"event": "purchase", "filters": {"properties.amount": {"gte": 10}}}]
LOGINS = {"name": "Logins", "event": "login", "period": "month"}


@pytest.fixture
def history(project):
    at = now() - timedelta(days=3)
    for amount in (5, 10, None):
        contact = make_contact(project)
        make_event(contact, "signup", at=at)
        make_event(contact, "login", at=at)
        if amount:
            make_event(contact, "purchase", at=at + timedelta(hours=1), amount=amount)


def test_a_funnel_is_kept_as_it_was_sent_and_answers(api, history):
    made = api.post(FUNNELS, {"name": "Buying", "steps": STEPS, "window": "2d"})

    assert made.status_code == 201, made.json()
    assert (made.json()["steps"], made.json()["window"]) == (STEPS, "2d")
    answer = api.get(f"{FUNNELS}/{made.json()['id']}").json()
    assert answer["definition"] == {"steps": STEPS, "window": "2d"}
    assert [step["count"] for step in answer["steps"]] == [3, 1]
    assert answer["steps"][0]["drop_off"] == 2
    assert answer["steps"][1]["conversion_from_start"] == 0.3333
    assert answer["steps"][1]["avg_seconds"] == 3600.0


def test_from_and_to_choose_the_range(api, history):
    id = api.post(FUNNELS, {"name": "Buying", "steps": STEPS}).json()["id"]
    today = now().date()

    answer = api.get(f"{FUNNELS}/{id}?from={today}&to={today}").json()

    assert (answer["from"], answer["to"]) == (f"{today}", f"{today}")
    assert answer["total"] == 0
    assert api.get(f"{FUNNELS}/{id}?from=yesterday").status_code == 400
    assert api.get(f"{FUNNELS}/{id}?since=2026-01-01").status_code == 400


def test_a_patch_is_a_merge_patch_and_must_leave_a_funnel(api):
    id = api.post(FUNNELS, {"name": "Buying", "steps": STEPS, "window": "2d"}).json()["id"]

    renamed = api.patch(f"{FUNNELS}/{id}", {"name": "Shopping", "window": None, "id": "fnl_x"})
    refused = api.patch(f"{FUNNELS}/{id}", {"steps": ["only one"]})

    assert renamed.json()["name"] == "Shopping"
    assert "window" not in renamed.json()
    assert renamed.json()["warnings"] == ["id: This field is read-only and was ignored."]
    assert refused.status_code == 422
    assert api.get(FUNNELS).json()["data"][0]["steps"] == STEPS


def test_all_that_is_wrong_with_a_definition_is_named_at_once(api):
    response = api.post(COHORTS, {"start": 5, "period": "year", "colour": "red"})

    fields = {each["field"] for each in response.json()["error"]["details"]}
    assert response.status_code == 422
    assert fields == {"name", "start", "return", "period", "colour"}
    assert api.get(COHORTS).json()["data"] == []


def test_cohorts_answer_with_cells(api, history):
    id = api.post(COHORTS, LOGINS).json()["id"]
    month = now().date().replace(day=1) - timedelta(days=40)

    answer = api.get(f"{COHORTS}/{id}?from={month.replace(day=1)}").json()

    assert sum(cohort["size"] for cohort in answer["cohorts"]) == answer["total"] == 3
    assert len(answer["cohorts"][0]["cells"]) == len(answer["cohorts"])
    last = next(cohort for cohort in answer["cohorts"] if cohort["size"])
    assert last["cells"][0]["rate"] == 1.0
    assert api.delete(f"{COHORTS}/{id}").status_code == 204
    assert api.get(f"{COHORTS}/{id}").status_code == 404


def test_referred_against_organic_retention_is_one_question(api, project):
    today = now()
    for number, source in enumerate(("organic", "organic", "referral")):
        contact = make_contact(project, traits={"source": source})
        make_event(contact, "signup", at=today - timedelta(days=4))
        if number:
            make_event(contact, "login", at=today - timedelta(days=3))
    body = {
        "type": "cohort_retention",
        "start": "signup",
        "return": "login",
        "period": "day",
        "group_by": "traits.source",
        "from": f"{today.date() - timedelta(days=4)}",
    }

    groups = api.post("/v1/analytics/query", body).json()["groups"]

    rates = {each["group"]: each["data"][0]["cells"][1]["rate"] for each in groups}
    assert rates == {"organic": 0.5, "referral": 1.0}


@pytest.mark.parametrize("path", [FUNNELS, COHORTS])
@pytest.mark.parametrize("body", [["name"], "name", 1, None])
def test_what_is_no_object_is_refused_in_a_sentence(api, path, body):
    refused = api.post(path, body)

    assert refused.status_code == 422
    assert refused.json()["error"]["message"]
