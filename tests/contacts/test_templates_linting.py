"""What is said of a template that can be sent, and may be a mistake all the same."""

import time

import pytest

from contacts.mail.linting import MAX_WARNINGS
from tests.contacts.template_calls import LEAVE, create, render


def warnings(api, source: str, **fields: object) -> list[str]:
    response = create(api, source, **fields)
    assert response.status_code == 201, response.json()
    return response.json().get("warnings", [])


def test_a_variable_that_nobody_fills_is_named_with_its_line(api):
    source = "<p>\n{{ contact.anything }}\n{{ user.name }}\n{{ campaign.title }}</p>" + LEAVE
    known = "campaign, contact, event, links, program, sender, survey, topics, waitlist"

    assert warnings(api, source, subject="{{ first_name }}", preheader="{{ campaign.name }}") == [
        f"subject, line 1: There is no first_name; there are {known}.",
        f"source, line 3: There is no user.name; there are {known}.",
        "source, line 4: There is no campaign.title; there are campaign.id, campaign.name.",
    ]


@pytest.mark.parametrize(
    "source",
    [
        "{% assign who = contact.name %}{{ who }}",
        "{% capture who %}x{% endcapture %}{{ who }}",
        "{% for each in event.properties.cart %}{{ each.name }}{{ forloop.index }}{% endfor %}",
        "{% raw %}{{ user.name }}{% endraw %}{% comment %}{{ user.name }}{% endcomment %}",
        "{{ contact['any key'] }}{{ event.properties.total }}",
    ],
)
def test_names_that_the_template_gives_are_known(api, source):
    assert warnings(api, source + LEAVE) == []


@pytest.mark.parametrize(
    "source", ["<p>Buy!</p>", "{% comment links.unsubscribe %}{% endcomment %}"]
)
def test_only_a_link_that_is_printed_is_a_way_out(api, source):
    assert warnings(api, source) == [
        "There is no unsubscribe link; add one to {{ links.unsubscribe }}."
    ]


def test_an_own_text_needs_a_way_out_too(api):
    [warning] = warnings(api, LEAVE, text="Hi")

    assert warning.startswith("The plain text has no unsubscribe link")


def test_links_and_images_are_looked_at_line_by_line(api):
    source = f"""<a href="www.example.com/{{{{ contact.plan }}}}">x</a>
<!-- <img src="old.png"> -->
<a href="{{{{ contact.url }}}}">y</a><a href="https://example.com">z</a><a href="#top">t</a>
<a href="">n</a><img src="https://example.com/a.png" alt=""><img
src='/logo.png'>{LEAVE}"""

    assert warnings(api, source) == [
        "source, line 1: The link to www.example.com/{{ contact.plan }} is not complete;"
        " begin it with https:// or mailto:.",
        "source, line 4: The link leads nowhere.",
        'source, line 4: The image has no alt text; write alt="" if it only decorates.',
        "source, line 5: The link to /logo.png is not complete; begin it with https:// or mailto:.",
    ]


def test_markdown_and_mjml_are_looked_at_as_they_are_written(api):
    markdown = "\n[x](example.com)\n![](https://example.com/a.png)\n[out]({{ links.unsubscribe }})"
    mjml = (
        "<mjml><mj-body><mj-section><mj-column>\n<mj-button href='example.com'>x</mj-button>"
        f"\n<mj-image src='https://example.com/a.png' /><mj-text>{LEAVE}</mj-text>"
        "</mj-column></mj-section></mj-body></mjml>"
    )

    in_markdown = warnings(api, markdown, format="markdown")
    in_mjml = warnings(api, mjml)

    assert [each.partition(":")[0] for each in in_markdown] == ["source, line 2", "source, line 3"]
    assert [each.partition(":")[0] for each in in_mjml] == ["source, line 2", "source, line 3"]


def test_what_gmail_would_clip_is_told(api):
    created = create(api, LEAVE + "<p>" + "ü" * 60_000 + "</p>", id="tmpl_long")

    expected = ["The HTML is 117 KB long; Gmail hides what comes after 102 KB."]
    assert created.json()["warnings"] == expected
    assert render(api, "tmpl_long")["warnings"] == expected


@pytest.mark.parametrize(
    "source",
    [
        "<a href=" * 12_000,
        "<img " * 19_000,
        "<img>\n" * 16_000,
        "<!--" * 20_000,
        "{{ a }}\n" * 12_000,
        "](" * 45_000,
        "{% if a %}" * 20 + "{{ b }}" * 10_000 + "{% endif %}" * 20,
    ],
    ids=range(7),
)
def test_a_source_full_of_mistakes_is_read_quickly(api, source):
    start = time.thread_time()

    found = warnings(api, source, format="text")

    assert len(found) <= MAX_WARNINGS
    assert time.thread_time() - start < 10
