"""Every page without a login: readable, labelled, usable by keyboard, and silent in the console.

Pictures are kept in var/screenshots.
"""

from datetime import timedelta

import pytest
from django.utils.timezone import now
from selenium.webdriver import Keys

from contacts.mail.links import unsubscribe_token
from surveys.models import Response
from tests.browser.looking import TABS, check, check_plain, look, pause, tab_through
from tests.contacts.mail_factories import make_stream, make_template, queue
from tests.factories import make_contact, make_topic
from tests.referrals.factories import make_link, make_program
from tests.surveys.factories import QUESTIONS, make_invitation, make_survey, page_of
from tests.waitlists.factories import make_entry, make_waitlist
from waitlists.mail import status_token
from waitlists.models import Entry
from waitlists.queries import row_of

pytestmark = pytest.mark.slow  # A browser starts, and waits as long as a person would.


def test_the_form_of_a_waitlist(browser, project):
    make_waitlist(project, slug="early", name="Pro plan, early access")
    look(browser, "waitlist", "/w/early")

    browser.open("/w/early?ref=NOBODY")
    assert tab_through(browser) == ["email", "name", "Join the waitlist"]
    browser.find("#email").send_keys("ada@example.com")
    pause()
    browser.press(Keys.ENTER)

    browser.wait_for("mail")
    check(browser, "waitlist joined")
    assert Entry.objects.get().status == Entry.Status.PENDING


def test_the_form_of_a_waitlist_without_script(plain_browser, project):
    make_waitlist(project, slug="early", require_verification=False)
    plain_browser.open("/w/early")
    plain_browser.find("#email").send_keys("ada@example.com")
    pause()
    plain_browser.press(Keys.ENTER)

    plain_browser.wait_for("ada@example.com")
    assert Entry.objects.get().status == Entry.Status.WAITING


def test_a_place(browser, project):
    waitlist = make_waitlist(project, slug="early", referral_boost=3)
    entry = make_entry(waitlist, "ada@example.com")
    path = f"/w/early/status?token={status_token(row_of(entry))}"
    look(browser, "place", path)

    browser.open(path)
    assert "share" in tab_through(browser)


def test_a_survey_by_keyboard(browser, project):
    asked = make_invitation(make_survey(project), make_contact(project), asked_at=now())
    look(browser, "survey", page_of(asked))
    browser.open(page_of(asked) + "?score=9")
    assert not Response.objects.exists()

    assert tab_through(browser, 3) == ["score", "comment", "Send"]
    browser.open(page_of(asked))
    browser.press(Keys.TAB, Keys.ARROW_RIGHT)
    browser.press(Keys.TAB, "All good", Keys.TAB)
    pause()
    browser.press(Keys.ENTER)

    browser.wait_for("Thank you")
    check(browser, "survey thanks")
    response = Response.objects.get()
    assert (response.score, response.comment) == (1, "All good")


def test_a_survey_without_script_and_a_change_that_comes_too_late(plain_browser, project):
    asked = make_invitation(make_survey(project), make_contact(project), asked_at=now())
    browser = plain_browser
    browser.open(page_of(asked))
    check_plain(browser, "survey without script")
    browser.press(Keys.TAB, Keys.ARROW_RIGHT, Keys.TAB, "All good", Keys.TAB)
    pause()
    browser.press(Keys.ENTER)
    browser.wait_for("Thank you")

    browser.open(page_of(asked) + "?score=9")
    said = browser.find("textarea").get_attribute("value")
    Response.objects.update(responded_at=now() - timedelta(hours=25))
    pause()
    browser.find("button").click()
    browser.wait_for("What you sent just now was not kept")
    check_plain(browser, "survey too late")
    browser.open(page_of(asked))
    browser.wait_for("You have answered already")

    response = Response.objects.get()
    assert (response.score, response.comment, said) == (1, "All good", "All good")


def test_questions_of_all_kinds_without_script(plain_browser, project):
    survey = make_survey(project, type="custom", question="Three questions", questions=QUESTIONS)
    asked = make_invitation(survey, make_contact(project), asked_at=now())
    browser = plain_browser
    browser.open(page_of(asked))
    for field in ("size", "uses", "ease", "again"):
        browser.find(f"[name=q_{field}]").send_keys(Keys.SPACE)
    browser.find("[name=q_why]").send_keys("So")
    pause()
    browser.find("button").click()

    browser.wait_for("Thank you")
    kept = {"size": "1", "uses": ["mail"], "ease": 1, "again": True, "why": "So"}
    assert Response.objects.get().answers == kept


def test_the_way_of_a_friend_without_script(plain_browser, project):
    link = make_link(make_program(project))
    plain_browser.open(f"/r/{link.code}")

    plain_browser.wait_for("A friend of yours uses Acme")
    check_plain(plain_browser, "invited")
    address = plain_browser.driver.current_url
    assert f"?ref={link.code}&gclk=clk_" in address
    assert link.clicks.filter(is_machine=False).count() == 1


def test_a_page_that_is_asked_for_too_often(browser, project, settings):
    make_waitlist(project, slug="early")
    settings.RATE_LIMITS, settings.PUBLIC_REQUESTS_PER_ADDRESS = True, 0

    browser.open("/w/early")
    browser.wait_for("Please wait a moment")
    browser.errors()  # The browser notes each 429 by itself.
    check(browser, "too often")


def test_a_survey_of_many_questions(browser, project):
    survey = make_survey(project, type="custom", question="Three questions", questions=QUESTIONS)
    asked = make_invitation(survey, make_contact(project), asked_at=now())

    look(browser, "survey questions", page_of(asked))


def test_preferences(browser, project):
    make_template(project)
    stream = make_stream(project, topic=make_topic(project, "news"))
    make_topic(project, "offers")
    [mail] = queue(stream, [make_contact(project, email="ada@example.com")])
    token = unsubscribe_token(mail.project_key, mail.pk)
    look(browser, "preferences", f"/u/{token}")

    browser.open(f"/u/{token}")
    assert tab_through(browser)


@pytest.mark.parametrize("page", ["", "components", "reference/contacts"])
def test_docs(browser, db, page):
    look(browser, f"docs {page or 'index'}", f"/docs/{page}")

    browser.open(f"/docs/{page}")
    assert len(tab_through(browser)) == TABS
