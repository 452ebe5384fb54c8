"""Liquid by authors whom nobody vets, over traits that anybody may have sent."""

import time

import pytest

from contacts.mail import liquid, rendering
from contacts.mail.compiling import Compiled
from contacts.mail.liquid import RenderError, TemplateError
from contacts.mail.rendering import Person


def rendered(source: str, *, is_html: bool = True, **context: object) -> str:
    return liquid.render(liquid.parse(source, is_html=is_html), context)


def letter(
    *, subject: str = "", html: str = "", text: str = "", **traits: object
) -> rendering.Letter:
    person = Person(id="cntct_1", email="alice@example.com", traits=traits)
    return rendering.render(Compiled(subject, html, text), {"contact": person.as_context()})


def test_a_template_speaks_of_the_contact_by_its_fields_and_traits():
    source = (
        "{{ contact.email }} {{ contact.plan }} {{ contact.traits.plan }} {{ contact.nothing }}|"
    )

    assert letter(text=source, plan="pro").text == "alice@example.com pro pro |\n"


def test_a_trait_shadows_no_field():
    assert letter(text="{{ contact.email }}", email="else@example.com").text == (
        "alice@example.com\n"
    )


@pytest.mark.parametrize(
    ("traits", "said"),
    [
        ({"name": "Ada Lovelace"}, "Ada|Ada Lovelace"),
        ({"first_name": "Ada", "last_name": "Lovelace"}, "Ada|Ada Lovelace"),
        ({"firstName": "Ada"}, "Ada|Ada"),
        ({"name": 7}, "7|7"),
        ({}, "|"),
    ],
)
def test_names_are_known_however_they_were_told(traits, said):
    assert letter(text="{{ contact.first_name }}|{{ contact.name }}", **traits).text == f"{said}\n"


def test_what_a_contact_says_is_escaped_in_html_and_nowhere_else():
    made = letter(
        subject="{{ contact.name }}",
        html="{{ contact.name }}",
        text="{{ contact.name }}",
        name="<b>&",
    )

    assert (made.subject, made.html, made.text) == ("<b>&", "&lt;b&gt;&amp;", "<b>&\n")


@pytest.mark.parametrize(
    "source",
    [
        "{{ x | append: '' }}",
        "{{ x | prepend: '<i>' }}",
        "{{ x | newline_to_br }}",
        "{{ x | strip_newlines }}",
        "{{ x | escape_once }}",
        "{{ x | url_encode | url_decode }}",
        "{{ x | split: 'z' | join: '<i>' }}",
        "{{ x | replace: 'a', '<i>' }}",
        "{{ x | truncate: 100 }}",
        "{% capture y %}{{ x }}{% endcapture %}{{ y }}",
        "{% capture y %}{{ x }}{% endcapture %}{{ y | slice: 0, 500 | upcase }}",
        "{% for y in list %}{{ y }}{% endfor %}{{ list }}",
        "{{ 'now' | date: x }}",
    ],
)
def test_no_filter_lets_markup_through(source):
    hostile = "<script>alert(1)</script>"

    assert "<script" not in rendered(source, x=hostile, list=[hostile]).lower()


def test_liquid_in_a_trait_is_text():
    hostile = "{{ 7 | times: 7 }}{% raw %}"

    assert letter(text="{{ contact.name }}", name=hostile).text == f"{hostile}\n"


@pytest.mark.parametrize(
    "value", ["a\r\nBcc: b@x.com", "a\nb", "a\x00b", "a\u2028b", "a\x85b", "\r\n\r\nbody"]
)
def test_a_subject_is_one_line(value):
    subject = letter(subject="Hi {{ contact.name }}", name=value).subject

    assert subject.startswith("Hi ")
    assert subject.isprintable()


@pytest.mark.parametrize("turn", ["\u202e", "\u202a", "\u2066", "\u2067"])
def test_a_name_turns_nothing_round_in_a_subject(turn):
    made = letter(subject="{{ contact.name }} owes you", name=f"Bob{turn}\u200f")

    assert made.subject == "Bob\u200f owes you"  # The mark of a direction turns only itself.


def test_a_long_value_is_cut_in_a_subject_and_fails_a_body():
    assert len(letter(subject="{{ contact.name }}", name="x" * 400_000).subject) == 500
    with pytest.raises(RenderError, match="Output"):
        letter(html="{{ contact.name }}", name="x" * 1_000_000)


BOMBS = [
    "{{ (1..1000000000) | join: '' | size }}",
    "{{ (1..99999999999999999999) | size }}",
    "{% for a in (1..1000) %}{% for b in (1..1000) %}x{% endfor %}{% endfor %}",
    "{% for a in (1..900) %}{% endfor %}" * 2000,
    "{% for a in (1..1000) %}" + "{% if 1 %}{% endif %}" * 4000 + "{% endfor %}",
    "{% assign a = 99999999999 %}" + "{% assign a = a | times: a %}" * 30,
    "{% assign a = 'aaaaaaaaaa' %}" + "{% assign a = a | replace: 'a', a %}" * 30,
    "{% assign a = 'x' %}" + "{% assign a = a | append: a %}" * 60,
    "{% capture a %}" + "x" * 50_000 + "{% endcapture %}" + "{{ a }}" * 2000,
    "{{ '9' | times: 'a' | divided_by: 0 }}",
    "{{ big | split: '' | uniq | size }}",
    "{{ big | date: '%Y' }}",
    "{{ huge | times: huge | times: huge }}",
    "{{ list | uniq | sort | uniq | size | divided_by: 0 }}",
    "{% tablerow a in (1..1000) %}{% tablerow b in (1..1000) %}{% endtablerow %}{% endtablerow %}",
    "{% assign a = big | split: 'b' %}{% for i in (1..900) %}"
    + "{% assign b = list | uniq %}" * 1000
    + "{% endfor %}",
    "{% for i in (1..240) %}" + "{% if big contains 'zz' %}{% endif %}" * 2000 + "{% endfor %}",
    "{% for i in (1..240) %}" + "{% if big == big2 %}{% endif %}" * 2000 + "{% endfor %}",
    "{{ deep }}",
    "{{ 'inf' | ceil }}",
    "{{ '1e30000' | modulo: 7 }}",
    "{{ (big..big) }}",
    "{% if 1 %}{{ big }}{% endif %}" * 2000,
    "{% for a in (1..99999999999999999999) %}x{% endfor %}",
    "{{ list | map: '__class__' }}",
    "{{ 1 | default: 1, 2, 3 }}",
]


def nested(depth: int) -> list:
    """Return a list in a list, and so on."""
    inner: list = []
    for _ in range(depth):
        inner = [inner]
    return inner


@pytest.mark.parametrize("source", BOMBS, ids=range(len(BOMBS)))
def test_a_bomb_goes_off_alone_and_quickly(source):
    start = time.thread_time()

    with pytest.raises(RenderError):
        rendered(
            source,
            big="ab" * 250_000,
            big2="ab" * 250_000,
            huge=2**200,
            list=list(range(2000)),
            deep=nested(3000),
        )

    assert time.thread_time() - start < liquid.MAX_SECONDS + 1


NOT_LIQUID = {
    "{{" * 50_000: "never closed",
    "{%" * 50_000: "never closed",
    "{{ a" + " " * 99_000: "never closed",
    "{% raw %}" * 10_000: "never closed",
    "{{ " + "(" * 50_000 + " }}": "characters long",
    "x" * 500_001: "characters long",
    "{% if 1 %}" * 5000: "nesting",
    "a\n\n{% if x == %}": "Line 3",
    "a\n\n{% if x %}": "Line 3: Expected tag endif",
    "{% if x %}{% endif %}\n{% for a in b %}\n{% if y %}{% endif %}": "Line 2: Expected tag endfor",
    "{% if x %}\n{{ a }}\n{{ a | }}\n{% endif %}": "Line 3",
    "a\n{{ x | safe }}": "Line 2: There is no filter safe.",
    "{{ x | base64_decode }}": "no filter",
    "{% include 'x' %}": "Unexpected tag 'include'.",
    "{% render 'x' %}": "Unexpected tag 'render'.",
    "{% if a % b %}": "Unexpected '%'",
    "{{ " + "a[" * 900 + "}}": "",
}


@pytest.mark.parametrize(("source", "message"), NOT_LIQUID.items(), ids=range(len(NOT_LIQUID)))
def test_what_is_not_liquid_is_refused_quickly_and_says_where(source, message):
    start = time.thread_time()

    with pytest.raises(TemplateError) as refusal:
        rendered(source)

    assert message in str(refusal.value)
    assert time.thread_time() - start < 1


@pytest.mark.parametrize(
    "source",
    [
        "{{ x.__class__ }}",
        "{{ x.__class__.__mro__ }}",
        "{{ x['__class__'] }}",
        "{{ x | map: '__class__' }}",
        "{{ settings.SECRET_KEY }}",
        "{{ x.items }}{{ x.keys }}{{ x.pop }}",
        "{{ forloop.__class__ }}",
    ],
)
def test_python_is_out_of_reach(source):
    assert rendered(source, x={"a": 1}).strip() == ""
