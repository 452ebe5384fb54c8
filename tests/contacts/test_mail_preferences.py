"""The page of a mail's reader: what they get, what they do not, and that no program decides it."""

import re
from datetime import datetime, timedelta

import pytest
from django.test import Client

from contacts import public
from contacts.mail.links import base_url, open_url, unsubscribe_token
from contacts.mail.verdicts import tell_due
from contacts.models import Consent, Email, EmailActivity, Event, Suppression
from contacts.operations.consents import Stance, record_consents
from growth.models import Project, User
from tests.contacts.mail_factories import make_stream, make_template, queue
from tests.factories import AT, make_contact, make_topic

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"}


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
    make_template(project)
    news = make_topic(project, "news")
    make_topic(project, "offers")
    make_topic(project, "parties", opt_in="double")
    contact = make_contact(project, email="alice@example.com")
    [email] = queue(make_stream(project, topic=news), [contact])
    return email


@pytest.fixture
def path(email: Email) -> str:
    return f"/u/{unsubscribe_token(email.project_key, email.pk)}"


@pytest.fixture
def browser() -> Client:
    return Client(enforce_csrf_checks=True, headers=BROWSER)


def boxes(page: str) -> dict[str, bool]:
    found = re.findall(r'type="checkbox" name="topic" value="([a-z]+)"( checked)?', page)
    return {code: bool(checked) for code, checked in found}


def save(browser: Client, path: str, *topics: str, shown=("news", "offers", "parties")):
    return browser.post(path, {"choice": "save", "topic": topics, "shown": shown})


def stances() -> dict[str, str]:
    return dict(Consent.objects.values_list("topic__code", "state"))


def press_of(page: str) -> str:
    return re.search(r'name="press" value="([^"]+)"', page)[1]


def test_the_page_shows_each_topic_with_its_state(browser, email, path):
    record_consents(email.contact, {"offers": Stance("withdrawn")}, at=AT)

    page = browser.get(path).content.decode()

    assert boxes(page) == {"news": True, "offers": False, "parties": False}
    assert page.count("<h1>") == page.count("<fieldset>") == page.count("<legend>") == 1
    assert page.count("<label>") == 3


def test_a_choice_is_saved_with_its_evidence_and_only_what_changed(browser, path):
    page = save(browser, path, "news", "parties").content.decode()

    assert stances() == {"offers": "withdrawn", "parties": "granted"}
    assert boxes(page) == {"news": True, "offers": False, "parties": True}
    assert "Your choice is saved." in page
    consent = Consent.objects.get(topic__code="parties")
    assert (consent.source, consent.evidence["mail_sent_to"]) == (
        "preferences",
        "alice@example.com",
    )
    assert not Suppression.objects.exists()


def test_leaving_the_topic_of_the_mail_counts_as_leaving_by_it(browser, path):
    save(browser, path, "offers")
    save(browser, path, "offers")

    assert stances() == {"news": "withdrawn"}
    assert Event.objects.filter(name="$email_unsubscribed").count() == 1
    assert EmailActivity.objects.get().detail == "news"


def test_leaving_another_topic_does_not(browser, path):
    save(browser, path, "news")

    assert not EmailActivity.objects.exists()


def test_a_form_that_is_sent_as_it_was_shown_changes_nothing(browser, path):
    save(browser, path, "news", "offers")

    assert not Consent.objects.exists()


def test_topics_that_the_form_did_not_show_stay(browser, path):
    save(browser, path, shown=("offers", "unknown", "\0"))

    assert stances() == {"offers": "withdrawn"}


def test_one_click_leaves_all_though_there_are_topics(browser, path):
    browser.post(path, {"List-Unsubscribe": "One-Click"})

    assert Suppression.objects.get().reason == "unsubscribed"


def test_who_left_may_come_back(browser, path, clock):
    page = browser.post(path).content.decode()
    assert "Get mail again" in page
    clock.at += timedelta(seconds=3)

    page = browser.post(path, {"choice": "return", "press": press_of(page)}).content.decode()

    assert "You get mail again." in page
    assert not Suppression.objects.exists()
    assert list(EmailActivity.objects.values_list("kind", flat=True).order_by("id")) == [
        "unsubscribed",
        "resubscribed",
    ]


def test_coming_back_and_reading_on_go_together(browser, email, path, clock):
    press = press_of(browser.post(path).content.decode())
    clock.at += timedelta(seconds=3)
    browser.post(path, {"choice": "return", "press": press})
    browser.get(open_url(email.project_key, email.pk).removeprefix(base_url()))

    assert tell_due(at=clock.at + timedelta(minutes=1)) == 1
    assert set(Event.objects.values_list("name", flat=True)) == {
        "$email_unsubscribed",
        "$email_opened",
    }


@pytest.mark.parametrize("reason", ["bounced", "complained"])
def test_the_owner_of_an_address_may_have_it_written_to_again(
    browser, project, email, path, clock, reason
):
    Suppression.objects.create(project=project, email_key=email.email_key, reason=reason)
    press = press_of(browser.get(path).content.decode())
    clock.at += timedelta(seconds=3)

    browser.post(path, {"choice": "return", "press": press})

    assert not Suppression.objects.exists()


def test_what_staff_decided_stays(browser, project, email, path, clock):
    Suppression.objects.create(project=project, email_key=email.email_key, reason="manual")
    page = browser.get(path).content.decode()
    clock.at += timedelta(seconds=3)

    browser.post(
        path, {"choice": "return", "press": public.presses.issue(f"mail-{email.pk}", at=AT)}
    )

    assert "Get mail again" not in page
    assert Suppression.objects.exists()


@pytest.mark.parametrize("seconds", [0, 1, 100_000])
def test_nobody_comes_back_who_presses_at_once_or_much_later(browser, path, clock, seconds):
    press = press_of(browser.post(path).content.decode())
    clock.at += timedelta(seconds=seconds)

    page = browser.post(path, {"choice": "return", "press": press}).content.decode()

    assert "press the button once more" in page
    assert Suppression.objects.exists()


def test_a_press_that_was_too_early_ripens(browser, path, clock):
    page = browser.post(path).content.decode()
    for _ in range(2):
        clock.at += timedelta(seconds=1)
        page = browser.post(path, {"choice": "return", "press": press_of(page)}).content.decode()

    assert "You get mail again." in page
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("press", ["", "x", "mail-1~0.AAAA", "ü", "\0"])
def test_a_made_up_press_is_none(browser, path, clock, press):
    browser.post(path)

    assert browser.post(path, {"choice": "return", "press": press}).status_code == 200
    assert Suppression.objects.exists()


def test_of_a_deleted_contact_only_leaving_is_left(browser, email, path):
    email.contact.remove(at=AT)

    assert boxes(browser.get(path).content.decode()) == {}
    assert save(browser, path).status_code == 200
    browser.post(path)
    assert Suppression.objects.exists()


def test_no_import_and_no_call_lifts_a_suppression(api, project, email, path, browser):
    browser.post(path)

    api.post("/v1/contacts", {"email": "Alice@example.com", "consent": {"news": "granted"}})
    api.put(f"/v1/contacts/{email.contact_id}/consents/news", {"state": "granted"})
    api.post("/v1/identify", {"user_id": "u", "traits": {"email": "alice@example.com"}})
    api.delete(f"/v1/contacts/{email.contact_id}")
    api.post("/v1/contacts", {"email": "alice@example.com"})

    assert Suppression.objects.get().reason == "unsubscribed"


def test_staff_suppresses_by_hand_and_lifts_by_hand(client, project, email):
    client.force_login(User.objects.create_superuser("staff"))
    contacts = {"action": "suppress", "_selected_action": [email.contact_id]}

    assert client.post("/admin/contacts/contact/", contacts).status_code == 302
    suppression = Suppression.objects.get()
    assert (suppression.email_key, suppression.reason) == ("alice@example.com", "manual")

    client.post(f"/admin/contacts/suppression/{suppression.pk}/delete/", {"post": "yes"})
    assert not Suppression.objects.exists()
