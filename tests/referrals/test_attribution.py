"""How a click becomes a referred person, and what that person does a conversion."""

import contextlib
import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.utils.timezone import now

from contacts.mail.sending import send_due
from contacts.mail.transport import Relay
from contacts.models import Contact
from referrals.models import Click, Conversion, Link, Referral
from referrals.models.link import click_token
from referrals.operations.detecting import detect_conversions
from tests import smtp_sink
from tests.contacts.mail_factories import make_stream, make_template, queue
from tests.factories import AT, make_contact, make_event
from tests.referrals.factories import convert, follow, make_link, make_program, told

LANDING = "https://acme.example/welcome"


@pytest.fixture
def link(project):
    return make_link(make_program(project, conversion_event="paid", landing_url=LANDING))


@pytest.fixture
def hear(relay):
    return lambda: relay(now())


def send(ingest, name, **body):
    response = ingest.post(f"/v1/{name}", body)
    assert response.status_code == 202, response.content


def track(ingest, user, event="paid", **body):
    send(ingest, "track", user_id=user, event=event, **body)


def came_by() -> list[tuple[str, str]]:
    rows = Referral.objects.order_by("id").values_list("contact__external_id", "link__code")
    return list(rows)


def ways(url: str) -> dict[str, dict]:
    """Return what calls may say, as to how one came."""
    seen = told(url)
    return {
        "context": {"context": {"referral": {"code": seen["ref"], "click_id": seen["gclk"]}}},
        "code alone": {"context": {"referral": {"code": seen["ref"].lower()}}},
        "click alone": {"context": {"referral": {"click_id": seen["gclk"]}}},
        "address of the page": {"context": {"page": {"url": url}}},
        "query of the page": {"context": {"page": {"search": url[url.index("?") :]}}},
        "traits": {"traits": {"referral_code": seen["ref"]}},
        "click in traits": {"traits": {"referral_click_id": seen["gclk"]}},
    }


@pytest.mark.parametrize("way", ways("x?ref=x&gclk=x"))
def test_whoever_says_how_they_came_converts_by_themselves(ingest, link, hear, way):
    send(ingest, "identify", user_id="bob", **ways(follow(link.code))[way])
    track(ingest, "bob", properties={"plan": "growth"})
    hear()

    assert came_by() == [("bob", link.code)]
    conversion = Conversion.objects.get()
    assert conversion.link == link
    assert conversion.contact.external_id == "bob"
    assert conversion.metadata == {"plan": "growth"}
    assert conversion.rewards.count() == 1


@pytest.mark.parametrize("name", ["referral_code", "url", "search"])
def test_the_event_itself_may_say_it(ingest, link, hear, name):
    url = follow(link.code)
    said = {"referral_code": link.code, "url": url, "search": url[url.index("?") :]}[name]

    track(ingest, "bob", properties={name: said})
    hear()

    assert Conversion.objects.get().link == link


def test_a_visitor_takes_along_how_it_came_when_it_becomes_known(ingest, link, hear):
    """As the SDKs do: the landing page is seen by a device, and the person signs up later."""
    page = {"context": {"page": {"url": follow(link.code)}}}
    send(ingest, "page", anonymous_id="device", **page)
    hear()
    assert came_by() == [("", link.code)]
    bob = make_contact(link.project, external_id="bob")

    send(ingest, "identify", user_id="bob", anonymous_id="device")
    track(ingest, "bob")
    hear()

    assert Conversion.objects.get().contact == bob


def test_visitors_that_are_one_person_came_once(api, ingest, link, hear):
    for device in ("phone", "laptop"):
        page = {"context": {"page": {"url": follow(link.code)}}}
        send(ingest, "page", anonymous_id=device, **page)
        hear()
    for device in ("phone", "laptop"):
        send(ingest, "identify", user_id="bob", anonymous_id=device)
    hear()

    profile = api.get(f"/v1/contacts/{link.contact_id}").json()

    assert profile["referral_stats"] == {"referrals_made": 1, "conversions": 0}


def test_the_last_link_counts(ingest, link, hear):
    other = make_link(link.program)
    for each in (other, link, other):
        send(ingest, "identify", user_id="bob", **ways(follow(each.code))["click alone"])
    track(ingest, "bob")
    hear()

    assert Conversion.objects.get().link == other


def test_a_click_converts_within_the_window_alone(ingest, link, hear):
    link.program.limits = {"conversion_window_days": 7}
    link.program.save()
    for user, days in (("early", 6), ("late", 8)):
        url = follow(link.code)
        Click.objects.filter(pk=Click.objects.latest("id").pk).update(
            clicked_at=now() - timedelta(days=days)
        )
        send(ingest, "identify", user_id=user, **ways(url)["click alone"])
        track(ingest, user)
    hear()

    assert Conversion.objects.get().contact.external_id == "early"


def test_what_is_not_ours_says_nothing(ingest, link, hear, other_project):
    strange = make_link(make_program(other_project, conversion_event="paid"))
    for said in (
        {"code": "NOBODY-XXX"},
        {"code": strange.code},
        {"click_id": "clk_0000000000000000000000"},
        {"code": 7, "click_id": ["x"]},
        {"code": "x" * 5000},
        "ALICE",
        None,
    ):
        send(ingest, "identify", user_id="bob", context={"referral": said})
    page = {"url": "https://x/?gclk=" + "x" * 5000, "search": "gclk=[::"}
    send(ingest, "identify", user_id="bob", context={"page": page})
    send(ingest, "identify", user_id="bob", context={"page": {"url": "https://[x?gclk=1&ref=2"}})
    track(ingest, "bob")
    hear()

    assert came_by() == []
    assert not Conversion.objects.exists()


def test_nobody_comes_by_their_own_link(ingest, link, hear):
    alice = link.contact
    body = {"traits": {"email": alice.email}, **ways(follow(link.code))["context"]}

    send(ingest, "identify", user_id="alice", **body)
    track(ingest, "alice")
    hear()

    assert came_by() == []
    assert not Conversion.objects.exists()


def test_old_events_convert_nobody(ingest, link, hear):
    old = (now() - timedelta(days=2)).isoformat()

    track(ingest, "bob", timestamp=old, context={"referral": {"code": link.code}})
    hear()

    assert not Conversion.objects.exists()


def test_a_browser_that_looked_ahead_was_a_person_once_it_says_who(api, ingest, link, hear):
    url = follow(link.code, **{"Sec-Purpose": "prefetch;prerender"})
    assert api.get(f"/v1/referrals/links/{link.code}").json()["clicks"] == 0

    for _ in range(2):
        send(ingest, "identify", user_id="bob", **ways(url)["address of the page"])
        hear()

    assert api.get(f"/v1/referrals/links/{link.code}").json()["clicks"] == 1
    events = api.get(f"/v1/contacts/{link.contact_id}/events?event=$referral_clicked").json()
    assert len(events["data"]) == 1


def test_the_management_api_may_say_it_too(api, link, hear):
    body = {"email": "bob@example.com", "traits": {"referral_code": link.code}}

    api.post("/v1/contacts", body)
    hear()

    assert Referral.objects.get().contact.email == "bob@example.com"


def test_news_told_again_converts_nobody_again(ingest, project, link, hear):
    """Repeated: a listener that failed is told anew."""
    bob = make_contact(project)
    Referral.objects.create(
        project=project,
        program=link.program,
        link=link,
        contact=bob,
        seen_at=AT,
        created_at=AT,
    )
    event = make_event(bob, "paid", at=AT)
    pairs = [[event.key, event.timestamp.isoformat()]]

    for _ in range(3):
        detect_conversions(project, pairs, at=AT, hops=1)

    assert Conversion.objects.count() == 1


def test_a_batch_converts_in_a_constant_number_of_statements(
    project, link, django_assert_max_num_queries
):
    people = [make_contact(project) for _ in range(40)]
    Referral.objects.bulk_create(
        Referral(
            project=project,
            program=link.program,
            link=link,
            contact=each,
            seen_at=AT,
            created_at=AT,
        )
        for each in people
    )
    events = [make_event(each, "paid") for each in people]
    pairs = [[event.key, event.timestamp.isoformat()] for event in events]

    with django_assert_max_num_queries(40):
        detect_conversions(project, pairs, at=AT, hops=0)

    assert Conversion.objects.count() == 40


def test_mail_offers_each_contact_its_own_link(project, link):
    make_template(project, html="", text="Share {{ links.referral }}\n{{ links.unsubscribe }}")
    stream = make_stream(project)
    people = [make_contact(project) for _ in range(3)]
    queue(stream, [*people, link.contact])

    with smtp_sink.running() as sink, contextlib.closing(Relay(sink.url)) as smtp:
        send_due(at=AT, relay=smtp)
        send_due(at=AT, relay=smtp)

    urls = {each.contact.email: each.url for each in Link.objects.filter(channel="email")}
    assert urls.keys() == {each.email for each in [*people, link.contact]}
    for each in sink.received:
        assert f"Share {urls[each.recipient]}" in each.parsed.get_content()
    assert len(sink.received) == 4


def test_mail_that_speaks_of_no_link_makes_none(project, link):
    make_template(project)
    queue(make_stream(project), [make_contact(project)])

    with smtp_sink.running() as sink, contextlib.closing(Relay(sink.url)) as smtp:
        send_due(at=AT, relay=smtp)

    assert len(sink.received) == 1
    assert Link.objects.get() == link


def test_mail_that_speaks_of_others_links_alone_makes_none(project, link):
    make_template(project, html="", text="{{ links.survey }} {{ links.unsubscribe }}")
    own = {"links": {"referral": "https://acme.example/w/early?ref=X"}}
    make_template(project, code="own", html="", text="{{ links.referral }}{{ links.unsubscribe }}")
    queue(make_stream(project), [make_contact(project)])
    queue(make_stream(project), [make_contact(project)], template="own", context=own)

    with smtp_sink.running() as sink, contextlib.closing(Relay(sink.url)) as smtp:
        while send_due(at=AT, relay=smtp):
            pass

    assert len(sink.received) == 2
    assert Link.objects.get() == link


def test_a_sample_mail_shows_a_link_to_share_which_leads_to_a_page(api, client, project):
    make_template(project, html="", text="Share {{ links.referral }}\n{{ links.unsubscribe }}")

    shown = api.post("/v1/templates/tmpl_plain/render", {}).json()["text"]

    path = urlsplit(re.search(r"Share (\S+)", shown)[1]).path
    assert "This is the link of a sample." in client.get(path).content.decode()
    assert not Click.objects.exists()


def test_a_click_says_nothing_of_another_projects_contacts(other_project, link, ingest, hear):
    token = click_token(Click.objects.create(project=link.project, link=link, clicked_at=AT).pk)
    convert(make_link(make_program(other_project)))

    send(ingest, "identify", user_id="bob", context={"referral": {"click_id": token}})
    hear()

    assert Referral.objects.get(contact__external_id="bob").link == link
    assert Contact.objects.get(external_id="bob").project == link.project
