"""What scans mail before people do: it follows all, submits what it finds, and decides nothing.

Each scanner goes through a whole mail with its links, and the pages behind them, as gateways do.
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from html import unescape

import pytest
from django.test import Client

from campaigns.queries import stats
from contacts import public
from contacts.mail import links, parcels
from contacts.mail.claiming import claim
from contacts.mail.templates import templates_for
from contacts.mail.verdicts import tell_due
from contacts.models import Consent, Email, EmailActivity, Event, Suppression
from contacts.operations.consents import Stance, record_consents
from growth.models import Project
from tests.campaigns.factories import make_lifecycle
from tests.contacts.mail_factories import make_template, queue
from tests.factories import AT, make_contact, make_topic

BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36"
HTML = (
    "<html><body>"
    + "".join(f'<a href="https://shop.example/{n}">{n}</a>' for n in range(3))
    + '<a href="{{ links.preferences }}">Choose</a> <a href="{{ links.unsubscribe }}">Leave</a>'
    "</body></html>"
)
_ADDRESS = re.compile(r"""(?:href|src)\s*=\s*["'](http[^"']+)["']""")
_FIELD = re.compile(r"""<(?:input|button)\b[^>]*\bname="([^"]*)"[^>]*\bvalue="([^"]*)\"""")

Scan = Callable[[Client, str], None]


class Clock:
    """The time as the pages read it; a scanner needs a tenth of a second for each."""

    def __init__(self) -> None:
        self.at = AT

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=0.1)
        return self.at


def look(scanner: Client, path: str) -> None:
    scanner.get(path)


def ask_for_the_head(scanner: Client, path: str) -> None:
    scanner.head(path)


def prefetch(scanner: Client, path: str) -> None:
    scanner.get(path, headers={"Sec-Purpose": "prefetch"})


def submit_forms_by_get(scanner: Client, path: str) -> None:
    page = scanner.get(path).content.decode(errors="replace")
    scanner.get(path, dict(_FIELD.findall(page)))


def submit_the_form_that_says_yes(scanner: Client, path: str) -> None:
    page = scanner.get(path).content.decode(errors="replace")
    if path.startswith("/c/"):
        scanner.post(path, dict(_FIELD.findall(page)))


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(public, "now", clock)
    return clock


@pytest.fixture
def campaign(project: Project):
    """A campaign whose mail, and one that asks for consent, are about to be sent to a person."""
    make_topic(project)
    make_topic(project, "tips", opt_in="double")
    make_template(project, html=HTML)
    contact = make_contact(project, email="alice@example.com")
    campaign = make_lifecycle(project, "0m")
    queue(campaign.stream, [contact])
    record_consents(contact, {"tips": Stance("pending")}, at=AT)
    return campaign


def paths() -> Iterator[str]:
    """Yield all that the mails lead to or show."""
    mails = claim(at=AT, limit=10).mails
    assert len(mails) == 2
    templates = templates_for((mail.project, mail.template_code) for mail in mails)
    for mail in mails:
        letter = parcels.letter_of(mail, templates[mail.project, mail.template_code])
        for url in dict.fromkeys(_ADDRESS.findall(letter.html)):
            yield unescape(url).removeprefix(links.base_url())
    Email.objects.update(state="sent")


@pytest.mark.parametrize(
    "scan",
    [
        look,
        ask_for_the_head,
        prefetch,
        submit_forms_by_get,
        submit_the_form_that_says_yes,
    ],
)
@pytest.mark.parametrize("agent", [BROWSER, "", "Mozilla/5.0", "Barracuda Sentinel"])
def test_a_scanner_leaves_confirms_and_clicks_nothing(campaign, clock, scan, agent):
    scanner = Client(headers={"User-Agent": agent})
    found = list(paths())
    assert {path[:3] for path in found} == {"/l/", "/o/", "/u/", "/c/"}

    for path in found:
        scan(scanner, path)
    while tell_due(at=AT + timedelta(minutes=5)):
        pass

    assert not Suppression.objects.exists()
    assert [consent.state for consent in Consent.objects.all()] == ["pending"]
    assert not EmailActivity.objects.filter(is_machine=False).exists()
    assert not Event.objects.exists()
    counted = stats(campaign)
    assert (counted["clicked"], counted["opened"], counted["unsubscribed"]) == (0, 0, 0)
    assert (counted["clicked_machine"], counted["opened_machine"]) == (1, 1)


def test_a_person_who_reads_after_the_scanner_is_counted(campaign, clock):
    found = list(paths())
    for path in found:
        look(Client(headers={"User-Agent": BROWSER}), path)
    clock.at += timedelta(hours=1)

    person = Client(headers={"User-Agent": BROWSER})
    person.get(next(path for path in found if path.startswith("/o/")))
    clock.at += timedelta(seconds=20)
    person.get(next(path for path in found if path.startswith("/l/")))
    while tell_due(at=clock.at + timedelta(minutes=1)):
        pass

    counted = stats(campaign)
    assert (counted["opened"], counted["clicked"]) == (1, 1)
    assert sorted(Event.objects.values_list("name", flat=True)) == [
        "$email_clicked",
        "$email_opened",
    ]
