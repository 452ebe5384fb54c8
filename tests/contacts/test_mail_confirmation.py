"""Double opt-in: one mail that asks, one page with a button, and only a person says yes."""

import re
from datetime import datetime, timedelta

import pytest
from django.test import Client

from contacts import public
from contacts.mail import parcels
from contacts.mail.claiming import claim
from contacts.mail.links import confirm_token
from contacts.mail.templates import find_template
from contacts.models import Consent, ConsentChange, Contact, Email, MailStream, Suppression
from contacts.operations.consents import Stance, record_consents
from growth.models import Project
from tests.factories import AT, make_contact, make_topic

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"}
HOUR = timedelta(hours=1)


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
def contact(project: Project) -> Contact:
    make_topic(project, "news", opt_in="double")
    make_topic(project, "tips", opt_in="double")
    make_topic(project, "plain")
    return make_contact(project, email="alice@example.com", traits={"first_name": "Alice"})


@pytest.fixture
def browser() -> Client:
    return Client(enforce_csrf_checks=True, headers=BROWSER)


def say(contact: Contact, *codes: str, state: str = "pending", at: datetime = AT, **evidence):
    record_consents(contact, {code: Stance(state, "form", evidence) for code in codes}, at=at)


def path_of(email: Email) -> str:
    return f"/c/{confirm_token(email.project_key, email.pk)}"


def press_of(page: str) -> str:
    return re.search(r'name="press" value="([^"]+)"', page)[1]


def confirm(browser: Client, path: str, clock: Clock) -> str:
    page = browser.get(path).content.decode()
    clock.at += timedelta(seconds=3)
    return browser.post(path, {"press": press_of(page)}).content.decode()


def states() -> dict[str, str]:
    return dict(Consent.objects.values_list("topic__code", "state"))


def test_whoever_is_said_to_want_a_topic_is_asked_by_one_mail_for_all(contact):
    say(contact, "news", "tips", "plain")

    email = Email.objects.get()
    assert (email.state, email.contact_id, email.stream.kind) == (
        "queued",
        contact.id,
        "confirmation",
    )
    assert [topic["code"] for topic in email.context["topics"]] == ["news", "tips"]


def test_the_mail_says_who_asks_for_what_and_tracks_nothing(contact):
    say(contact, "news")
    [mail] = claim(at=AT, limit=10).mails

    letter = parcels.letter_of(mail, find_template(contact.project, mail.template_code))

    path = path_of(Email.objects.get())
    assert "Hi Alice," in letter.text
    assert "Acme to alice@example.com: News" in letter.text
    assert path in letter.text
    assert path in letter.html
    assert "/o/" not in letter.html
    assert "/l/" not in letter.html


@pytest.mark.parametrize("state", ["granted", "withdrawn"])
def test_nobody_is_asked_who_has_answered(contact, state):
    say(contact, "news", state=state)

    assert not Email.objects.exists()


def test_a_topic_without_double_opt_in_asks_nobody(contact):
    say(contact, "plain")

    assert not Email.objects.exists()


def test_the_api_asks_too(api, project, contact):
    api.put(f"/v1/contacts/{contact.id}/consents/news", {"state": "pending"})
    api.post("/v1/contacts", {"email": "bob@example.com", "consent": {"tips": "pending"}})

    addresses = Email.objects.values_list("address", flat=True)
    assert sorted(addresses) == ["alice@example.com", "bob@example.com"]
    assert MailStream.objects.count() == 1


def test_the_same_wish_is_asked_for_once(contact):
    for hours in range(4):
        say(contact, "news", at=AT + hours * HOUR)

    assert Email.objects.count() == 1


def test_who_asks_again_gets_another_mail_after_an_hour_and_five_in_all(contact):
    counts = []
    for minutes in (0, 30, 61, 125, 190, 260, 330, 400):
        say(contact, "news", at=AT + timedelta(minutes=minutes), form=minutes)
        counts.append(Email.objects.count())

    assert counts == [1, 1, 2, 3, 4, 5, 5, 5]


def test_another_topic_is_another_question(contact):
    say(contact, "news")
    say(contact, "tips")

    assert Email.objects.count() == 2


def test_who_moved_to_another_address_is_asked_there(api, contact):
    say(contact, "news")
    api.patch(f"/v1/contacts/{contact.id}", {"email": "alice@new.example"})
    contact.refresh_from_db()
    say(contact, "news", at=AT + 2 * HOUR, form="again")

    addresses = Email.objects.order_by("id").values_list("address", flat=True)
    assert list(addresses) == ["alice@example.com", "alice@new.example"]


def test_nobody_is_asked_at_an_address_that_gets_no_mail(project, contact):
    Suppression.objects.create(project=project, email_key="alice@example.com", reason="complained")
    say(contact, "news")

    assert claim(at=AT, limit=10).mails == []
    assert Email.objects.get().state == "suppressed"


def test_a_contact_without_an_address_is_not_asked(project, contact):
    say(make_contact(project, email="", external_id="x"), "news")

    assert not Email.objects.exists()


def test_looking_confirms_nothing(browser, contact, clock):
    say(contact, "news")
    path = path_of(Email.objects.get())

    for method in ("get", "head", "get"):
        response = getattr(browser, method)(path)
        assert response.status_code == 200
    page = browser.get(path).content.decode()
    assert "<li>News</li>" in page
    assert page.count("<button") == 1
    assert states() == {"news": "pending"}


def test_the_button_confirms_and_keeps_how(browser, contact, clock):
    say(contact, "news", form="footer")

    page = confirm(browser, path_of(Email.objects.get()), clock)

    assert "Thank you" in page
    consent = Consent.objects.get()
    assert (consent.state, consent.source, consent.at) == ("granted", "confirmation", clock.at)
    assert consent.evidence == {
        "method": "double opt-in",
        "wording": "Do you want mail from Acme? News: Yes, I want it",
        "mail_sent_to": "alice@example.com",
        "asked_at": AT.isoformat(),
        "requested": {"at": AT.isoformat(), "source": "form", "evidence": {"form": "footer"}},
    }
    assert ConsentChange.objects.count() == 2


def test_confirming_twice_is_confirming_once(browser, contact, clock):
    say(contact, "news")
    path = path_of(Email.objects.get())

    confirm(browser, path, clock)
    again = browser.post(path).content.decode()

    assert "Thank you" in again
    assert "Thank you" in browser.get(path).content.decode()
    assert ConsentChange.objects.count() == 2


@pytest.mark.parametrize("seconds", [0, 1.9])
def test_who_presses_at_once_confirms_nothing(browser, contact, clock, seconds):
    say(contact, "news")
    path = path_of(Email.objects.get())
    page = browser.get(path).content.decode()
    clock.at += timedelta(seconds=seconds)

    page = browser.post(path, {"press": press_of(page)}).content.decode()

    assert "press the button once more" in page
    assert states() == {"news": "pending"}


@pytest.mark.parametrize("press", [{}, {"press": "x"}, {"press": "mail-1~1.2"}])
def test_who_has_not_seen_the_page_confirms_nothing(browser, contact, clock, press):
    say(contact, "news")

    assert browser.post(path_of(Email.objects.get()), press).status_code == 200
    assert states() == {"news": "pending"}


def test_a_machine_that_says_so_confirms_nothing_however_long_it_waits(contact, clock):
    say(contact, "news")
    scanner = Client(headers={"User-Agent": "Barracuda Sentinel"})

    confirm(scanner, path_of(Email.objects.get()), clock)

    assert states() == {"news": "pending"}


def test_the_press_of_another_mail_is_none(browser, project, contact, clock):
    say(contact, "news")
    say(make_contact(project), "news")
    one, other = Email.objects.order_by("id")
    press = press_of(browser.get(path_of(one)).content.decode())
    clock.at += timedelta(seconds=3)

    browser.post(path_of(other), {"press": press})

    assert set(Consent.objects.values_list("state", flat=True)) == {"pending"}


def test_only_what_the_mail_asked_for_is_confirmed(browser, contact, clock):
    say(contact, "news")
    say(contact, "tips", at=AT + timedelta(seconds=1))

    confirm(browser, path_of(Email.objects.earliest("id")), clock)

    assert states() == {"news": "granted", "tips": "pending"}


def test_what_was_withdrawn_meanwhile_stays_withdrawn(browser, contact, clock):
    say(contact, "news")
    path = path_of(Email.objects.get())
    press = press_of(browser.get(path).content.decode())
    say(contact, "news", state="withdrawn")
    clock.at += timedelta(seconds=3)

    page = browser.post(path, {"press": press}).content.decode()

    assert "nothing to confirm" in page
    assert states() == {"news": "withdrawn"}


def test_the_link_is_good_for_seven_days(browser, contact, clock):
    say(contact, "news")
    path = path_of(Email.objects.get())

    clock.at = AT + timedelta(days=6.9)
    assert "<button" in browser.get(path).content.decode()
    clock.at = AT + timedelta(days=7.1)
    assert "nothing to confirm" in browser.get(path).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "head", "post"])
@pytest.mark.parametrize("token", ["nonsense", "1-1.AAAA", "..", "%00", "x" * 5000])
def test_an_unknown_token_is_nothing(browser, token, method):
    assert getattr(browser, method)(f"/c/{token}").status_code == 404


def test_the_token_of_another_kind_of_mail_is_nothing(browser, contact):
    say(contact, "news")
    email = Email.objects.get()
    MailStream.objects.update(kind="campaign")

    assert browser.get(path_of(email)).status_code == 404


def test_the_page_of_a_sample_changes_nothing(browser, db, clock):
    page = browser.get("/c/sample").content.decode()
    clock.at += timedelta(seconds=3)

    assert browser.post("/c/sample", {"press": press_of(page)}).status_code == 200


def test_of_a_deleted_contact_nothing_is_confirmed(browser, contact, clock):
    say(contact, "news")
    contact.remove(at=AT)

    assert "nothing to confirm" in browser.get(path_of(Email.objects.get())).content.decode()
    assert browser.post(path_of(Email.objects.get())).status_code == 200
