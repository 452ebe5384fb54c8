"""Whatever is sent to ``/v1/segments``: a clear answer, nothing broken, nothing of a stranger's."""

import pytest

from contacts.models import Contact, Membership, Segment
from tests.conftest import client_with
from tests.contacts.written_rules import HOSTILE, TRIAL, one
from tests.factories import make_contact


def make(api, rules, **fields):
    response = api.post("/v1/segments", {"name": "Some", "rules": rules, **fields})
    assert response.status_code == 201, response.json()
    return response.json()


@pytest.fixture
def trial(project):
    return [
        make_contact(project, email=f"trial-{n}@example.com", traits={"plan": "trial"})
        for n in range(3)
    ]


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({"rules": TRIAL}, "name", "required"),
        ({"name": "", "rules": TRIAL}, "name", "blank"),
        ({"name": 5, "rules": TRIAL}, "name", "invalid"),
        ({"name": "x" * 201, "rules": TRIAL}, "name", "max_length"),
        ({"name": "x"}, "rules", "required"),
        ({"name": "x", "rules": []}, "rules", "invalid"),
        ({"name": "x", "rules": None}, "rules", "required"),
        ({"name": "x", "rules": {}}, "rules.operator", "required"),
        ({"name": "x", "rules": TRIAL, "rule": 1}, "rule", "unknown_field"),
        ({"name": "x", "rules": TRIAL, "type": "static"}, "rules", "invalid"),
        ({"name": "x", "rules": TRIAL, "type": "other"}, "type", "invalid_choice"),
        (
            {"name": "x", "rules": one(field="traits.a", op="gt", value="b")},
            "rules.conditions[0].value",
            "invalid",
        ),
        (
            {"name": "x", "rules": one(field="segments", op="in", value=["seg_0000000000"])},
            "rules.conditions[0].value",
            "unknown_id",
        ),
        (
            {"name": "x", "rules": one(field="segments", op="eq", value="nonsense")},
            "rules.conditions[0].value",
            "unknown_id",
        ),
    ],
)
def test_what_is_wrong_is_named(api, body, field, reason):
    response = api.post("/v1/segments", body)

    error = response.json()["error"]
    assert response.status_code == 422
    assert [(each["field"], each["reason"]) for each in error["details"]] == [(field, reason)]
    assert not Segment.objects.exists()


def test_all_that_is_wrong_is_named_at_once(api):
    details = api.post("/v1/segments", {"name": "", "rules": {}}).json()["error"]["details"]

    assert {each["field"] for each in details} == {"name", "rules.operator"}


def test_read_only_fields_are_ignored_with_a_warning(api):
    body = make(api, TRIAL, contact_count=7)

    assert body["contact_count"] == 0
    assert body["warnings"] == ["contact_count: This field is read-only and was ignored."]


def test_another_project_sees_nothing(api, trial, other_project):
    segment = make(api, TRIAL)
    stranger = client_with(other_project, scopes=["*"])
    path = f"/v1/segments/{segment['id']}"

    assert stranger.get("/v1/segments").json()["data"] == []
    for response in (
        stranger.get(path),
        stranger.patch(path, {"name": "mine"}),
        stranger.delete(path),
        stranger.get(f"{path}/contacts"),
        stranger.post(f"{path}/contacts", {"contact_ids": [trial[0].id]}),
        stranger.post(f"{path}/estimate"),
        stranger.get(f"{path}/contacts/{trial[0].id}"),
    ):
        assert response.status_code == 404, response.json()
    looking = one(field="segments", op="contains", value=segment["id"])
    assert stranger.post("/v1/segments/estimate", {"rules": looking}).json()["estimated_count"] == 0
    assert stranger.post("/v1/segments", {"name": "x", "rules": looking}).status_code == 422


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_rules_find_nobody_and_break_nothing(api, trial, text):
    for rules in (
        one(field=f"traits.{text}", op="eq", value=text),
        one(field="traits.plan", op="contains", value=text),
        one(field=f"events.{text}", op="count_gte", value=1, window="7d"),
        one(field="tags", op="contains", value=text),
        one(field="email", op="starts_with", value=text),
        one(field="phone", op="eq", value=text),
    ):
        response = api.post("/v1/segments/estimate", {"rules": rules})
        assert response.status_code == 200, response.json()
        assert response.json()["estimated_count"] == 0
    assert Contact.objects.count() == 3


def test_wildcards_are_only_letters(api, project):
    make_contact(project, traits={"note": "100% sure"})
    make_contact(project, traits={"note": "100 x sure"})

    for part, count in (("0%", 1), ("%", 1), ("_", 0), ("0 X S", 1)):
        rules = one(field="traits.note", op="contains", value=part)
        found = api.post("/v1/segments/estimate", {"rules": rules}).json()["estimated_count"]
        assert found == count, part


def test_an_unknown_contact_is_named(api, trial, other_project):
    segment = api.post("/v1/segments", {"name": "Invited", "type": "static"}).json()
    stranger = make_contact(other_project)
    path = f"/v1/segments/{segment['id']}/contacts"

    for ids in ([trial[0].id, stranger.id], [trial[0].id, "cntct_x"], [trial[0].id, "seg_1"]):
        response = api.post(path, {"contact_ids": ids})
        assert response.status_code == 422
        assert response.json()["error"]["details"][0]["field"] == "contact_ids[1]"
    assert not Membership.objects.exists()


def test_segments_that_look_at_each_other_in_a_circle_are_refused(api):
    first = make(api, TRIAL)
    second = make(api, one(field="segments", op="in", value=[first["id"]]))
    third = make(
        api,
        one(
            field="events.$segment_entered",
            op="exists",
            where={"field": "properties.segment_id", "op": "eq", "value": second["id"]},
        ),
    )

    for target in (first, second, third):
        rules = one(field="segments", op="not_contains", value=target["id"])
        response = api.patch(f"/v1/segments/{first['id']}", {"rules": rules})
        assert response.status_code == 422
        (detail,) = response.json()["error"]["details"]
        assert (detail["field"], detail["reason"]) == ("rules.conditions[0].value", "cycle")
