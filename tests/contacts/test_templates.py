"""``/v1/templates``: what an author sends, and what a mail looks like by it."""

import pytest

from contacts.models import Template
from growth.models import Project
from tests.conftest import client_with
from tests.contacts.mail_factories import make_template
from tests.contacts.template_calls import STARTERS, create, reasons, render
from tests.factories import make_contact


def test_a_template_is_stored_under_the_code_its_author_chose(api):
    response = create(api, id="tmpl_hello", name="Hello", subject="Hi {{ contact.name }}")

    assert response.status_code == 201
    body = response.json()
    assert list(body) == [
        "id",
        "name",
        "subject",
        "preheader",
        "format",
        "source",
        "text",
        "created_at",
        "updated_at",
    ]
    assert (body["id"], body["format"]) == ("tmpl_hello", "html")
    assert body["text"] == "Hi\n\nUnsubscribe <{{ links.unsubscribe }}>\n"
    assert len(body["created_at"]) == len("2026-03-02T12:00:00Z")
    assert api.get("/v1/templates/tmpl_hello").json() == body


def test_a_template_without_a_code_gets_one(api):
    first, second = create(api).json()["id"], create(api).json()["id"]

    assert first.startswith("tmpl_")
    assert first != second


def test_a_code_is_taken_once(api, other_project):
    make_template(other_project, "tmpl_hello")
    assert create(api, id="tmpl_hello").status_code == 201

    response = create(api, id="tmpl_hello")

    assert (response.status_code, response.json()["error"]["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    "code", ["hello", "tmpl_", "tmpl_Hello", "tmpl_é", "tmpl_a\nb", "tmpl_" + "a" * 59, 7, None]
)
def test_a_code_is_spelled_in_one_way(api, code):
    assert "id" in reasons(create(api, id=code))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"source": ""}, "source"),
        ({"source": 7}, "source"),
        ({"source": "x" * 100_001}, "source"),
        ({"format": "docx"}, "format"),
        ({"subject": "x" * 501}, "subject"),
        ({"sauce": "x"}, "sauce"),
    ],
)
def test_a_wrong_field_is_named(api, fields, field):
    assert field in reasons(api.post("/v1/templates", {"source": "x", **fields}))


def test_every_project_sees_the_starters(api):
    page = api.get("/v1/templates").json()

    assert [each["id"] for each in page["data"]] == STARTERS
    assert all(each["format"] == "mjml" and each["subject"] for each in page["data"])


@pytest.mark.parametrize("code", STARTERS)
def test_every_starter_is_a_tidy_mail(api, code):
    shown = render(api, code)

    assert shown["warnings"] == []
    assert shown["subject"]
    assert "{" not in shown["subject"] + shown["text"]
    assert "Hi Alex," in shown["text"]
    assert "Unsubscribe <http://localhost:8000/u/sample>" in shown["text"]


def test_the_list_has_starters_and_stored_templates_on_pages_by_code(api, project):
    for code in ("tmpl_a", "tmpl_p", "tmpl_reengage", "tmpl_z"):
        make_template(project, code)
    expected = sorted({*STARTERS, "tmpl_a", "tmpl_p", "tmpl_z"})

    seen, cursor = [], ""
    while cursor is not None:
        page = api.get("/v1/templates", {"limit": 3, "cursor": cursor}).json()
        seen += [each["id"] for each in page["data"]]
        assert len(page["data"]) <= 3
        cursor = page["next_cursor"]

    assert seen == expected


def test_a_starter_becomes_the_projects_own_when_it_is_changed(api, other_project):
    before = api.get("/v1/templates/tmpl_welcome_01").json()

    response = api.patch("/v1/templates/tmpl_welcome_01", {"subject": "Ahoy"})

    assert response.status_code == 200
    assert response.json()["subject"] == "Ahoy"
    assert response.json()["source"] == before["source"]
    assert api.get("/v1/templates/tmpl_welcome_01").json()["subject"] == "Ahoy"
    elsewhere = client_with(other_project, scopes=["*"])
    assert elsewhere.get("/v1/templates/tmpl_welcome_01").json() == before


def test_deleting_the_own_one_brings_the_starter_back(api):
    create(api, id="tmpl_reengage", subject="Ours")

    assert api.delete("/v1/templates/tmpl_reengage").status_code == 204

    assert api.get("/v1/templates/tmpl_reengage").json()["subject"] == "Is this still for you?"
    assert api.delete("/v1/templates/tmpl_reengage").status_code == 409


SENDERS = {
    "campaign": (
        "/v1/campaigns",
        {
            "type": "lifecycle",
            "trigger": {"event": "signup"},
            "steps": [{"delay": "0m", "template_id": "tmpl_own"}],
        },
    ),
    "survey": ("/v1/surveys", {"type": "nps", "question": "How?", "template_id": "tmpl_own"}),
    "waitlist": ("/v1/waitlists", {"slug": "beta", "invite_email_template_id": "tmpl_own"}),
    "program": ("/v1/referrals/programs", {"template_id": "tmpl_own"}),
}


@pytest.mark.parametrize("kind", SENDERS)
def test_what_is_sent_is_not_deleted(api, kind):
    path, body = SENDERS[kind]
    create(api, id="tmpl_own")
    sender = api.post(path, {"name": "Beta", **body})
    assert sender.status_code == 201, sender.json()
    if kind == "campaign":
        api.post(f"{path}/{sender.json()['id']}/activate")

    refusal = api.delete("/v1/templates/tmpl_own")

    assert refusal.status_code == 409
    assert refusal.json()["error"]["message"].startswith(f"The {kind} Beta (")
    assert api.get("/v1/templates/tmpl_own").status_code == 200


def test_what_only_a_draft_or_another_project_sends_is_deleted(api, other_project):
    path, body = SENDERS["campaign"]
    create(api, id="tmpl_own")
    api.post(path, {"name": "Beta", **body})
    elsewhere = client_with(other_project, scopes=["*"])
    create(elsewhere, id="tmpl_own")
    elsewhere.post(*SENDERS["survey"])

    assert api.delete("/v1/templates/tmpl_own").status_code == 204


def test_a_contact_is_rendered_as_it_is(api, project):
    contact = make_contact(project, email="ada@example.com", traits={"plan": "pro"})
    create(api, "{{ contact.email }} {{ contact.plan }} {{ event.name }}", id="tmpl_c")

    shown = render(api, "tmpl_c", contact_id=contact.id, sample={"event": {"name": "login"}})

    assert shown["html"] == "ada@example.com pro login"


def test_what_cannot_be_rendered_for_a_contact_says_why(api, project):
    contact = make_contact(project, traits={"zero": 0})
    create(api, "{% if contact.zero %}{{ 1 | divided_by: contact.zero }}{% endif %}", id="tmpl_c")

    response = api.post("/v1/templates/tmpl_c/render", {"contact_id": contact.id})

    assert "divide by 0" in reasons(response)["source"]


def test_other_projects_templates_and_contacts_are_not_there(api, other_project):
    make_template(other_project, "tmpl_theirs")
    stranger = make_contact(other_project)

    for method in ("get", "patch", "delete"):
        assert getattr(api, method)("/v1/templates/tmpl_theirs").status_code == 404
    response = api.post("/v1/templates/tmpl_welcome_01/render", {"contact_id": stranger.id})
    assert "contact_id" in reasons(response)
    assert Template.objects.count() == 1


@pytest.mark.parametrize(
    ("scope", "statuses"),
    [
        ("templates:read", {"get": 200, "render": 200, "post": 403, "patch": 403, "delete": 403}),
        ("templates:write", {"get": 403, "render": 403, "post": 201, "patch": 200, "delete": 204}),
        ("contacts:write", {"get": 403, "render": 403, "post": 403, "patch": 403, "delete": 403}),
    ],
)
def test_each_call_needs_its_scope(project: Project, scope, statuses):
    make_template(project, "tmpl_x", source="<p>")
    api = client_with(project, scopes=[scope])

    answers = {
        "get": api.get("/v1/templates/tmpl_x"),
        "render": api.post("/v1/templates/tmpl_x/render", {}),
        "post": create(api),
        "patch": api.patch("/v1/templates/tmpl_x", {"name": "New"}),
        "delete": api.delete("/v1/templates/tmpl_x"),
    }

    assert {name: answer.status_code for name, answer in answers.items()} == statuses


def test_read_only_fields_are_named_and_ignored(api):
    create(api, id="tmpl_x")

    body = api.patch("/v1/templates/tmpl_x", {"id": "tmpl_y", "created_at": "x"}).json()

    assert body["id"] == "tmpl_x"
    assert body["warnings"] == [
        "id: This field is read-only and was ignored.",
        "created_at: This field is read-only and was ignored.",
    ]
