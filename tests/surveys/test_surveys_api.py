"""``/v1/surveys``: the documented calls, and what they refuse."""

import pytest

from contacts.models import Email, MailStream
from growth.models import AuditEntry
from surveys.models import Survey
from tests import smtp_sink
from tests.campaigns.factories import make_segment
from tests.factories import make_contact
from tests.surveys.factories import NPS, QUESTIONS, make_survey


def refused(response) -> dict[str, str]:
    assert response.status_code == 422, response.json()
    return {each["field"]: each["reason"] for each in response.json()["error"]["details"]}


def test_the_documented_survey_comes_back_as_it_was_sent(api, project):
    segment = make_segment(project)
    trigger = {"segment_id": segment.id, "event": "trial_expired", "delay": "1h"}
    made = api.post("/v1/surveys", {**NPS, "trigger": trigger})

    assert made.status_code == 201
    shown = made.json()
    assert {name: shown[name] for name in NPS} == {**NPS, "trigger": trigger}
    assert api.get(f"/v1/surveys/{shown['id']}").json() == shown
    assert [each["id"] for each in api.get("/v1/surveys").json()["data"]] == [shown["id"]]
    assert MailStream.objects.get().kind == "survey"


def test_a_patch_of_the_delay_keeps_the_event(api):
    id = api.post("/v1/surveys", NPS).json()["id"]
    body = {"question": "How likely?", "trigger": {"delay": "2h"}}
    shown = api.patch(f"/v1/surveys/{id}", body).json()

    assert shown["question"] == "How likely?"
    assert shown["trigger"] == {"event": "trial_expired", "delay": "2h"}
    assert Survey.objects.get().wait.total_seconds() == 7200
    assert Survey.objects.get().stream.context["survey"]["question"] == "How likely?"


def test_status_goes_by_actions(api):
    id = api.post("/v1/surveys", NPS).json()["id"]
    path = f"/v1/surveys/{id}"
    warned = api.patch(path, {"status": "active", "type": "csat"}).json()

    assert (warned["status"], warned["type"]) == ("draft", "nps")
    assert [line.partition(":")[0] for line in warned["warnings"]] == ["status", "type"]
    assert api.post(f"{path}/pause").status_code == 409
    for _ in range(2):
        assert api.post(f"{path}/activate").json()["status"] == "active"
    for _ in range(2):
        assert api.post(f"{path}/pause").json()["status"] == "paused"
    assert api.post(f"{path}/activate").json()["status"] == "active"
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404
    assert api.get("/v1/surveys").json()["data"] == []


def test_a_survey_may_be_born_active(api):
    assert api.post("/v1/surveys", {**NPS, "status": "active"}).json()["status"] == "active"
    assert refused(api.post("/v1/surveys", {**NPS, "status": "paused"})) == {
        "status": "invalid_choice"
    }


def test_a_survey_needs_a_template_that_people_can_leave(api):
    path = (
        "/v1/surveys/" + api.post("/v1/surveys", {**NPS, "template_id": "tmpl_mine"}).json()["id"]
    )
    assert refused(api.post(f"{path}/activate")) == {"template_id": "unknown"}
    body = {
        "id": "tmpl_mine",
        "name": "x",
        "subject": "x",
        "format": "text",
        "source": "No way out",
    }
    assert api.post("/v1/templates", body).status_code == 201
    assert refused(api.post(f"{path}/activate")) == {"template_id": "no_unsubscribe_link"}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"trigger": {"delay": "1h"}}, ["trigger.event"]),
        ({"trigger": {"event": "x", "delay": "soon", "y": 1}}, ["trigger.delay", "trigger.y"]),
        ({"trigger": {"segment_id": "seg_0000000000"}}, ["trigger.segment_id"]),
        ({"trigger": {"event": "x", "where": {"field": "y"}}}, ["trigger.where.op"]),
        ({"frequency_cap": {"cooldown_days": -1}}, ["frequency_cap.cooldown_days"]),
        ({"frequency_cap": {"max_surveys_per_contact": True, "a": 1}},
         ["frequency_cap.a", "frequency_cap.max_surveys_per_contact"]),
        ({"type": "ces"}, ["type"]),
        ({"question": 5}, ["question"]),
        ({"questions": QUESTIONS}, ["questions"]),
        ({"colour": "red"}, ["colour"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(api, body, fields):
    assert sorted(refused(api.post("/v1/surveys", {**NPS, **body}))) == fields
    assert not Survey.objects.exists()


def test_questions_are_checked_all_at_once(api):
    questions = [
        {"id": "a", "type": "single", "label": "?", "choices": []},
        {"id": "A", "type": "vague", "label": ""},
        {"id": "a", "type": "rating", "label": "?", "scale": 99},
        7,
    ]
    body = {**NPS, "type": "custom", "questions": questions}

    assert sorted(refused(api.post("/v1/surveys", body))) == [
        *("questions[0].choices", "questions[1].id", "questions[1].label", "questions[1].type"),
        *("questions[2].id", "questions[2].scale", "questions[3]"),
    ]


def test_a_list_is_filtered_and_empty_for_a_new_project(api, project):
    assert api.get("/v1/surveys").json() == {"data": [], "has_more": False, "next_cursor": None}
    survey = make_survey(project)
    make_survey(project, type="csat", name="Other").pause(at=survey.created_at)

    shown = api.get("/v1/surveys?type=nps&status=active").json()["data"]
    assert [each["id"] for each in shown] == [survey.id]
    assert api.get("/v1/surveys?status=gone").status_code == 400


def test_a_segment_that_a_survey_is_for_stays(api, project):
    segment = make_segment(project, make_contact(project))
    survey = make_survey(project, trigger={"segment_id": segment.id}, segment=segment)

    assert api.delete(f"/v1/segments/{segment.id}").status_code == 409
    assert api.delete(f"/v1/surveys/{survey.id}").status_code == 204
    assert api.delete(f"/v1/segments/{segment.id}").status_code == 204


def test_a_test_shows_the_invitation_and_counts_nowhere(api, project, settings):
    survey = make_survey(project, question="Would you recommend us?")
    with smtp_sink.running() as sink:
        settings.EMAIL_URL = sink.url
        sent = api.post(f"/v1/surveys/{survey.id}/test", {"email": "me@acme.example"})

    assert (sent.status_code, sent.json()) == (202, {"id": survey.id, "status": "sent"})
    [mail] = sink.received
    assert mail.recipient == "me@acme.example"
    text = mail.parsed.get_body(("plain",)).get_content()
    assert "Would you recommend us?" in text
    assert "/s/sample?score=10" in text
    assert not Email.objects.exists()
    assert "me@acme.example" not in str(list(AuditEntry.objects.values()))


def test_a_test_that_cannot_be_sent_is_refused_by_its_field(api, project, other_project):
    survey = make_survey(project)
    Survey.objects.update(template_code="tmpl_nowhere")
    path = f"/v1/surveys/{survey.id}/test"

    assert refused(api.post(path, {})) == {"email": "required"}
    assert refused(api.post(path, {"email": "nobody", "step": 1})).keys() == {"email", "step"}
    assert refused(api.post(path, {"email": "me@acme.example"})) == {"template_id": "unknown"}
    strange = make_survey(other_project)
    body = {"email": "me@acme.example"}
    assert api.post(f"/v1/surveys/{strange.id}/test", body).status_code == 404


def test_the_audit_log_keeps_no_answer(api, project):
    survey, ann = make_survey(project), make_contact(project)
    body = {"contact_id": ann.id, "score": 3, "comment": "My name is Ann"}
    assert api.post(f"/v1/surveys/{survey.id}/responses", body).status_code == 201

    assert "Ann" not in str(list(AuditEntry.objects.values()))
