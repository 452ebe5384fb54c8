"""One stream of events: what the apps did to people is asked in one funnel, and in one query."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from contacts.models import Contact
from tests.referrals.factories import follow, told

JOURNEY = [
    "$waitlist_joined",
    "$waitlist_approved",
    "activated",
    "$referral_converted",
    {"event": "$survey_responded", "filters": {"properties.score": {"gte": 9}}},
]


@pytest.fixture
def made(api) -> Callable[..., Any]:
    """Return what makes something by the API."""

    def post(path: str, body: dict[str, Any], status: int = 201) -> Any:
        answer = api.post(f"/v1/{path}", body)
        assert answer.status_code == status, answer.json()
        return answer.json()

    return post


@pytest.fixture
def track(ingest) -> Callable[..., None]:
    """Return what tells the events of a person."""

    def send(user: str, *names: str, **body: Any) -> None:
        for name in names:
            answer = ingest.post("/v1/track", {"user_id": user, "event": name, **body})
            assert answer.status_code == 202, answer.json()

    return send


@pytest.fixture
def program(made) -> dict[str, Any]:
    return made(
        "referrals/programs",
        {
            "name": "Friends",
            "status": "active",
            "reward_type": "credit",
            "reward_amount": 20,
            "reward_currency": "USD",
            "conversion_event": "paid",
            "landing_url": "https://acme.example/welcome",
        },
    )


def test_from_the_waitlist_to_a_promoter_is_one_funnel(
    api, made, track, ingest, relay, program, project
):
    """Four people wait; each of them comes one step further than the one before."""
    waitlist = made("waitlists", {"name": "Early access", "slug": "early"})
    survey = made("surveys", {"name": "NPS", "type": "nps", "question": "Would you recommend us?"})
    made(f"surveys/{survey['id']}/activate", {}, 200)
    people = []
    for name in ("ann", "ben", "cid", "dan", "eve"):
        email = f"{name}@example.com"
        path = f"waitlists/{waitlist['id']}/entries"
        people.append((name, made(path, {"email": email}), email))
    for _, entry, _ in people[1:]:
        made(f"waitlists/{waitlist['id']}/entries/{entry['id']}/approve", {}, 200)
    for name, _, email in people[2:]:
        answer = ingest.post("/v1/identify", {"user_id": name, "traits": {"email": email}})
        assert answer.status_code == 202
        track(name, "activated")
    for name, _, email in people[3:]:
        referrer = Contact.objects.get(project=project, email=email)
        link = made("referrals/links", {"program_id": program["id"], "contact_id": referrer.id})
        code = told(follow(link["code"]))["ref"]
        context = {"referral": {"code": code}}
        ingest.post("/v1/identify", {"user_id": f"friend-of-{name}", "context": context})
        track(f"friend-of-{name}", "paid")
        relay(now())
        score = 9 if name == "eve" else 6
        made(f"surveys/{survey['id']}/responses", {"contact_id": referrer.id, "score": score})

    answer = api.post("/v1/analytics/query", {"type": "funnel", "steps": JOURNEY}).json()

    assert [step["count"] for step in answer["data"]] == [5, 4, 3, 2, 1]
    assert answer["data"][4]["event"] == "$survey_responded"
    body = {"query": {"type": "funnel", "steps": JOURNEY}, "step": 5}
    [promoter] = api.post("/v1/analytics/query/people", body).json()["data"]
    assert promoter["email"] == "eve@example.com"
    grouped = {"type": "funnel", "steps": JOURNEY[:2], "group_by": "referred"}
    [only] = api.post("/v1/analytics/query", grouped).json()["groups"]
    assert (only["group"], only["total"]) == ("organic", 5)


def test_referred_against_organic_retention_is_one_query(api, made, track, ingest, relay, program):
    """Who came by a friend is known to the referral program, not to a trait."""
    ingest.post("/v1/identify", {"user_id": "ann", "traits": {"email": "ann@example.com"}})
    [ann] = api.get("/v1/contacts?external_id=ann").json()["data"]
    link = made("referrals/links", {"program_id": program["id"], "contact_id": ann["id"]})
    seen = told(follow(link["code"]))
    context = {"referral": {"code": seen["ref"], "click_id": seen["gclk"]}}
    ingest.post("/v1/identify", {"user_id": "bob", "context": context})
    today = now().replace(hour=0, minute=0, second=0, microsecond=0)
    began, later = today - timedelta(days=3), today - timedelta(days=2)
    for user, comes_back in (("bob", True), ("cid", True), ("dan", False), ("eve", False)):
        track(user, "signup", timestamp=began.isoformat())
        if comes_back:
            track(user, "login", timestamp=later.isoformat())
    relay(now())
    body = {
        "type": "cohort_retention",
        "start": "signup",
        "return": "login",
        "period": "day",
        "from": f"{began.date()}",
        "group_by": "referred",
    }

    answer = api.post("/v1/analytics/query", body)

    assert answer.status_code == 200, answer.json()
    groups = {each["group"]: each["data"][0] for each in answer.json()["groups"]}
    assert {name: (one["size"], one["cells"][1]["rate"]) for name, one in groups.items()} == {
        "referred": (1, 1.0),
        "organic": (3, 0.3333),
    }
    pick = {"query": body, "group": "referred"}
    [behind] = api.post("/v1/analytics/query/people", pick).json()["data"]
    assert behind["external_id"] == "bob"
