"""``POST /v1/analytics/query`` and what stands around it, as clients see it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils.timezone import now

from contacts.models import Event, Segment
from growth.analytics import rollups
from tests.factories import make_contact, make_event

DOCUMENTED = {
    "type": "event_count",
    "event": "signup_completed",
    "interval": "day",
    "from": "2026-02-01",
    "to": "2026-02-23",
    "filters": {"traits.plan": "growth"},
    "group_by": "traits.source",
}


def ask(api, body, path="query"):
    return api.post(f"/v1/analytics/{path}", body)


@pytest.fixture
def signups(project):
    """Two signups by themselves and one by a friend on the plan growth, and one on another."""
    at = datetime(2026, 2, 1, 10, tzinfo=UTC)
    people = [
        make_contact(project, traits={"plan": plan, "source": source})
        for plan, source in (
            ("growth", "organic"),
            ("growth", "organic"),
            ("growth", "referral"),
            ("free", "paid"),
        )
    ]
    for number, person in enumerate(people):
        make_event(person, "signup_completed", at=at + timedelta(days=number % 2))
    return people


def test_the_documented_query_answers_in_the_documented_shape(api, signups):
    response = ask(api, DOCUMENTED)

    assert response.status_code == 200, response.json()
    answer = response.json()
    assert answer["type"] == "event_count"
    assert answer["data"][0] == {"date": "2026-02-01", "groups": {"organic": 1, "referral": 1}}
    assert answer["data"][1] == {"date": "2026-02-02", "groups": {"organic": 1, "referral": 0}}
    assert [each["date"] for each in answer["data"]][-1] == "2026-02-23"
    assert len(answer["data"]) == 23
    assert answer["total"] == 3


def test_without_groups_each_day_has_a_count(api, signups):
    body = {k: v for k, v in DOCUMENTED.items() if k not in ("group_by", "filters")}

    answer = ask(api, body).json()

    assert answer["data"][:3] == [
        {"date": "2026-02-01", "count": 2},
        {"date": "2026-02-02", "count": 2},
        {"date": "2026-02-03", "count": 0},
    ]
    assert answer["total"] == 4


def test_a_rule_of_segments_filters_too(api, project, signups):
    segment = api.post(
        "/v1/segments",
        {
            "name": "Growth",
            "rules": {
                "operator": "AND",
                "conditions": [{"field": "traits.plan", "op": "eq", "value": "growth"}],
            },
        },
    ).json()["id"]
    body = DOCUMENTED | {"group_by": "segments"}
    body["filters"] = {
        "operator": "OR",
        "conditions": [
            {"field": "segments", "op": "contains", "value": segment},
            {"field": "events.signup_completed", "op": "count_gte", "value": 1},
        ],
    }

    answer = ask(api, body).json()

    assert answer["totals"] == {segment: 3, "(none)": 1}
    assert ask(api, body | {"filters": {"segments": segment}}).json()["total"] == 3


def test_the_last_of_many_groups_are_other(api, project):
    contact = make_contact(project)
    for number in range(53):
        for _ in range(2 if number < 50 else 1):
            make_event(contact, "view", at=datetime(2026, 2, 1, tzinfo=UTC), page=f"p{number:02}")
    body = DOCUMENTED | {"event": "view", "filters": {}, "group_by": "properties.page"}

    answer = ask(api, body).json()

    assert len(answer["totals"]) == 51
    assert answer["totals"]["other"] == 3
    assert answer["total"] == 103


def test_what_runs_or_is_cut_is_incomplete(api, project):
    today = now().date()
    body = {"type": "unique_contacts", "from": f"{today - timedelta(days=2)}", "to": f"{today}"}

    assert ask(api, body).json()["incomplete"] == [today.isoformat()]
    weeks = DOCUMENTED | {"interval": "week"}
    assert ask(api, weeks).json()["incomplete"] == ["2026-01-26", "2026-02-23"]


def test_all_that_is_wrong_is_named_at_once(api):
    body = {
        "type": "funnel",
        "steps": ["a", {"event": "b", "filters": {"nothing": 1}}, 7],
        "window": "400d",
        "order": "sideways",
        "from": "2026-02-30",
        "group_by": "email",
        "surprise": True,
    }

    response = ask(api, body)

    assert response.status_code == 422
    assert {each["field"] for each in response.json()["error"]["details"]} == {
        "steps[1].filters.nothing.field",
        "steps[2]",
        "window",
        "order",
        "from",
        "group_by",
        "surprise",
    }


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "type"),
        ({"type": "nonsense"}, "type"),
        ({"type": "event_count", "from": "2024-01-01", "to": "2026-01-01"}, "interval"),
        ({"type": "event_count", "from": "2026-02-02", "to": "2026-02-01"}, "from"),
        ({"type": "event_count", "filters": {"segments": "seg_0000000000"}}, "filters.segments"),
        ({"type": "event_count", "group_by": "traits."}, "group_by"),
        ({"type": "event_count", "group_by": "traits.x'; DROP TABLE x; --"}, None),
        ({"type": "event_count", "filters": {"traits.x') OR 1=1 --": "a"}}, None),
        ({"type": "event_count", "event": "%s {x} 100%"}, None),
        ({"type": "funnel", "steps": ["a"]}, "steps"),
        ({"type": "funnel", "steps": ["a"] * 50}, "steps"),
        ({"type": "funnel", "steps": ["a", "a"], "order": "any"}, "steps"),
        ({"type": "funnel", "steps": ["a", "b"], "window": "0s"}, "window"),
        ({"type": "funnel", "steps": ["a", "b"], "hold_constant": ["traits.x"]}, "hold_constant"),
        ({"type": "cohort_retention"}, "start"),
        ({"type": "cohort_retention", "event": "a", "period": "hour"}, "period"),
        ({"type": "cohort_retention", "event": "a", "criterion": "bracket"}, "brackets"),
        ({"type": "cohort_retention", "event": "a", "brackets": [[0, 1]]}, "brackets"),
    ],
)
def test_a_strange_question_is_refused_by_its_field_or_answered(api, body, field):
    response = ask(api, body)

    if field is None:
        assert response.status_code == 200
    else:
        assert response.status_code == 422
        assert response.json()["error"]["details"][0]["field"].startswith(field)


def test_steps_may_be_events_of_our_own(api, project, ingest):
    contact = make_contact(project)
    at = now() - timedelta(days=1)
    make_event(contact, "$referral_clicked", at=at)
    make_event(contact, "purchase", at=at + timedelta(hours=2))

    answer = ask(api, {"type": "funnel", "steps": ["$referral_clicked", "purchase"]}).json()

    assert [step["count"] for step in answer["data"]] == [1, 1]
    assert answer["data"][1]["median_seconds"] == 7200


def test_who_may_still_go_on_is_no_drop_off(api, project):
    for age in (timedelta(hours=1), timedelta(days=9)):
        make_event(make_contact(project), "signup", at=now() - age)

    [first, _] = ask(api, {"type": "funnel", "steps": ["signup", "login"]}).json()["data"]

    assert (first["count"], first["in_progress"], first["drop_off"]) == (2, 1, 1)


def test_the_people_behind_a_number_are_listed_page_by_page(api, signups):
    body = {"query": DOCUMENTED, "group": "organic"}

    page = ask(api, body, "query/people?limit=1").json()
    rest = ask(api, body, f"query/people?limit=1&cursor={page['next_cursor']}").json()

    listed = {each["id"] for each in page["data"] + rest["data"]}
    assert listed == {signups[0].id, signups[1].id}
    assert (page["has_more"], rest["has_more"]) == (True, False)


def test_the_people_behind_a_number_become_a_segment_of_which_nobody_is_told(api, signups, relay):
    relay(now())
    body = {"query": DOCUMENTED, "date": "2026-02-01", "name": "First day"}

    made = ask(api, body, "query/segment")

    assert made.status_code == 201, made.json()
    assert (made.json()["type"], made.json()["contact_count"]) == ("static", 2)
    relay(now())
    assert not Event.objects.filter(name="$segment_entered").exists()
    members = api.get(f"/v1/segments/{made.json()['id']}/contacts").json()["data"]
    assert {each["id"] for each in members} == {signups[0].id, signups[2].id}


@pytest.mark.parametrize(
    ("pick", "field"),
    [
        ({"date": "2026-03-01"}, "date"),
        ({"group": 5}, "group"),
        ({"step": 1}, "step"),
        ({"query": {"type": "event_count"}, "group": "x"}, "group"),
        ({"query": {"type": "funnel", "steps": ["a", "b"]}, "step": 3}, "step"),
        ({"query": {"type": "funnel", "steps": ["a"]}}, "query.steps"),
        ({"name": ""}, "name"),
    ],
)
def test_a_number_that_is_not_there_is_refused(api, pick, field):
    response = ask(api, {"query": DOCUMENTED, "name": "x", **pick}, "query/segment")

    assert response.status_code == 422
    assert response.json()["error"]["details"][0]["field"] == field
    assert not Segment.objects.exists()


def test_the_stream_is_in_reverse_order_page_by_page(api, project):
    contact, other = make_contact(project), make_contact(project)
    at = datetime(2026, 2, 1, 23, 30, tzinfo=UTC)
    for number in range(7):
        make_event(other if number == 3 else contact, f"e{number % 3}", at=at, n=number)
    make_event(contact, "e0", at=at + timedelta(days=1), n=7)

    first = api.get("/v1/analytics/events?limit=5").json()
    second = api.get(f"/v1/analytics/events?limit=5&cursor={first['next_cursor']}").json()

    def numbers(page):
        return [each["properties"]["n"] for each in page["data"]]

    assert numbers(first) + numbers(second) == [7, 6, 5, 4, 3, 2, 1, 0]
    assert second["next_cursor"] is None
    assert numbers(api.get("/v1/analytics/events?event=e0").json()) == [7, 6, 3, 0]
    only = f"/v1/analytics/events?contact_id={other.id}"
    assert numbers(api.get(only).json()) == [3]
    assert numbers(api.get("/v1/analytics/events?to=2026-02-01&limit=1").json()) == [6]
    assert numbers(api.get("/v1/analytics/events?from=2026-02-02").json()) == [7]
    assert numbers(api.get("/v1/analytics/events?contact_id=cntct_x").json()) == []
    assert api.get("/v1/analytics/events?from=soon").status_code == 400
    assert api.get("/v1/analytics/events?page=2").status_code == 400


@pytest.mark.parametrize("is_folded", [False, True])
def test_the_overview_counts_the_living_and_what_they_did(api, project, is_folded):
    today = now().replace(hour=0, minute=0, second=0, microsecond=0)
    old = make_contact(project, created_at=now() - timedelta(days=31))
    new = make_contact(project, created_at=now() - timedelta(days=1))
    gone = make_contact(project, created_at=now())
    if is_folded:
        rollups.fold_next(at=now())
    for day in range(1, 31):
        make_event(old, "login", at=today - timedelta(days=day))
        make_event(old, "login", at=today - timedelta(days=day))
    make_event(old, "login", at=today - timedelta(days=31))
    make_event(new, "login", at=today)
    make_event(new, "$email_opened", at=today)
    gone.remove(at=now())

    assert api.get("/v1/analytics/overview").json() == {
        "total_contacts": 2,
        "contacts_30d": 1,
        "events_today": 1,
        "events_avg_daily": 2,
        "active_campaigns": 0,
        "nps_score": None,
        "referral_conversion_rate": None,
    }


def test_a_picture_says_in_words_what_it_shows(api, signups):
    for body in (
        DOCUMENTED,
        {"type": "unique_contacts"},
        {"type": "funnel", "steps": ["signup_completed", "<b>"], "from": "2026-02-01"},
        {"type": "cohort_retention", "event": "signup_completed", "from": "2026-02-01"},
    ):
        svg = ask(api, body, "query/chart").json()["svg"]
        assert svg.startswith("<svg")
        assert "<title" in svg
        assert "<desc" in svg
        assert "<b>" not in svg


@pytest.mark.parametrize("entry", ["first", "best"])
@pytest.mark.parametrize("filters", [{}, {"properties.n": 1}])
def test_of_steps_at_one_moment_those_told_later_come_later(api, project, entry, filters):
    at = now() - timedelta(days=1)
    for names in ("abc", "acb", "cba", "bac", "aab", "ba", "c"):
        person = make_contact(project)
        for name in names:
            make_event(person, name, at=at, n=1)
    steps = [{"event": name, "filters": filters} for name in "abc"]

    answer = ask(api, {"type": "funnel", "steps": steps, "entry": entry}).json()

    assert [step["count"] for step in answer["data"]] == [6, 3, 1]


@pytest.mark.parametrize("entry", ["first", "best"])
def test_a_step_that_is_named_twice_needs_two_events_at_one_moment_too(api, project, entry):
    at = now() - timedelta(days=1)
    for count in (1, 2, 3):
        person = make_contact(project)
        for _ in range(count):
            make_event(person, "a", at=at)

    answer = ask(api, {"type": "funnel", "steps": ["a", "a", "a"], "entry": entry}).json()

    assert [step["count"] for step in answer["data"]] == [3, 2, 1]
