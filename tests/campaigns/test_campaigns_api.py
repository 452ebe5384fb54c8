import pytest

from campaigns.models import Campaign, Step
from contacts.models import Email
from growth.models import DomainEvent
from tests.campaigns.factories import ONBOARDING, make_segment
from tests.conftest import client_with


def create(api, **changes):
    response = api.post("/v1/campaigns", {**ONBOARDING, **changes})
    assert response.status_code == 201, response.json()
    return response.json()


def test_the_documented_sequence_comes_back_as_it_was_sent(api, project):
    segment = make_segment(project)
    trigger = {"event": "signup_completed", "segment_id": segment.id}

    campaign = create(api, trigger=trigger)

    assert campaign["id"].startswith("cmpgn_")
    assert campaign["status"] == "draft"
    assert campaign["trigger"] == trigger
    sent = [{k: v for k, v in step.items() if k != "id"} for step in campaign["steps"]]
    assert sent == ONBOARDING["steps"]
    assert api.get(f"/v1/campaigns/{campaign['id']}").json() == campaign


def test_a_broadcast_may_be_written_flat_or_with_one_step(api, project):
    segment = make_segment(project)
    flat = {
        "type": "broadcast",
        "name": "News",
        "segment_id": segment.id,
        "subject": "Hello",
        "template_id": "tmpl_reengage",
        "scheduled_at": "2030-01-01T10:00:00Z",
    }
    nested = {
        "type": "broadcast",
        "name": "News",
        "trigger": {"segment_id": segment.id},
        "steps": [{"subject": "Hello", "template_id": "tmpl_reengage"}],
    }

    first = api.post("/v1/campaigns", flat).json()
    second = api.post("/v1/campaigns", nested).json()

    assert {name: first[name] for name in flat} == flat
    assert second["segment_id"] == segment.id
    assert second["subject"] == "Hello"
    assert second["template_id"] == "tmpl_reengage"
    assert second["scheduled_at"] is None


def test_steps_keep_their_ids_over_edits(api):
    campaign = create(api)
    first, second, third = campaign["steps"]

    by_place = api.patch(
        f"/v1/campaigns/{campaign['id']}",
        {"steps": [{"delay": "0m", "subject": "Aboard!", "template_id": "tmpl_welcome_02"}]},
    ).json()
    assert [step["id"] for step in by_place["steps"]] == [first["id"]]
    assert by_place["steps"][0]["subject"] == "Aboard!"
    assert Step.objects.count() == 1

    other = create(api)
    first, second, third = other["steps"]
    by_id = api.patch(f"/v1/campaigns/{other['id']}", {"steps": [third, first]}).json()
    assert [step["id"] for step in by_id["steps"]] == [third["id"], first["id"]]


def test_patch_merges_the_trigger_and_keeps_the_type(api, project):
    segment = make_segment(project)
    campaign = create(api)

    body = {"trigger": {"segment_id": segment.id}, "type": "broadcast", "name": "v2"}
    changed = api.patch(f"/v1/campaigns/{campaign['id']}", body).json()

    assert changed["trigger"] == {"event": "signup_completed", "segment_id": segment.id}
    assert changed["name"] == "v2"
    assert changed["type"] == "lifecycle"
    assert changed["warnings"] == ["type: This field is read-only and was ignored."]


def test_an_unknown_template_is_a_warning_at_first_and_a_refusal_at_activation(api):
    steps = [{"delay": "0m", "subject": "Hi", "template_id": "tmpl_not_yet"}]
    campaign = create(api, steps=steps)
    assert "tmpl_not_yet" in campaign["warnings"][0]

    for call in ("activate", "test"):
        body = {"email": "me@example.com"} if call == "test" else {}
        refused = api.post(f"/v1/campaigns/{campaign['id']}/{call}", body)
        assert refused.status_code == 422, call
        assert "tmpl_not_yet" in refused.json()["error"]["message"]
    assert Campaign.objects.get().status == "draft"


def test_a_campaign_without_steps_is_not_activated(api):
    campaign = create(api, steps=[])

    refused = api.post(f"/v1/campaigns/{campaign['id']}/activate")

    assert refused.status_code == 422
    assert refused.json()["error"]["details"][0]["field"] == "steps"


def test_activate_and_pause_answer_the_campaign_and_bear_repetition(api):
    campaign = create(api)

    def call(action):
        response = api.post(f"/v1/campaigns/{campaign['id']}/{action}")
        return response.status_code, response.json().get("status")

    assert call("pause")[0] == 409
    assert call("activate") == (200, "active")
    assert call("activate") == (200, "active")
    assert call("pause") == (200, "paused")
    assert call("pause") == (200, "paused")
    assert call("activate") == (200, "active")
    told = DomainEvent.objects.filter(type__startswith="campaign.").order_by("id")
    assert [event.type for event in told] == [
        "campaign.activated",
        "campaign.paused",
        "campaign.activated",
    ]


def test_a_broadcast_of_the_future_is_scheduled(api, project):
    body = {
        "type": "broadcast",
        "name": "News",
        "segment_id": make_segment(project).id,
        "template_id": "tmpl_reengage",
        "scheduled_at": "2130-01-01T10:00:00Z",
    }
    campaign = api.post("/v1/campaigns", body).json()

    active = api.post(f"/v1/campaigns/{campaign['id']}/activate").json()

    assert active["status"] == "scheduled"


def test_the_list_is_filtered_by_type_and_status(api, project):
    lifecycle = create(api)
    api.post(f"/v1/campaigns/{lifecycle['id']}/activate")
    create(api)

    def found(**filters):
        return [row["id"] for row in api.get("/v1/campaigns", filters).json()["data"]]

    assert found(type="lifecycle", status="active") == [lifecycle["id"]]
    assert found(type="broadcast") == []
    assert api.get("/v1/campaigns", {"status": "nonsense"}).status_code == 400


def test_an_empty_campaigns_statistics_are_zero(api):
    campaign = create(api)

    body = api.get(f"/v1/campaigns/{campaign['id']}/stats").json()

    assert body["campaign_id"] == campaign["id"]
    assert body["status"] == "draft"
    assert body["stats"]["sent"] == body["stats"]["open_rate"] == 0


def test_the_list_takes_a_constant_number_of_statements(api, django_assert_max_num_queries):
    for _ in range(5):
        create(api)

    with django_assert_max_num_queries(3):
        api.get("/v1/campaigns")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": 7}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"type": "drip"}, "type"),
        ({"trigger": []}, "trigger"),
        ({"trigger": None}, "trigger"),
        ({"trigger": {"event": ""}}, "trigger.event"),
        ({"trigger": {"event": 7}}, "trigger.event"),
        ({"trigger": {"event": "x", "when": 1}}, "trigger.when"),
        ({"trigger": {"segment_id": "seg_0000000000"}}, "trigger.segment_id"),
        ({"trigger": {"segment_id": 7}}, "trigger.segment_id"),
        ({"steps": "x"}, "steps"),
        ({"steps": [7]}, "steps[0]"),
        ({"steps": [{"delay": "0m"}]}, "steps[0].template_id"),
        ({"steps": [{"delay": "2 days", "template_id": "tmpl_x"}]}, "steps[0].delay"),
        ({"steps": [{"delay": "-1d", "template_id": "tmpl_x"}]}, "steps[0].delay"),
        ({"steps": [{"delay": "999d", "template_id": "tmpl_x"}]}, "steps[0].delay"),
        ({"steps": [{"template_id": "../etc"}]}, "steps[0].template_id"),
        ({"steps": [{"template_id": "tmpl_x", "wait": "1d"}]}, "steps[0].wait"),
        (
            {"steps": [{"template_id": "tmpl_x", "subject": "Hi {{ contact."}]},
            "steps[0].subject",
        ),
        ({"scheduled_at": "2026-02-30T00:00:00Z"}, "scheduled_at"),
        ({"segment": "x"}, "segment"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_its_field(api, project, changes, field):
    response = api.post("/v1/campaigns", {**ONBOARDING, **changes})

    assert response.status_code == 422, response.json()
    assert response.json()["error"]["details"][0]["field"] == field
    assert not Campaign.objects.exists()


def test_another_projects_campaign_answers_as_an_unknown_one(api, other_project, project):
    stranger = create(client_with(other_project, scopes=["*"]))
    path = f"/v1/campaigns/{stranger['id']}"

    for call in (
        api.get(path),
        api.patch(path, {"name": "x"}),
        api.post(f"{path}/activate"),
        api.post(f"{path}/pause"),
        api.post(f"{path}/test", {"email": "me@example.com"}),
        api.get(f"{path}/stats"),
        api.get(f"{path}/sends"),
    ):
        assert call.status_code == 404
    foreign = make_segment(other_project)
    body = {**ONBOARDING, "trigger": {"segment_id": foreign.id}}
    assert api.post("/v1/campaigns", body).status_code == 422
    assert Campaign.objects.get().status == "draft"
    assert not Email.objects.exists()


def test_a_field_of_broadcasts_that_is_null_is_none(api):
    response = api.post("/v1/campaigns", {**ONBOARDING, "subject": None, "scheduled_at": None})

    assert response.status_code == 201, response.json()


def test_a_campaign_that_is_on_is_not_edited_into_one_that_cannot_be(api, project):
    campaign = create(api)
    path = f"/v1/campaigns/{campaign['id']}"
    api.post(f"{path}/activate")
    answer = api.patch(path, {"name": "Changed", "steps": [{"template_id": "tmpl_nothing"}]})

    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["field"] == "steps[0].template_id"
    assert api.get(path).json()["steps"] == campaign["steps"]
    assert api.get(path).json()["name"] == campaign["name"]


def test_a_scheduled_broadcast_keeps_a_segment(api, project):
    body = {"type": "broadcast", "name": "News", "template_id": "tmpl_reengage"}
    body |= {"segment_id": make_segment(project).id, "scheduled_at": "2100-01-01T10:00:00Z"}
    path = f"/v1/campaigns/{api.post('/v1/campaigns', body).json()['id']}"
    assert api.post(f"{path}/activate").json()["status"] == "scheduled"
    answer = api.patch(path, {"segment_id": None})

    assert answer.json()["error"]["details"][0]["field"] == "segment_id"


@pytest.mark.parametrize("action", ["activate", "pause"])
def test_an_action_to_which_nothing_can_be_said_refuses_a_body(api, project, action):
    path = f"/v1/campaigns/{create(api)['id']}"
    answer = api.post(f"{path}/{action}", {"at": "2030-01-01"})

    assert answer.json()["error"]["details"][0]["reason"] == "unknown_field"
    assert api.get(path).json()["status"] == "draft"


def test_a_broadcast_refuses_what_would_have_no_effect(api, project):
    one, other = make_segment(project), make_segment(project)
    body = {"type": "broadcast", "name": "News", "template_id": "tmpl_reengage"}
    event = api.post("/v1/campaigns", body | {"trigger": {"event": "go", "segment_id": one.id}})
    both = body | {"segment_id": one.id, "trigger": {"segment_id": other.id}}
    contradiction = api.post("/v1/campaigns", both)

    assert event.json()["error"]["details"][0]["field"] == "trigger.event"
    assert contradiction.json()["error"]["details"][0]["field"] == "segment_id"
    assert not Campaign.objects.exists()


def test_an_unknown_filter_is_refused_and_named(api, project):
    answer = api.get("/v1/campaigns?statuss=active")

    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("statuss: There is no such parameter")
