"""``/v1/templates``: what an author sends, and what a mail looks like by it."""

import pytest
from rest_framework.test import APIClient

from contacts.models import Template
from growth.models import Project
from tests.conftest import client_with
from tests.contacts.mail_factories import make_template
from tests.factories import make_contact

LEAVE = '<a href="{{ links.unsubscribe }}">Unsubscribe</a>'
MJML = (
    """{% assign who = contact.first_name | default: "you" %}
<mjml><mj-body><mj-section><mj-column>
<mj-text>Hello {{ who }}{% if contact.age < 3 and contact.plan == "p" %}, "pro"{% endif %}</mj-text>
<mj-table>{% for each in event.properties.cart %}<tr><td>{{ each }}</td></tr>{% endfor %}</mj-table>
<mj-button href="https://shop.example/?a={{ contact.email | url_encode }}&amp;b=1">Go</mj-button>
<mj-text>"""
    + LEAVE
    + "</mj-text></mj-column></mj-section></mj-body></mjml>"
)
STARTERS = [
    "tmpl_confirm",
    "tmpl_onboard_02",
    "tmpl_onboard_03",
    "tmpl_reengage",
    "tmpl_referral_prompt",
    "tmpl_survey_invite",
    "tmpl_trial_expiring",
    "tmpl_welcome_01",
    "tmpl_welcome_02",
    "tmpl_wl_invite",
    "tmpl_wl_welcome",
]


def create(api: APIClient, source: str = f"<p>Hi</p>{LEAVE}", **fields: object):
    return api.post("/v1/templates", {"source": source, **fields})


def render(api: APIClient, code: str, **body: object) -> dict:
    response = api.post(f"/v1/templates/{code}/render", body)
    assert response.status_code == 200, response.json()
    return response.json()


def reasons(response) -> dict[str, str]:
    assert response.status_code == 422, response.json()
    return {each["field"]: each["message"] for each in response.json()["error"]["details"]}


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


def test_mjml_becomes_html_that_mail_programs_show(api):
    made = create(api, MJML, id="tmpl_m", preheader="For {{ who }} & co")
    assert made.status_code == 201, made.json()
    sample = {
        "contact": {"first_name": "<Ada>", "plan": "p", "age": 2, "email": "a+b@example.com"},
        "event": {"properties": {"cart": ["tea", "milk"]}},
    }

    shown = render(api, "tmpl_m", sample=sample)

    html = shown["html"]
    assert 'Hello &lt;Ada&gt;, "pro"' in html
    assert "For &lt;Ada&gt; &amp; co" in html
    assert "?a=a%2Bb%40example.com&amp;b=1" in html
    assert html.count("<tbody>") == html.count("</tbody>")
    assert "tea</td></tr><tr" in html
    assert "<mj-" not in html
    assert shown["text"].splitlines() == [
        'Hello <Ada>, "pro"',
        "",
        "tea",
        "milk",
        "",
        "Go <https://shop.example/?a=a%2Bb%40example.com&b=1>",
        "",
        "Unsubscribe <http://localhost:8000/u/sample>",
    ]


def test_markdown_becomes_html_and_stays_as_text(api):
    source = """# Hello {{ contact.first_name }}

{% for item in (1..2) %}
* item **{{ item }}**
{% endfor %}

[Unsubscribe]({{ links.unsubscribe }})
"""
    create(api, source, id="tmpl_md", format="markdown")

    shown = render(api, "tmpl_md")

    assert "<h1>Hello Alex</h1>" in shown["html"]
    assert "<li>item <strong>2</strong></li>" in shown["html"]
    assert shown["text"].startswith("# Hello Alex\n\n* item **1**\n\n* item **2**\n")


def test_text_has_no_html(api):
    create(api, "Bye: {{ links.unsubscribe }}", id="tmpl_t", format="text")

    shown = render(api, "tmpl_t")

    assert (shown["html"], shown["text"]) == ("", "Bye: http://localhost:8000/u/sample\n")


def test_styles_go_where_mail_programs_look_and_files_are_not_read(api):
    source = (
        '<link rel="stylesheet" href="/etc/passwd"><style>.a{color:red}'
        "@media (width > 1px){.a{color:blue}}</style>"
        "<p class='a' {% if contact.vip %}id='vip'{% endif %}>Hi</p>" + LEAVE
    )
    create(api, source, id="tmpl_h")

    html = render(api, "tmpl_h", sample={"contact": {"vip": True}})["html"]

    assert 'style="color: red;"' in html
    assert "id='vip'" in html
    assert "@media" in html
    assert "root:" not in html


def test_html_without_styles_stays_as_it_was_written(api):
    source = "<P>{% if 1 < 2 %}<b>x{% else %}<i>x</i>{% endif %}</b></P>" + LEAVE
    create(api, source, id="tmpl_h")

    assert Template.objects.get().html == source


def test_an_own_text_part_is_kept_until_it_is_taken_away(api):
    create(api, id="tmpl_x", text="Own {{ contact.name }}")
    assert api.get("/v1/templates/tmpl_x").json()["text"] == "Own {{ contact.name }}"

    revised = api.patch("/v1/templates/tmpl_x", {"source": "<p>New</p>"}).json()
    assert revised["text"] == "Own {{ contact.name }}"

    revised = api.patch("/v1/templates/tmpl_x", {"text": None}).json()
    assert revised["text"] == "New\n"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("<p>\n\n{{ contact.name }", "Line 3: '{{' is never closed by '}}'."),
        ("<p>\n{% if x %}", "Line 2: Expected tag endif, found end of expression."),
        ("{{ x | shout }}", "Line 1: There is no filter shout."),
        ("a\n{% include '/etc/passwd' %}", "Line 2: Unexpected tag 'include'."),
        ("{{ 1 | divided_by: 0 }}", "A sample of it cannot be rendered: "),
        ("<mjml><mj-body><mj-section></mjml>", ""),
        ("<mjml>\n<mj-body>\n{{ x }}</mj-text></mj-body></mjml>", "Line 3: "),
        ("<mjml><mj-body><mj-section><mj-colum/></mj-section></mj-body></mjml>", "mj-colum"),
    ],
)
def test_a_mistake_is_refused_at_save_and_says_where(api, source, message):
    refusal = reasons(create(api, source))

    assert list(refusal) == ["source"]
    assert message in refusal["source"]
    assert not Template.objects.exists()


def test_all_mistakes_are_named_at_once(api):
    response = create(api, "{{ a", subject="{% b", preheader="{{ c | d }}", text="{% e %}")

    assert set(reasons(response)) == {"source", "subject", "preheader", "text"}


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


@pytest.mark.parametrize(
    ("format", "source"),
    [
        pytest.param(  # A process that dies of its stack takes its time.
            "html", "<style>p{color:red}</style>" + "<div>" * 18_000, marks=pytest.mark.slow
        ),
        ("html", "<style>p{color:red}</style>" + "<b>" * 30_000 + "<p>" * 100),
        ("html", "<style>*{" + "color:red;" * 1000 + "}</style>" + "<p>" * 1000),
        ("html", "<" * 99_000),
        ("html", "<!--" * 24_000),
        ("html", "<style" * 16_000),
        ("mjml", "<mjml><mj-body><mj-section><mj-column>" + "<mj-wrapper>" * 8000),
        (
            "mjml",
            "<mjml><mj-body><mj-raw>" + "<p>" * 9000 + "</p>" * 9000 + "</mj-raw></mj-body></mjml>",
        ),
        ("mjml", "<mjml>" * 16_000),
        ("markdown", "[" * 20_000),
        ("markdown", ">" * 50_000),
    ],
    ids=range(11),
)
def test_markup_that_breaks_its_compiler_breaks_nothing_else(api, format, source):
    assert create(api, source, format=format).status_code in (201, 422)


def test_a_template_without_a_way_out_is_stored_with_a_warning(api):
    body = create(api, "<p>Buy!</p>").json()

    assert body["warnings"] == ["There is no unsubscribe link; add one to {{ links.unsubscribe }}."]
    assert render(api, body["id"])["warnings"] == body["warnings"]


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
