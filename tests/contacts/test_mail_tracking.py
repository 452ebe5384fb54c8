"""Mails that tell of being opened and clicked: by people once, by machines apart."""

from datetime import datetime, timedelta
from html import unescape

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns.queries import stats
from contacts import public
from contacts.mail import links, parcels, tracking
from contacts.mail.claiming import claim
from contacts.mail.links import TrackedLink
from contacts.mail.rendering import Letter
from contacts.mail.verdicts import tell_due
from contacts.models import Email, EmailActivity, Event
from growth.models import DomainEvent, Project
from tests.campaigns.factories import make_lifecycle
from tests.contacts.mail_factories import CAMPAIGN, make_stream, make_template, queue
from tests.factories import AT, make_contact

SECOND = timedelta(seconds=1)
LATER = timedelta(seconds=30)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
LINKS = [f"https://shop.example/{number}?a=1&b=ü" for number in range(4)]
HTML = (
    "<html><body><p>Hi</p>"
    + "".join(f'<a href="{url}">Go</a>' for url in LINKS)
    + '<a href="{{ links.unsubscribe }}">Leave</a> <a href="mailto:a@b.example">Write</a>'
    "</body></html>"
)


class Clock:
    """The time as the pages read it."""

    def __init__(self) -> None:
        self.at = AT

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(public, "now", clock)
    return clock


@pytest.fixture
def email(project: Project) -> Email:
    make_template(project, html=HTML)
    [email] = queue(make_stream(project), [make_contact(project, email="alice@example.com")])
    return email


@pytest.fixture
def letter(project: Project, email: Email) -> str:
    """Return the HTML of the mail as it is sent."""
    [mail] = claim(at=AT, limit=1).mails
    template = make_template(project, "tmpl_same", html=HTML)
    return parcels.letter_of(mail, template).html


def path_of(url: str) -> str:
    return url.removeprefix(links.base_url())


def click_path(email: Email, url: str = LINKS[0], count: int = len(LINKS)) -> str:
    return path_of(links.click_url(TrackedLink(email.project_key, email.pk, count, url)))


def open_path(email: Email) -> str:
    return path_of(links.open_url(email.project_key, email.pk))


def get(path: str, method: str = "get", agent: str = BROWSER, **headers: str):
    return getattr(Client(), method)(path, headers={"User-Agent": agent, **headers})


def tell(at: datetime = AT + LATER) -> None:
    while tell_due(at=at):
        pass


def hits(kind: str = "clicked", **conditions: object) -> int:
    return EmailActivity.objects.filter(kind=kind, **conditions).count()


def told(name: str) -> int:
    return Event.objects.filter(name=name).count()


def test_the_links_of_a_mail_lead_over_us_to_where_they_led(letter):
    found = [unescape(each[2][1:-1]) for each in tracking._LINK.finditer(letter)]

    ours = [url for url in found if "/l/" in url]
    answers = [get(path_of(url)) for url in ours]
    assert [each.status_code for each in answers] == [302] * 4 + [200]
    assert [each.headers["Location"] for each in answers[:4]] == [
        url.replace("ü", "%C3%BC") for url in LINKS
    ]
    assert all(each.headers["Cache-Control"] == "no-store" for each in answers)
    assert all(each.headers["Referrer-Policy"] == "no-referrer" for each in answers)


def test_links_to_leave_and_into_mail_stay_as_they_are(letter):
    assert 'href="mailto:a@b.example"' in letter
    assert f'href="{links.base_url()}/u/' in letter


def test_the_picture_and_the_trap_are_last_in_the_body_and_not_seen(letter):
    tail = letter[letter.rindex("Write</a>") :]

    assert tail.count("<a ") == tail.count("<img ") == 1
    assert 'style="display:none"' in tail
    assert tail.endswith("</body></html>")


@pytest.mark.parametrize(
    "url",
    ["http://[", "https://", "https://x.example/" + "a" * 2000, "ftp://x.example/", "#top", "/a"],
)
def test_an_address_that_cannot_be_tracked_stays(url):
    letter = tracking.tracked(Letter("", f'<a href="{url}">Go</a>', ""), project=1, email=1)

    assert letter.html.startswith(f'<a href="{url}">')


@pytest.mark.parametrize(
    "html",
    [
        "<a href='https://x.example/?a=1&amp;b=2'>Go</a>",
        '<A title="a > b" HREF = "https://x.example/?a=1&b=2">Go</A>',
        '<area data-href="no" href=" https://x.example/?a=1&b=2 ">',
    ],
)
def test_links_are_found_however_they_are_written(html):
    letter = tracking.tracked(Letter("", html, ""), project=1, email=1)

    url = unescape(tracking._LINK.search(letter.html)[2][1:-1])
    token = url.rpartition("/")[2]
    assert links.read_click_token(token).url == "https://x.example/?a=1&b=2"


def test_a_plain_mail_has_nothing_that_tells():
    letter = Letter("Hi", "", "https://x.example/\n")

    assert tracking.tracked(letter, project=1, email=1) == letter


def test_a_long_address_in_unicode_is_followed(email):
    assert get(click_path(email, "https://x.example/" + "ü" * 1900)).status_code == 302


def test_an_opened_mail_is_told_once_however_often_it_is_opened(email, clock):
    for _ in range(3):
        response = get(open_path(email))
    tell()
    get(open_path(email))
    clock.at += timedelta(days=1)
    tell(clock.at + LATER)

    assert (response.status_code, response.headers["Content-Type"]) == (200, "image/gif")
    event = Event.objects.get(name="$email_opened")
    assert event.contact_id == email.contact_id
    assert event.properties["campaign_id"] == CAMPAIGN["id"]
    news = DomainEvent.objects.get(type="campaign.email.opened")
    assert (news.data["contact_id"], news.data["email"]) == (email.contact_id, "alice@example.com")


def test_a_click_is_told_once_with_its_address(email, clock):
    for url in (LINKS[2], LINKS[2], LINKS[1]):
        get(click_path(email, url))
    tell()

    event = Event.objects.get(name="$email_clicked")
    assert (event.properties["url"], event.hops) == (LINKS[2], 1)
    assert DomainEvent.objects.get(type="campaign.email.clicked").data["url"] == LINKS[2]
    assert hits(is_machine=False) == 3


def test_nothing_is_told_before_the_verdict(email, clock):
    get(click_path(email))
    tell(AT + SECOND)

    assert not told("$email_clicked")
    assert hits(is_machine=False) == 1


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("head", {}),
        ("get", {"Purpose": "prefetch"}),
        ("get", {"Sec-Purpose": "prefetch;prerender"}),
        ("get", {"X-Moz": "prefetch"}),
        ("get", {"X-Purpose": "preview"}),
        ("get", {"agent": "Mozilla/5.0 (via ggpht.com GoogleImageProxy)"}),
        ("get", {"agent": "YahooMailProxy; https://help.yahoo.com"}),
        ("get", {"agent": "Mozilla/5.0"}),
        ("get", {"agent": "Barracuda Sentinel (EE)"}),
        ("get", {"agent": "Slackbot-LinkExpanding 1.0"}),
        ("get", {"agent": "python-requests/2.32"}),
        ("get", {"agent": "Mozilla/5.0 AppleWebKit/537.36 HeadlessChrome/142.0 Safari/537.36"}),
    ],
)
def test_a_machine_that_says_so_is_told_of_apart(email, clock, method, headers):
    get(open_path(email), method, **headers)
    response = get(click_path(email), method, **headers)
    tell()

    assert response.status_code == 302
    assert hits("opened", is_machine=True) == hits("clicked", is_machine=True) == 1
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "agent",
    [
        BROWSER,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
        "(KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.4.0",
        "",
    ],
)
def test_a_person_is_a_person(email, clock, agent):
    get(click_path(email), agent=agent)
    tell()

    assert told("$email_clicked") == 1


def test_who_follows_all_links_within_seconds_is_a_machine(email, clock):
    get(open_path(email))
    for url in LINKS:
        get(click_path(email, url))
        clock.at += SECOND / 2
    tell()

    assert hits(is_machine=True) == 4
    assert hits("opened", is_machine=True) == 1
    assert not Event.objects.exists()


def test_who_reads_on_for_a_while_between_links_is_a_person(email, clock):
    for url in LINKS:
        get(click_path(email, url))
        clock.at += 20 * SECOND
    tell(clock.at)

    assert told("$email_clicked") == 1
    assert hits(is_machine=True) == 0


def test_one_link_is_no_burst_even_where_there_is_no_other(email, clock):
    for _ in range(2):
        get(click_path(email, count=1))
    tell()

    assert told("$email_clicked") == 1


def test_five_of_many_links_at_once_are_a_burst(email, clock):
    for number in range(5):
        get(click_path(email, f"https://shop.example/{number}", count=40))
    tell()

    assert hits(is_machine=True) == 5


def test_who_follows_the_trap_was_a_machine_a_moment_before_too(email, clock):
    get(click_path(email))
    clock.at += 20 * SECOND
    tell(clock.at)
    assert told("$email_clicked") == 1

    answer = get(click_path(email, url=""))
    tell(clock.at)

    assert (answer.status_code, hits(is_machine=True), hits("trapped")) == (200, 1, 1)
    assert not told("$email_clicked")


def test_segments_hear_of_a_click_that_is_taken_back(email, clock, relay):
    get(click_path(email))
    tell()
    DomainEvent.objects.all().delete()
    clock.at += LATER
    get(click_path(email, url=""))
    tell(clock.at)

    news = DomainEvent.objects.get(type="events.recorded")
    assert news.data["changes"] == {"events.$email_clicked": [email.contact.key]}


def test_a_person_after_a_machine_is_heard(email, clock):
    for url in LINKS:
        get(click_path(email, url))
    clock.at += timedelta(minutes=10)
    get(click_path(email))
    tell(clock.at + LATER)

    assert (hits(is_machine=True), hits(is_machine=False)) == (4, 1)
    assert told("$email_clicked") == 1


def test_nothing_is_told_of_a_contact_that_is_deleted(email, clock):
    get(click_path(email))
    email.contact.remove(at=AT)
    tell()

    assert not told("$email_clicked")
    assert not EmailActivity.objects.untold().exists()


def test_telling_twice_tells_once(email, clock):
    get(click_path(email))
    for _ in range(3):
        tell_due(at=AT + LATER)
    EmailActivity.objects.update(due_at=AT)
    tell()

    assert told("$email_clicked") == 1


def test_many_verdicts_take_no_more_statements_than_few(project, clock):
    make_template(project)
    stream = make_stream(project)
    counts = []
    for people in (1, 2, 20):  # The first one finds the month of the events, too.
        for email in queue(stream, [make_contact(project) for _ in range(people)]):
            get(open_path(email))
            get(click_path(email))
        with CaptureQueriesContext(connection) as queries:
            tell_due(at=AT + LATER)
        counts.append(len(queries))

    assert counts[1] == counts[2]
    assert told("$email_opened") == told("$email_clicked") == 23


def test_a_send_costs_nothing_for_being_tracked(email, django_assert_num_queries):
    [mail] = claim(at=AT, limit=1).mails
    template = make_template(email.project, "tmpl_same", html=HTML)

    with django_assert_num_queries(0):
        assert "/o/" in parcels.letter_of(mail, template).html


def test_hits_without_end_are_not_kept_without_end(email, clock, monkeypatch):
    monkeypatch.setattr("contacts.mail.hits.MOST_HITS", 3)
    for _ in range(5):
        get(open_path(email))

    assert hits("opened") == 3


def test_no_letter_of_a_token_can_be_changed(email):
    path = click_path(email)
    for place in range(3, len(path)):
        other = "A" if path[place] != "A" else "B"
        # The last letter bears bits that are no part of what it says.
        changed = path[:place] + other + path[place + 1 :]
        assert get(changed).status_code == 404, place
    assert not EmailActivity.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["", "x", "ü", "%00", "..", "x" * 5000, "https:evil.example"])
def test_what_is_no_token_leads_nowhere(token):
    assert get(f"/l/{token}").status_code == 404
    shown = get(f"/o/{token}.gif")
    assert (shown.status_code, shown.headers.get("Content-Type")) == (200, "image/gif")


def test_a_token_of_one_kind_is_none_of_another(email):
    token = open_path(email).removeprefix("/o/").removesuffix(".gif")

    assert get(f"/l/{token}").status_code == 404


def test_the_links_of_a_mail_that_is_gone_still_lead_on(email):
    path = click_path(email)
    email.delete()

    assert get(path).headers["Location"].startswith("https://shop.example/0")
    assert not EmailActivity.objects.exists()


def test_a_mail_of_another_project_is_not_touched(email, other_project):
    mail = TrackedLink(other_project.key, email.pk, 1, LINKS[0])

    get(path_of(links.click_url(mail)))

    assert not EmailActivity.objects.exists()


def test_a_database_that_is_away_keeps_nobody_from_the_page(email, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise DatabaseError("away")

    monkeypatch.setattr(public, "record_click", fail)

    assert get(click_path(email)).status_code == 302


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_other_methods_are_refused(email, method):
    assert get(click_path(email), method).status_code == 405
    assert get(open_path(email), method).status_code == 405


def test_stats_count_people_and_machines_apart(project, clock):
    make_template(project)
    campaign = make_lifecycle(project, "0m")
    people = [make_contact(project) for _ in range(4)]
    emails = queue(campaign.stream, people)
    Email.objects.update(state="sent")
    for email in emails[:3]:
        get(open_path(email))
        get(open_path(email))
    get(open_path(emails[3]), agent="Mozilla/5.0")
    get(click_path(emails[0]))
    get(click_path(emails[1], url=LINKS[1]))
    get(click_path(emails[1], url=""))
    tell()

    counted = stats(campaign)

    assert (counted["opened"], counted["opened_machine"]) == (2, 2)
    assert (counted["clicked"], counted["clicked_machine"]) == (1, 1)
    assert (counted["open_rate"], counted["click_rate"]) == (0.5, 0.25)


@pytest.mark.parametrize("path", ["/o/anything", "/l/anything"])
def test_a_post_to_a_picture_or_a_link_is_told_405(path):
    assert Client(enforce_csrf_checks=True).post(path).status_code == 405
