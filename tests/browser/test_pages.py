"""Every page that people see: readable, labelled, usable by keyboard, and silent in the console.

Pictures are kept in var/screenshots.
"""

import json
import time
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.admin.utils import quote
from django.core.management import call_command
from django.urls import reverse
from django.utils.timezone import now
from selenium.webdriver import Keys

from contacts.mail.links import unsubscribe_token
from contacts.operations.segments import create_segment
from growth.analytics.models import Cohort, Funnel
from growth.management.demo.referrals import CHANNEL
from growth.management.demo.waitlist import write_demo_waitlist
from growth.management.promoter_loop import SURVEY
from growth.models import ApiKey, Project
from surveys.models import Response
from tests.browser.conftest import WIDTHS, Browser
from tests.contacts.mail_factories import make_stream, make_template, queue
from tests.factories import make_contact, make_topic
from tests.referrals.factories import make_link, make_program
from tests.surveys.factories import QUESTIONS, make_invitation, make_survey, page_of
from tests.waitlists.factories import make_entry, make_waitlist
from waitlists.mail import status_token
from waitlists.models import Entry
from waitlists.queries import row_of

pytestmark = pytest.mark.slow  # A browser starts, and waits as long as a person would.
TABS = 30
ADMIN = {
    "referrals": [
        *("referrals.Program", "referrals.Link", "referrals.Conversion", "referrals.Reward"),
        "referrals.Standing",
    ],
    "surveys": ["surveys.Survey", "surveys.Invitation", "surveys.Response"],
    "waitlists": ["waitlists.Waitlist", "waitlists.Entry"],
    "contacts": ["contacts.Contact", "contacts.Segment", "contacts.Template", "contacts.Email"],
    "others": ["campaigns.Campaign", "growth.ApiKey", "growth.Project"],
}
OF_THE_THEME = {
    'x-ref="searchInput"': "its placeholder is its name to a browser",
    "material-symbols-outlined": "icons beside the words that say the same",
    "clocklink": "Django's clock is named by the title of what is in it",
}
"""What of the admin's pages is not ours, and why it may stay."""
RIPE = 2.2  # seconds until a vote is believed


def look(browser: Browser, name: str, path: str, *, is_ours: bool = True) -> None:
    """Look at the page in each width, light and dark, and assert that it is as it should be."""
    for width in WIDTHS:
        for is_dark in (False, True):
            browser.resize(width, is_dark=is_dark)
            browser.open(path)
            settle(browser)
            check(browser, f"{name} {width}{' dark' * is_dark}", is_ours=is_ours)
    browser.resize("desktop")


def settle(browser: Browser) -> None:
    """Wait until the elements of the page have drawn what they show."""
    drawn = "[...document.querySelectorAll(':defined')].every(e => !e.turn || e.place.firstChild)"
    browser.driver.set_script_timeout(10)
    browser.driver.execute_async_script(
        f"const done = arguments[0];"
        f"const look = () => {drawn} ? setTimeout(done, 150) : setTimeout(look, 50); look();"
    )


def check(browser: Browser, name: str, *, is_ours: bool = True) -> None:
    browser.shoot(name)
    assert browser.errors() == [], name
    assert browser.ask("unnamed()") == [], name
    if is_ours:
        assert browser.ask("faintTexts()") == [], name
        assert browser.ask("overflows()") <= 0, name


def check_plain(browser: Browser, name: str) -> None:
    """Look at the page of a browser that runs no script of pages, and so notes no errors of any."""
    browser.shoot(name)
    for question in ("unnamed()", "faintTexts()"):
        assert browser.ask(question) == [], name


def tab_through(browser: Browser, most: int = TABS) -> list[str]:
    """Press Tab until the page begins anew, and return the names of what had the focus."""
    names: list[str] = []
    for _ in range(most):
        browser.press(Keys.TAB)
        found = browser.ask("focused()")
        if found is None:
            break
        assert found["isMarked"], found["name"]
        names.append(found["name"])
    return names


@pytest.fixture
def project(transactional_db) -> Project:
    return Project.objects.create(name="Acme")


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


def test_the_dashboard_and_its_charts(browser, project, staff):
    call_command("seed_demo", verbosity=0)
    browser.sign_in(staff)
    look(browser, "admin dashboard", "/admin/", is_ours=False)

    browser.open("/admin/")
    assert browser.find("svg")
    for model in (Funnel, Cohort):
        report = model.objects.first()
        path = f"/admin/analytics/{model._meta.model_name}/{report.pk}/change/"
        look(browser, f"admin {model._meta.model_name}", path, is_ours=False)


def test_the_builder_of_segments(browser, project, staff):
    make_contact(project, traits={"plan": "trial"})
    rules = {"field": "traits.plan", "op": "eq", "value": "trial"}
    rules = {"operator": "AND", "conditions": [rules]}
    segment = create_segment(project, name="Trial", rules=rules, at=now())
    browser.sign_in(staff)

    look(browser, "admin segment", f"/admin/contacts/segment/{segment.pk}/change/", is_ours=False)


@pytest.mark.parametrize("app", ADMIN)
def test_lists_and_pages_of_the_admin(browser, project, staff, app):
    """Labels, contrast, focus and width, but for what the theme's own markup brings along."""
    call_command("seed_demo", verbosity=0)
    browser.sign_in(staff)
    found = {}
    for model in map(apps.get_model, ADMIN[app]):
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        pages = {"list": reverse(f"admin:{name}_changelist")}
        if row := model._base_manager.first():
            pages["page"] = reverse(f"admin:{name}_change", args=[quote(row.pk)])
        for kind, path in pages.items():
            found |= faults_of_admin(browser, f"admin {name} {kind}", path)

    assert found == {}


def faults_of_admin(browser: Browser, name: str, path: str) -> dict[str, list[str]]:
    """Return what is wrong on the page, by what it is; nothing if it is as it should be."""
    found: dict[str, list[str]] = {}
    for width, is_dark in (("phone", True), ("desktop", False)):
        browser.resize(width, is_dark=is_dark)
        browser.open(path)
        browser.shoot(f"{name} {width}")
        found[f"{name} {width} errors"] = browser.errors()
        for question in ("unnamed()", "faintTexts()"):
            told = browser.ask(question)
            ours = [each for each in told if not any(word in each for word in OF_THE_THEME)]
            found[f"{name} {width} {question}"] = ours
        if (wide := browser.ask("overflows()")) > 0:
            found[f"{name} {width} overflows"] = [f"{wide} px"]
    for _ in range(TABS):
        browser.press(Keys.TAB)
        place = browser.ask("focused()")
        if place and not place["isMarked"]:
            found.setdefault(f"{name} focus", []).append(place["name"])
    return {what: each for what, each in found.items() if each}


def allow_copying(browser: Browser) -> None:
    """Let the page write and read the clipboard, as a click does in a window."""
    allowed = ["clipboardReadWrite", "clipboardSanitizedWrite"]
    about = {"permissions": allowed, "origin": browser.home}
    browser.driver.execute_cdp_cmd("Browser.grantPermissions", about)


def pause() -> None:
    """Wait as long as a person looks at a form."""
    time.sleep(RIPE)
