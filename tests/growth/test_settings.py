"""``/v1/settings``: the documented shape, and what follows from a change."""

import pytest

from contacts.models import Rescoring, Segment
from contacts.operations import scoring
from growth.models import DomainEvent, Project
from tests.campaigns.factories import make_segment
from tests.conftest import AT
from tests.factories import make_contact


def test_settings_have_the_documented_shape(api, project):
    answer = api.get("/v1/settings")

    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in ("project_id", "name", "timezone", "domain")} == {
        "project_id": project.id,
        "name": "Acme",
        "timezone": "UTC",
        "domain": "",
    }
    assert answer.json()["created_at"].endswith("Z")
    assert answer.json()["default_from_email"] == ""


def test_the_documented_patch_works_to_the_letter(api, project):
    body = {"timezone": "Europe/London", "default_from_email": "hello@acme.com"}
    answer = api.patch("/v1/settings", body)

    assert answer.status_code == 200
    assert answer.json() | body == answer.json()
    project.refresh_from_db()
    assert project.timezone == "Europe/London"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": 7}, "timezone"),
        ({"default_from_email": "nobody"}, "default_from_email"),
        ({"week_start": "someday"}, "week_start"),
        ({"duplicate_check_priority": ["email", "email"]}, "duplicate_check_priority"),
        ({"duplicate_check_priority": []}, "duplicate_check_priority"),
        ({"scoring": {"lead": {"email": 101}}}, "scoring.lead.email"),
        ({"scoring": {"lead": {"traits": {"name": "many"}}}}, "scoring.lead.traits.name"),
        ({"scoring": {"hype": {}}}, "scoring.hype"),
        ({"scoring": []}, "scoring"),
        ({"colour": "red"}, "colour"),
        ({"mail_rate": 0}, "mail_rate"),
        ({"mail_rate": "٣"}, "mail_rate"),
        ({"domain": "https://acme.com"}, "domain"),
        ({"domain": "acme.com/path"}, "domain"),
        ({"domain": "acme_.com"}, "domain"),
        ({"domain": "-acme.com"}, "domain"),
        ({"domain": "10.0.0.1"}, "domain"),
        ({"domain": "a" * 64 + ".com"}, "domain"),
        ({"referral_domain": "go acme.com"}, "referral_domain"),
        ({"quiet_hours": {"from": "٢٢:00", "to": "08:00"}}, "quiet_hours.from"),
        ({"mail_cap": {"count": 3}}, "mail_cap.window"),
        ({"mail_cap": {"count": 0, "window": "7d"}}, "mail_cap.count"),
        ({"mail_cap": {"count": 3, "window": "0d"}}, "mail_cap.window"),
        ({"mail_cap": {"count": 3, "window": "soon"}}, "mail_cap.window"),
        ({"mail_cap": 3}, "mail_cap"),
        ({"quiet_hours": {"from": "22:00"}}, "quiet_hours.to"),
        ({"quiet_hours": {"from": "22:00", "to": "22:00"}}, "quiet_hours.to"),
        ({"quiet_hours": {"from": "late", "to": "08:00"}}, "quiet_hours.from"),
        ({"quiet_hours": {"from": "22:00", "to": "08:00", "zone": "UTC"}}, "quiet_hours.zone"),
    ],
)
def test_a_wrong_value_is_named_and_nothing_changes(api, project, body, field):
    answer = api.patch("/v1/settings", {"name": "Changed", **body})

    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["field"] == field
    project.refresh_from_db()
    assert project.name == "Acme"


def test_the_plan_is_not_the_callers_to_change(api, project):
    answer = api.patch("/v1/settings", {"plan": "free"})

    assert answer.status_code == 200
    assert answer.json()["plan"] == Project.Plan.SCALE
    assert answer.json()["warnings"] == ["plan: This field is read-only and was ignored."]


def test_what_did_not_change_is_no_news(api, project):
    api.patch("/v1/settings", {"name": "Acme"})

    assert not DomainEvent.objects.filter(type="settings.updated").exists()


def test_segments_are_written_anew_when_the_days_begin_elsewhere(api, project, relay):
    segment = make_segment(project, make_contact(project))
    Segment.objects.filter(pk=segment.pk).update(type="dynamic")
    api.patch("/v1/settings", {"timezone": "Asia/Kathmandu"})
    relay()

    segment.refresh_from_db()
    assert segment.status == Segment.Status.BUILDING
    assert Rescoring.objects.filter(project=project).exists()


def test_scores_follow_the_rules_of_the_project(api, project, relay):
    contact = make_contact(project, traits={"shoe_size": 43})
    assert api.get(f"/v1/contacts/{contact.id}").json()["scores"]["lead"] == 20
    rules = {"lead": {"email": 1, "traits": {"shoe_size": 50}}}
    assert api.patch("/v1/settings", {"scoring": rules}).json()["scoring"] == rules
    relay()
    while scoring.rescore_next(at=AT):
        pass

    assert api.get(f"/v1/contacts/{contact.id}").json()["scores"]["lead"] == 51
    assert contact.activity.lead == 51
    assert not Rescoring.objects.exists()


def test_to_rescore_goes_on_where_it_was_killed(api, project, monkeypatch):
    contacts = [make_contact(project) for _ in range(3)]
    monkeypatch.setattr(scoring, "_BATCH", 2)
    scoring.rescore_all(project)
    done = [scoring.rescore_next(at=AT) for _ in range(4)]

    assert done == [2, 1, 0, 0]
    assert all(contact.activity.lead == 20 for contact in contacts)


def test_caps_rates_and_quiet_hours_of_mail_are_set_and_taken_away(api, project):
    body = {
        "mail_rate": 600,
        "mail_cap": {"count": 3, "window": "7d"},
        "quiet_hours": {"from": "22:00", "to": "08:30"},
    }
    answer = api.patch("/v1/settings", body)

    assert answer.status_code == 200
    assert answer.json() | body | {"mail_cap": {"count": 3, "window": "1w"}} == answer.json()
    project.refresh_from_db()
    assert (project.mail_cap_count, project.mail_cap_window.days) == (3, 7)
    none = {"mail_rate": None, "mail_cap": None, "quiet_hours": None}
    assert api.patch("/v1/settings", none).json() | none == api.get("/v1/settings").json()
    project.refresh_from_db()
    assert project.quiet_from is None


def test_what_a_patch_says_of_an_object_is_merged_into_it(api, project):
    first = {
        "scoring": {"lead": {"email": 50, "traits": {"plan": 5}}},
        "mail_cap": {"count": 3, "window": "1d"},
        "quiet_hours": {"from": "22:00", "to": "08:00"},
    }
    api.patch("/v1/settings", first)
    second = {
        "scoring": {"engagement": {"other_event": 5}, "lead": {"traits": {"plan": None}}},
        "mail_cap": {"count": 4},
        "quiet_hours": {"to": "09:00"},
    }
    answer = api.patch("/v1/settings", second)

    assert answer.status_code == 200, answer.json()
    merged = {
        "scoring": {"lead": {"email": 50, "traits": {}}, "engagement": {"other_event": 5}},
        "mail_cap": {"count": 4, "window": "1d"},
        "quiet_hours": {"from": "22:00", "to": "09:00"},
    }
    assert api.get("/v1/settings").json() | merged == answer.json()
