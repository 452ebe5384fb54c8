"""The admin: readable, labelled and usable by keyboard, but for what its theme brings along."""

import pytest
from django.apps import apps
from django.contrib.admin.utils import quote
from django.core.management import call_command
from django.urls import reverse
from django.utils.timezone import now
from selenium.webdriver import Keys

from contacts.operations.segments import create_segment
from growth.analytics.models import Cohort, Funnel
from tests.browser.conftest import Browser
from tests.browser.looking import TABS, look
from tests.factories import make_contact

pytestmark = pytest.mark.slow  # A browser starts, and waits as long as a person would.
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
