"""Short cuts to what a template says: they say what the library says."""

from random import Random

import pytest
from liquid import Environment

from contacts.mail import liquid


def rendered(source: str, *, is_html: bool) -> str:
    return liquid.render(liquid.parse(source, is_html=is_html), TOLD)


AS_THE_LIBRARY = [
    "{% for i in (1..4) %}{{ i }}{% if i == 2 %}{% continue %}{% endif %}-{% endfor %}",
    "{% for i in (1..4) %}{{ i }}{% if i == 2 %}{% break %}{% endif %}-{% endfor %}|{{ i }}",
    "{% for i in things limit: 1 %}{{ i }}{% endfor %}{% for i in things offset: continue %}"
    "<{{ i }}>{% endfor %}",
    "{% for i in nothing %}{{ i }}{% else %}none{% endfor %}{% for i in (1..2) %} {% endfor %}.",
    "{% for i in (1..2) %}{% for k in things reversed %}{{ forloop.parentloop.index }}"
    "{{ forloop.last }}{{ k }}{% endfor %}{% endfor %}",
    "{% for i in things %}{% assign last = i %}{% endfor %}{{ last }}",
    "{{ name | upcase }}{{ name | append: '<' }}{{ name | size }}{{ name | newline_to_br }}",
    "{{ number | plus: 1 }}{{ number | divided_by: 0.5 }}{{ number }}{{ things | join: ' ' }}",
    "{{ yes }}{{ yes | upcase }}{{ nothing | default: 'x' }}{{ nothing | upcase }}{{ inner.a.b }}",
    "{{ inner.a | upcase }}{{ name | split: 'd' }}{{ name | escape }}{{ name | first }}",
    "{{ name }}{{ name }}{{ name | upcase }}{{ name | upcase }}{{ name | append: 1 }}"
    "{{ name | append: 2 }}{{ inner['a'].b }}{{ things[1] }}{{ now.then }}",
    "{% for i in (1..3) %}{{ i }}{{ name }}{{ things[i] }}{% endfor %}{{ i }}",
    "{% for i in (1..3) %}{{ i }}{{ name | append: i }}{% endfor %}",
    "{% for i in (1..3) %}{{ i | plus: 1 }}{% endfor %}{% for i in (3..1) %}{{ i }}{% endfor %}",
    "{% for i in (1..2) %}{% for i in (8..9) %}{{ i }}{% endfor %}{{ i }};{% endfor %}",
    "{% for i in (1..2) %}{% for k in (1..i) %}{{ k }}{{ i }}{% endfor %};{% endfor %}",
    "{% for i in (1..4) reversed %}{{ i }}{% endfor %}{% for i in (1..9) limit: 2 %}{{ i }}"
    "{% endfor %}{% for i in (1..9) offset: continue %}{{ i }}{% endfor %}",
    "{% for i in (1..3) %}{{ i }}{% endfor %}{% for i in (1..3) offset: continue %}{{ i }}"
    "{% endfor %}{% for i in (1..3) offset: 1 %}{{ i }}{% endfor %}",
    "{% for i in (1..9) %}{% if forloop.first %}{{ i }}{% endif %}{% endfor %}",
    "{% for i in (1..2) %}{% if yes %}{{ name }}{% else %}{{ i }}{% endif %}{% endfor %}",
    "{% if yes %}{% for i in (1..2) %}{{ i }}{{ name }}{% endfor %}{% endif %}"
    "{% unless yes %}no{% endunless %}{% case number %}{% when 7 %}seven{% else %}?{% endcase %}",
    "{% for i in (1..2) %}{% assign name = i %}{{ name }}{% endfor %}{{ name }}{% cycle 1, 2 %}",
    "{% capture name %}{{ name }}!{% endcapture %}{{ name }}{% increment number %}{{ number }}",
    " {%- for i in (1..2) -%} {{ i }} {%- endfor %} {% comment %}{{ name }}{% endcomment %}.",
    "{% for i in (1..60) %}{% for k in (1..60) %}{{ k }}{% endfor %}{% endfor %}",
    "{% for i in (1..120) %}{{ i }}{% endfor %}{% raw %}{{ name }}{% endraw %}",
]


TOLD = {
    "things": ["<a>", "b", 3],
    "name": "A<da>\nd",
    "number": 7,
    "yes": True,
    "inner": {"a": {"b": "<c>"}},
}


def by_the_library(source: str, *, is_html: bool) -> str:
    return Environment(autoescape=is_html).from_string(source).render(**TOLD)


@pytest.mark.parametrize("is_html", [True, False])
@pytest.mark.parametrize("source", AS_THE_LIBRARY)
def test_the_short_cuts_write_what_the_library_writes(source, is_html):
    assert rendered(source, is_html=is_html) == by_the_library(source, is_html=is_html)


WORDS = [
    " a ", "<b>", "{{ name }}", "{{ i }}", "{{ k }}", "{{ number }}", "{{ number | plus: k }}",
    "{{ name | upcase }}", "{{ things[i] }}", "{{ forloop.index }}", "{{ yes }}", "{{ nobody }}",
]  # fmt: skip
BLOCKS = [
    "{%% for i in (1..3) %%}%s{%% endfor %%}",
    "{%% for k in (0..2) %%}%s{%% else %%}none{%% endfor %%}",
    "{%% for k in (2..i) %%}%s{%% endfor %%}",
    "{%% for i in (1..3) offset: continue %%}%s{%% endfor %%}",
    "{%% for k in (0..2) limit: 2 %%}%s{%% endfor %%}",
    "{%% for i in things %%}%s{%% endfor %%}",
    "{%% if i == 2 %%}%s{%% else %%}-{%% endif %%}",
    "{%% unless k %%}%s{%% endunless %%}",
    "{%% assign name = k %%}%s",
    "{%% for i in (1..2) reversed %%}%s{%% break %%}{%% endfor %%}",
]


def any_template(dice: Random, depth: int = 3) -> str:
    parts = [dice.choice(WORDS) for _ in range(dice.randrange(1, 4))]
    if depth and dice.random() < 0.8:
        block = dice.choice(BLOCKS) % any_template(dice, depth - 1)
        parts.insert(dice.randrange(len(parts) + 1), block)
    return "".join(parts)


@pytest.mark.parametrize("seed", range(10))
def test_whatever_a_template_is_made_of_it_says_what_the_library_says(seed):
    dice = Random(seed)
    for source in [any_template(dice) for _ in range(100)]:
        said = rendered(source, is_html=bool(seed % 2))

        assert said == by_the_library(source, is_html=bool(seed % 2)), source
