"""What an author writes, made into HTML and plain text when it is saved."""

import pytest

from contacts.models import Template
from tests.contacts.template_calls import LEAVE, create, reasons, render

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
