"""The audit log: every management call that changed something."""

import pytest

from growth.models import ApiKey, AuditEntry
from tests.campaigns.factories import make_lifecycle
from tests.factories import make_contact

RULES = {"operator": "AND", "conditions": [{"field": "traits.plan", "op": "eq", "value": "pro"}]}


def test_a_change_is_told_with_who_what_before_and_after(api, project):
    answer = api.patch("/v1/settings", {"timezone": "Europe/London"})
    entry = api.get("/v1/settings/audit").json()["data"][0]

    assert entry["key_id"] == ApiKey.objects.get().id
    assert (entry["method"], entry["path"]) == ("PATCH", "/v1/settings")
    assert entry["before"] == {"timezone": "UTC"}
    assert entry["after"] == {"timezone": "Europe/London"}
    assert entry["request_id"] == answer.headers["X-Request-Id"]


def test_what_a_call_does_to_the_steps_of_a_campaign_is_told(api, project):
    campaign = make_lifecycle(project, "0m")
    api.patch(f"/v1/campaigns/{campaign.id}", {"name": "Renamed"})

    entry = AuditEntry.objects.get()
    assert entry.before == {"name": campaign.name}
    assert entry.after == {"name": "Renamed"}


def test_a_thing_that_is_gone_is_told_as_it_was(api, project):
    segment = api.post("/v1/segments", {"name": "Pro", "rules": RULES}).json()
    api.delete(f"/v1/segments/{segment['id']}")

    gone, made = AuditEntry.objects.order_by("-id")
    assert made.after["name"] == "Pro"
    assert gone.before["name"] == "Pro"
    assert gone.after == {}


def test_of_people_only_the_names_of_fields_are_told(api, project):
    contact = make_contact(project)
    api.patch(f"/v1/contacts/{contact.id}", {"traits": {"secret": "gold"}})

    entry = AuditEntry.objects.get()
    assert entry.after == {"fields": ["traits"]}
    assert "gold" not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "/v1/settings", None),
        ("post", "/v1/segments/estimate", {"rules": RULES}),
        ("patch", "/v1/settings", {"timezone": "Nowhere"}),
        ("delete", "/v1/segments/seg_unknown", None),
    ],
)
def test_what_changed_nothing_is_not_told(api, method, path, body):
    getattr(api, method)(path, body)

    assert not AuditEntry.objects.exists()


def test_the_log_of_another_project_is_not_shown(api, other_project):
    AuditEntry.objects.create(
        project=other_project, at="2026-01-01T00:00Z", request_id="r", method="POST", path="/"
    )

    assert api.get("/v1/settings/audit").json()["data"] == []
