"""The web components at work on the demo page."""

import json

import pytest
from django.utils.timezone import now
from selenium.webdriver import Keys

from growth.management.demo.referrals import CHANNEL
from growth.management.demo.waitlist import write_demo_waitlist
from growth.management.promoter_loop import SURVEY
from growth.models import ApiKey
from surveys.models import Response
from tests.browser.conftest import WIDTHS, Browser
from tests.browser.looking import check, look, pause, settle, tab_through
from tests.factories import make_contact
from tests.referrals.factories import make_link, make_program
from tests.surveys.factories import QUESTIONS, make_invitation, make_survey, page_of
from waitlists.mail import status_token
from waitlists.models import Entry
from waitlists.queries import row_of

pytestmark = pytest.mark.slow  # A browser starts, and waits as long as a person would.


@pytest.fixture
def demo(project, settings, tmp_path, live_server):
    """Make the demo page's things; return the waitlist, the link and the invitation."""
    _, key = ApiKey.objects.issue(project, name="web", type="write", scopes=[])
    settings.DATA_DIR = tmp_path
    told = {"project_id": project.id, "write_key": key}
    (tmp_path / "project.json").write_text(json.dumps(told))
    waitlist = write_demo_waitlist(project, at=now())
    link = make_link(make_program(project), channel=CHANNEL)
    survey = make_survey(project, name=SURVEY, question="Would you recommend us to a friend?")
    asked = make_invitation(survey, make_contact(project, email="a@example.com"), asked_at=now())
    return waitlist, link, asked


def test_components_join_copy_and_vote(browser, demo):
    look(browser, "components", "/docs/components/demo")
    browser.open("/docs/components/demo?ref=NOBODY")
    settle(browser)
    allow_copying(browser)

    button = browser.find("button[type=submit]", "growth-waitlist")
    button.click()
    assert browser.find("[aria-invalid]", "growth-waitlist").get_attribute("id") == "email"
    check(browser, "components refused by the browser")
    browser.find("#email", "growth-waitlist").send_keys("x@mailinator.com")
    button.click()
    browser.wait_for("Use an address that you keep", "growth-waitlist")
    browser.driver.get_log("browser")  # The browser notes each 422 by itself.
    check(browser, "components refused by the server")
    browser.find("#email", "growth-waitlist").clear()
    browser.find("#email", "growth-waitlist").send_keys("zoe@example.com", Keys.ENTER)
    browser.wait_for("Almost there", "growth-waitlist")

    browser.find("button", "growth-referral").click()
    assert "Copied" in browser.find(".told p", "growth-referral").text
    copied = browser.driver.execute_async_script(
        "const done = arguments[0]; navigator.clipboard.readText().then(done, done);"
    )

    browser.find("input[value='9']", "growth-survey").send_keys(Keys.SPACE)
    browser.find("textarea", "growth-survey").send_keys("Fast")
    pause()
    browser.find("button", "growth-survey").send_keys(Keys.ENTER)
    browser.wait_for("Thank you", "growth-survey")
    check(browser, "components done")

    waitlist, link, asked = demo
    assert copied == link.url
    assert Entry.objects.filter(waitlist=waitlist, contact__email="zoe@example.com").exists()
    response = Response.objects.get()
    assert (response.score, response.comment, response.invitation_id) == (9, "Fast", asked.pk)


def test_components_by_keyboard(browser, demo):
    browser.open("/docs/components/demo")
    settle(browser)
    browser.ask("document.querySelector('#waitlist a').focus()")

    names = tab_through(browser)

    assert names[:3] == ["email", "name", "Join the waitlist"]
    assert {"share", "Copy", "score", "comment", "Send"} <= set(names)


def test_a_place_and_questions_as_components(browser, project, demo):
    waitlist, *_ = demo
    place = Entry.objects.filter(waitlist=waitlist, contact__email="hugo@example.com").get()
    survey = make_survey(project, type="custom", question="Three questions", questions=QUESTIONS)
    asked = make_invitation(survey, make_contact(project), asked_at=now())
    browser.open("/docs/components/demo")
    browser.ask(
        "(document.querySelector('growth-waitlist').setAttribute('token', arguments[0]),"
        " document.querySelector('growth-survey').setAttribute('token', arguments[1]))",
        status_token(row_of(place)),
        page_of(asked).rpartition("/")[2],
    )
    browser.wait_for("2 friends joined by your link.", "growth-waitlist")
    browser.wait_for("Three questions", "growth-survey")
    settle(browser)
    for width in WIDTHS:
        browser.resize(width)
        check(browser, f"components place {width}")

    pause()
    browser.find("button[type=submit]", "growth-survey").click()
    assert browser.find("[aria-invalid]", "growth-survey").get_attribute("name") == "q_ease"
    browser.find("[name=q_ease][value='4']", "growth-survey").send_keys(Keys.SPACE)
    browser.find("[name=q_uses][value=sales]", "growth-survey").send_keys(Keys.SPACE)
    browser.find("[name=q_again][value=false]", "growth-survey").send_keys(Keys.SPACE)
    browser.find("button[type=submit]", "growth-survey").click()
    browser.wait_for("Thank you", "growth-survey")
    assert Response.objects.get().answers == {"uses": ["sales"], "ease": 4, "again": False}


def test_a_component_says_what_the_server_refuses(browser, demo):
    browser.open("/docs/components/demo")
    settle(browser)
    browser.ask("document.querySelector('growth-survey').setAttribute('token', 'x')")

    browser.wait_for("Send the token of the link in the invitation", "growth-survey")


def allow_copying(browser: Browser) -> None:
    """Let the page write and read the clipboard, as a click does in a window."""
    allowed = ["clipboardReadWrite", "clipboardSanitizedWrite"]
    about = {"permissions": allowed, "origin": browser.home}
    browser.driver.execute_cdp_cmd("Browser.grantPermissions", about)
