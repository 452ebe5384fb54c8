"""Links, and where they lead."""

import re
from datetime import timedelta

import pytest
from django.test import Client

from contacts.models import Event
from growth.models import DomainEvent
from referrals.models import Click, Link
from referrals.models.link import blank_code, click_token, new_code, read_click_token
from referrals.operations.clicks import MOST_A_MINUTE, follow_link
from tests.factories import AT, make_contact
from tests.referrals.factories import BROWSER, convert, follow, make_link, make_program, told

PATH = "/v1/referrals/links"


@pytest.fixture
def alice(project):
    return make_contact(project, traits={"name": "Alice Chen", "company": "Acme Inc"})


def test_a_link_is_made_as_documented(api, project, alice):
    program = make_program(project)
    body = {"program_id": program.id, "contact_id": alice.id, "channel": "email"}

    created = api.post(PATH, body)

    link = created.json()
    assert created.status_code == 201
    assert re.fullmatch(r"ALICE-ACME-[2-9B-Z]{3}", link["code"])
    assert link["url"].endswith(f"/r/{link['code']}")
    assert link | body == link
    assert link["conversions"] == link["clicks"] == 0
    assert api.get(f"{PATH}/{link['code'].lower()}").json() == link
    assert api.get(f"/v1/referrals/programs/{program.id}/links?limit=50").json()["data"] == [link]


def test_the_link_of_a_channel_is_made_once(api, project, alice):
    """Repeated."""
    body = {"program_id": make_program(project).id, "contact_id": alice.id}

    first, again = api.post(PATH, body), api.post(PATH, body)
    other = api.post(PATH, body | {"channel": "x"})

    assert [first.status_code, again.status_code, other.status_code] == [201, 200, 201]
    assert first.json() == again.json()
    assert other.json()["code"] != first.json()["code"]
    assert Event.objects.filter(name="$referral_link_created", contact=alice).count() == 2
    assert DomainEvent.objects.filter(type="referral.link.created").count() == 2


@pytest.mark.parametrize(
    ("name", "company", "shape"),
    [
        ("Zoë Ñandú", "Ünder & Söhne", r"ZOE-UNDER-\w{3}"),
        ("李雷", None, r"FRIEND-\w{3}"),
        (None, "'; DROP TABLE", r"FRIEND-DROP-\w{3}"),
        ({"x": 1}, 7, r"FRIEND-\w{3}"),
        ("x" * 500, "y" * 500, r"X{12}-Y{12}-\w{3}"),
    ],
)
def test_a_code_is_readable_whatever_the_name_is(name, company, shape):
    assert re.fullmatch(shape, new_code(name, company, attempt=0))


def test_a_code_that_is_taken_elsewhere_is_not_given_again(
    monkeypatch, project, other_project, alice
):
    codes = iter(["A-1", "A-1", "A-22"])
    monkeypatch.setattr("referrals.operations.links.new_code", lambda *_, **__: next(codes))
    make_link(make_program(other_project))

    assert make_link(make_program(project), alice).code == "A-22"


def test_the_address_is_at_the_projects_own_domain(project):
    project.referral_domain = "go.acme.example"
    project.save()

    link = make_link(make_program(project))

    assert link.url == f"https://go.acme.example/r/{link.code}"


def test_a_link_leads_to_the_landing_page_and_names_nobody(project, alice):
    link = make_link(make_program(project, landing_url="https://acme.example/hi?a=1&ref=x#top"))

    url = follow(link.code.lower())

    click = Click.objects.get()
    assert url == f"https://acme.example/hi?a=1&ref={link.code}&gclk={click_token(click.pk)}#top"
    assert not click.is_machine
    assert alice.email not in url
    assert read_click_token(click_token(click.pk)) == click.pk
    assert Event.objects.get(name="$referral_clicked").contact == link.contact
    news = DomainEvent.objects.get(type="referral.clicked").data
    assert news["link_code"] == link.code


def test_without_a_landing_page_it_leads_to_the_projects_domain_or_to_ours(project):
    link = make_link(make_program(project))

    ours = follow(link.code)
    project.domain = "acme.example"
    project.save()

    assert f"/r/{link.code}/welcome?" in ours
    page = Client().get(ours[ours.index("/r/") :])
    assert page.status_code == 200
    assert "Acme" in page.content.decode()
    assert follow(link.code).startswith(f"https://acme.example/?ref={link.code}&gclk=clk_")


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch;prerender"},
        {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
        {"User-Agent": "facebookexternalhit/1.1"},
        {"User-Agent": "WhatsApp/2.23"},
    ],
)
def test_previews_are_led_on_and_are_nobody(api, project, headers):
    link = make_link(make_program(project))

    follow(link.code, **headers)

    assert Client().head(f"/r/{link.code}", headers={"User-Agent": BROWSER}).status_code == 302
    assert api.get(f"{PATH}/{link.code}").json()["clicks"] == 0
    assert Click.objects.filter(is_machine=True).count() == 2
    assert not DomainEvent.objects.filter(type="referral.clicked").exists()


def test_a_program_that_is_paused_leads_on_without_a_word_of_it(api, project):
    program = make_program(project, landing_url="https://acme.example/")
    link = make_link(program)
    program.pause(at=AT)

    assert follow(link.code) == "https://acme.example/"
    assert not Click.objects.exists()


@pytest.mark.parametrize(
    "code", ["NOBODY-XXX", "x" * 5000, "%00", "..%2f..", "%F0%9F%A7%A8", "'--", "%0d%0aX: y"]
)
def test_an_unknown_code_is_404(db, code):
    assert Client().get(f"/r/{code}").status_code == 404
    assert Client().get(f"/r/{code}/welcome").status_code == 404


def test_a_post_is_405(project):
    assert Client().post(f"/r/{make_link(make_program(project)).code}").status_code == 405


def test_nobody_can_make_up_a_click():
    token = click_token(7)

    for forged in (token[:-1] + ("0" if token[-1] != "0" else "1"), "clk_", "", None, 7, "é" * 30):
        assert read_click_token(forged) is None


def test_a_flood_is_led_on_and_not_written_down(project, monkeypatch):
    monkeypatch.setattr("referrals.operations.clicks.MOST_A_MINUTE", 3)
    assert MOST_A_MINUTE > 3
    link = make_link(make_program(project, landing_url="https://acme.example/"))

    urls = [follow_link(link.code, address="", is_machine=False, at=AT) for _ in range(5)]
    later = follow_link(link.code, address="", is_machine=False, at=AT + timedelta(minutes=2))

    assert Click.objects.count() == 4
    assert [("gclk" in told(url)) for url in [*urls, later]] == [True] * 3 + [False] * 2 + [True]


def test_the_conversions_of_a_link_are_listed_latest_first(api, project):
    link = make_link(make_program(project))
    made = [convert(link).id for _ in range(3)]

    first = api.get(f"{PATH}/{link.code}/conversions?limit=2").json()
    rest = api.get(f"{PATH}/{link.code}/conversions?cursor={first['next_cursor']}&limit=2").json()

    assert [each["id"] for each in first["data"] + rest["data"]] == made[::-1]
    assert api.get(f"{PATH}/{link.code}").json()["conversions"] == 3
    assert api.get(f"{PATH}/NOBODY-ACME-222").status_code == 404


def test_a_blank_code_says_nothing_and_is_no_other(db):
    assert blank_code() != blank_code()
    assert Link._meta.get_field("code").max_length >= len(blank_code())
