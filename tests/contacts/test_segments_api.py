from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from contacts import queries
from contacts.models import Membership, Segment
from contacts.operations import segments as operations
from contacts.operations.memberships import build_next
from contacts.rule_sql import sql
from tests.conftest import client_with
from tests.contacts.written_rules import DOCUMENTED, TRIAL, one
from tests.factories import AT, make_contact, make_event


def make(api, rules, **fields):
    response = api.post("/v1/segments", {"name": "Some", "rules": rules, **fields})
    assert response.status_code == 201, response.json()
    return response.json()


def emails(response):
    assert response.status_code == 200, response.json()
    return {contact["email"] for contact in response.json()["data"]}


@pytest.fixture
def trial(project):
    return [
        make_contact(project, email=f"trial-{n}@example.com", traits={"plan": "trial"})
        for n in range(3)
    ]


def test_the_documented_segment_is_made_and_counted(api, project):
    alice = make_contact(project, traits={"plan": "trial", "signed_up_at": "2026-01-15T10:30:00Z"})
    make_contact(project, traits={"plan": "trial", "signed_up_at": "2024-12-31"})
    for days in (1, 2, 3):
        make_event(alice, "login", at=now() - timedelta(days=days))

    response = api.post("/v1/segments", {"name": "Active Trial Users", "rules": DOCUMENTED})

    body = response.json()
    assert response.status_code == 201
    assert body["contact_count"] == 1
    assert body["rules"] == DOCUMENTED
    assert (body["name"], body["type"], body["status"]) == (
        "Active Trial Users",
        "dynamic",
        "ready",
    )
    assert {*body} == {
        "id",
        "name",
        "type",
        "status",
        "rules",
        "contact_count",
        "created_at",
        "updated_at",
    }


def test_rules_come_back_exactly_as_they_were_sent(api):
    rules = {
        "operator": "OR",
        "conditions": [
            {"op": "exists", "field": "traits.phone", "value": None},
            {"field": "events.login", "value": 3, "window": "7d", "op": "count_lte"},
        ],
    }

    sent = make(api, rules)

    assert api.get(f"/v1/segments/{sent['id']}").json()["rules"] == rules


def test_members_are_listed_newest_first_and_paged(api, trial, project):
    make_contact(project, traits={"plan": "growth"})
    segment = make(api, TRIAL)

    first = api.get(f"/v1/segments/{segment['id']}/contacts?limit=2").json()
    path = f"/v1/segments/{segment['id']}/contacts?limit=2&cursor={first['next_cursor']}"
    second = api.get(path).json()

    ids = [contact["id"] for contact in first["data"] + second["data"]]
    assert ids == [contact.id for contact in reversed(trial)]
    assert (first["has_more"], second["has_more"], second["next_cursor"]) == (True, False, None)
    assert {*first["data"][0]} >= {"id", "email", "external_id", "traits", "tags", "created_at"}


def test_a_patch_of_the_rules_moves_members_and_keeps_the_name(api, trial, project):
    make_contact(project, traits={"plan": "growth"})
    segment = make(api, TRIAL)

    response = api.patch(
        f"/v1/segments/{segment['id']}",
        {"rules": one(field="traits.plan", op="eq", value="growth")},
    )

    assert response.status_code == 200
    assert response.json()["contact_count"] == 1
    assert response.json()["name"] == "Some"
    assert Membership.objects.filter(segment=segment["id"]).count() == 1


def test_a_patch_of_one_part_of_the_rules_is_merged(api, trial):
    segment = make(api, TRIAL)

    body = api.patch(f"/v1/segments/{segment['id']}", {"rules": {"operator": "NOT"}}).json()

    assert body["rules"] == {**TRIAL, "operator": "NOT"}
    assert body["contact_count"] == 0


def test_a_patch_of_the_name_builds_nothing(api, trial):
    segment = make(api, TRIAL)
    before = Membership.objects.latest("id").id

    body = api.patch(f"/v1/segments/{segment['id']}", {"name": "Other"}).json()

    assert (body["name"], body["contact_count"]) == ("Other", 3)
    assert Membership.objects.latest("id").id == before
    assert Segment.objects.get().revision == 0


def test_the_list_counts_all_its_segments_in_a_constant_number_of_statements(api, trial):
    def statements():
        with CaptureQueriesContext(connection) as queries:
            response = api.get("/v1/segments")
        return len(queries), [each["contact_count"] for each in response.json()["data"]]

    make(api, TRIAL)
    few, _ = statements()
    for plan in ("trial", "growth", "scale"):
        make(api, one(field="traits.plan", op="neq", value=plan))
    many, counts = statements()

    assert counts == [3, 3, 0, 3]
    assert many == few <= 4


def test_a_segment_is_deleted_for_good(api, trial):
    segment = make(api, TRIAL)

    assert api.delete(f"/v1/segments/{segment['id']}").status_code == 204
    assert api.get(f"/v1/segments/{segment['id']}").status_code == 404
    assert api.delete(f"/v1/segments/{segment['id']}").status_code == 404
    assert not Membership.objects.exists()


def test_an_estimate_needs_no_segment(api, trial, project):
    make_contact(project)
    segment = make(api, TRIAL)
    other = one(field="traits.plan", op="not_exists")

    by_body = api.post(f"/v1/segments/{segment['id']}/estimate", {"rules": other})
    stored = api.post(f"/v1/segments/{segment['id']}/estimate")
    alone = api.post("/v1/segments/estimate", {"rules": TRIAL})

    assert by_body.status_code == stored.status_code == alone.status_code == 200
    assert by_body.json() == {
        "estimated_count": 1,
        "total_contacts": 4,
        "percentage": 25.0,
        "changes": {"enter": 1, "leave": 3},
    }
    assert stored.json() == {"estimated_count": 3, "total_contacts": 4, "percentage": 75.0}
    assert alone.json() == stored.json()
    assert Segment.objects.count() == 1


def test_an_edit_tells_who_would_enter_and_leave_and_then_does_just_that(api, trial, project):
    make_contact(project, traits={"plan": "growth"})
    trial[0].revise(traits={"seats": 5}, at=now())
    segment = make(api, TRIAL)
    edited = {
        "operator": "OR",
        "conditions": [
            {"field": "traits.seats", "op": "gte", "value": 5},
            {"field": "traits.plan", "op": "eq", "value": "growth"},
        ],
    }

    asked = {"rules": edited, "segment_id": segment["id"]}
    told = api.post("/v1/segments/estimate", asked).json()

    assert told["changes"] == {"enter": 1, "leave": 2}
    before = emails(api.get(f"/v1/segments/{segment['id']}/contacts"))
    assert len(before) == 3  # An estimate changes nothing.
    saved = api.patch(f"/v1/segments/{segment['id']}", {"rules": edited}).json()
    after = emails(api.get(f"/v1/segments/{segment['id']}/contacts"))
    assert saved["contact_count"] == told["estimated_count"] == len(after)
    assert (len(after - before), len(before - after)) == (1, 2)


def test_an_edit_of_a_segment_that_is_being_built_is_compared_with_its_rule(api, trial):
    segment = make(api, TRIAL)
    Segment.objects.update(status="building")
    Membership.objects.all().delete()

    asked = {"rules": one(field="traits.plan", op="exists"), "segment_id": segment["id"]}
    told = api.post("/v1/segments/estimate", asked).json()

    assert told["changes"] == {"enter": 0, "leave": 0}


def test_an_edit_names_a_dynamic_segment_of_the_project(api, other_project):
    static = api.post("/v1/segments", {"name": "x", "type": "static"}).json()
    strange = make(client_with(other_project, scopes=["*"]), TRIAL)

    for id in (static["id"], strange["id"], "seg_0000000000", "x", 7):
        response = api.post("/v1/segments/estimate", {"rules": TRIAL, "segment_id": id})
        assert response.status_code == 422, id
        assert response.json()["error"]["details"][0]["field"] == "segment_id"
    body = {"rules": TRIAL, "segment_id": None}
    assert "changes" not in api.post("/v1/segments/estimate", body).json()
    rules = {"rules": TRIAL}
    assert "changes" not in api.post(f"/v1/segments/{static['id']}/estimate", rules).json()


def test_an_estimate_that_takes_too_long_ends_and_says_so(api, monkeypatch):
    monkeypatch.setattr(queries, "_PATIENCE", 0.05)
    monkeypatch.setattr(queries, "matching", lambda *_, **__: sql("SELECT pg_sleep(5)"))

    response = api.post("/v1/segments/estimate", {"rules": TRIAL})

    assert response.status_code == 503
    assert response.json()["error"]["code"] == "unavailable"
    assert "longer than 3 seconds" in response.json()["error"]["message"]


def test_an_estimate_of_nobody_is_zero_percent(api):
    body = api.post("/v1/segments/estimate", {"rules": TRIAL}).json()

    assert body == {"estimated_count": 0, "total_contacts": 0, "percentage": 0.0}


def test_an_estimate_only_needs_the_right_to_read(project, trial):
    reader = client_with(project, scopes=["segments:read"])

    assert reader.post("/v1/segments/estimate", {"rules": TRIAL}).status_code == 200
    assert reader.post("/v1/segments", {"name": "x", "rules": TRIAL}).status_code == 403


def test_a_segment_that_another_looks_at_stays(api):
    first = make(api, TRIAL)
    second = make(api, one(field="segments", op="in", value=[first["id"]]))

    response = api.delete(f"/v1/segments/{first['id']}")

    assert response.status_code == 409
    assert second["id"] in response.json()["error"]["message"]
    assert api.delete(f"/v1/segments/{second['id']}").status_code == 204
    assert api.delete(f"/v1/segments/{first['id']}").status_code == 204


def test_an_edit_reaches_the_segments_that_look_at_it(api, trial, project):
    make_contact(project, traits={"plan": "growth"})
    first = make(api, TRIAL)
    second = make(api, one(field="segments", op="contains", value=first["id"]))
    third = make(api, one(field="segments", op="not_contains", value=second["id"]))
    assert (second["contact_count"], third["contact_count"]) == (3, 1)

    api.patch(
        f"/v1/segments/{first['id']}", {"rules": one(field="traits.plan", op="eq", value="growth")}
    )

    counts = {each["id"]: each["contact_count"] for each in api.get("/v1/segments").json()["data"]}
    assert [counts[each["id"]] for each in (first, second, third)] == [1, 1, 3]


def test_a_static_segment_takes_contacts_by_id(api, trial):
    segment = api.post("/v1/segments", {"name": "Invited", "type": "static"}).json()
    path = f"/v1/segments/{segment['id']}/contacts"
    ids = [contact.id for contact in trial]

    assert (segment["type"], segment["status"], segment["rules"]) == ("static", "ready", None)
    assert api.post(path, {"contact_ids": ids[:2]}).json()["contact_count"] == 2
    assert api.post(path, {"contact_ids": ids[1:]}).json()["contact_count"] == 3
    assert emails(api.get(path)) == {contact.email for contact in trial}
    assert api.delete(path, {"contact_ids": [ids[0], ids[0]]}).json()["contact_count"] == 2
    assert api.patch(f"/v1/segments/{segment['id']}", {"rules": TRIAL}).status_code == 422


def test_only_a_static_segment_takes_contacts_by_id(api, trial):
    segment = make(api, TRIAL)

    response = api.post(f"/v1/segments/{segment['id']}/contacts", {"contact_ids": [trial[0].id]})

    assert response.status_code == 409


def test_a_deleted_contact_is_in_no_segment(api, trial, relay):
    segment = make(api, TRIAL)

    api.delete(f"/v1/contacts/{trial[0].id}")

    assert len(emails(api.get(f"/v1/segments/{segment['id']}/contacts"))) == 2
    relay()
    assert api.get(f"/v1/segments/{segment['id']}").json()["contact_count"] == 2


def test_an_explanation_tells_each_condition(api, project):
    contact = make_contact(project, traits={"plan": "trial"})
    seen = now() - timedelta(days=1)
    make_event(contact, "login", at=seen)
    rules = {
        "operator": "AND",
        "conditions": [
            {"field": "traits.plan", "op": "eq", "value": "growth"},
            {
                "operator": "OR",
                "conditions": [{"field": "events.login", "op": "exists", "window": "7d"}],
            },
        ],
    }
    segment = make(api, rules)

    body = api.get(f"/v1/segments/{segment['id']}/contacts/{contact.id}").json()

    leaves = (seen + timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert body == {
        "contact_id": contact.id,
        "segment_id": segment["id"],
        "is_member": False,
        "matches": False,
        "recheck_at": None,
        "conditions": [
            {"path": "rules.conditions[0]", "matches": False, "changes_at": None},
            {"path": "rules.conditions[1].conditions[0]", "matches": True, "changes_at": leaves},
        ],
    }


def test_while_a_large_segment_is_being_built_reads_ask_its_rule(
    api, trial, project, monkeypatch, woken
):
    monkeypatch.setattr(operations, "SMALL", 2)

    segment = make(api, TRIAL)

    assert (segment["status"], segment["contact_count"]) == ("building", 3)
    assert "contacts.tasks.build_segments" in woken
    assert not Membership.objects.exists()
    assert len(emails(api.get(f"/v1/segments/{segment['id']}/contacts"))) == 3
    assert api.get("/v1/segments").json()["data"][0]["contact_count"] == 3

    assert build_next(at=AT) == 1
    assert build_next(at=AT) == 0
    assert api.get(f"/v1/segments/{segment['id']}").json()["status"] == "ready"
    assert Membership.objects.count() == 3
