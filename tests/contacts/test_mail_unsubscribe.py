"""Leaving by the link in a mail: looking changes nothing, one click does it."""

import pytest
from django.test import Client

from contacts.mail.links import unsubscribe_token
from contacts.models import Contact, Email, EmailActivity, Event, Suppression
from growth.models import DomainEvent, Project
from tests.contacts.mail_factories import CAMPAIGN, make_stream, make_template, queue
from tests.factories import make_contact


@pytest.fixture
def email(project: Project) -> Email:
    make_template(project)
    [email] = queue(make_stream(project), [make_contact(project, email="Alice@example.com")])
    return email


@pytest.fixture
def path(email: Email) -> str:
    return f"/u/{unsubscribe_token(email.project_key, email.pk)}"


@pytest.fixture
def browser() -> Client:
    return Client(enforce_csrf_checks=True)


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_at_the_page_changes_nothing(browser, email, path, method):
    response = getattr(browser, method)(path)

    assert response.status_code == 200
    assert not Suppression.objects.exists()
    assert not EmailActivity.objects.exists()


def test_the_page_asks_with_one_button_and_names_the_address_to_its_owner_only(browser, path):
    page = browser.get(path).content.decode()

    assert page.count("<button") == 1
    assert '<form method="post">' in page
    assert "A…@example.com" in page
    assert "Alice@" not in page
    assert "Acme" in page


def test_the_page_runs_no_script_and_tells_nobody_where_it_was_linked_from(browser, path):
    headers = browser.get(path).headers

    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Robots-Tag"] == "noindex"


@pytest.mark.parametrize(
    "body",
    [
        {"data": {}},
        {"data": {"List-Unsubscribe": "One-Click"}},
        {
            "data": "List-Unsubscribe=One-Click",
            "content_type": "application/x-www-form-urlencoded",
        },
    ],
)
def test_one_click_ends_all_mail_to_the_address(browser, email, path, body):
    response = browser.post(path, **body)

    assert response.status_code == 200
    assert "You are unsubscribed" in response.content.decode()
    suppression = Suppression.objects.get()
    assert (suppression.email_key, suppression.reason) == ("alice@example.com", "unsubscribed")
    assert EmailActivity.objects.get().kind == "unsubscribed"


def test_leaving_is_an_event_and_news(browser, email, path):
    browser.post(path)

    contact = Contact.objects.get()
    event = Event.objects.get(name="$email_unsubscribed")
    assert (event.contact_id, event.properties["campaign_id"]) == (contact.id, CAMPAIGN["id"])
    news = DomainEvent.objects.get(type="campaign.email.unsubscribed")
    assert (news.data["contact_id"], news.data["email"]) == (contact.id, "Alice@example.com")


def test_leaving_twice_is_leaving_once(browser, email, path):
    answers = [browser.post(path).status_code for _ in range(3)]

    assert answers == [200, 200, 200]
    assert Suppression.objects.count() == EmailActivity.objects.count() == 1
    assert Event.objects.filter(name="$email_unsubscribed").count() == 1


def test_leaving_does_not_change_why_an_address_gets_no_mail(browser, project, email, path):
    Suppression.objects.create(project=project, email_key=email.email_key, reason="bounced")

    browser.post(path)

    assert Suppression.objects.get().reason == "bounced"


def test_leaving_one_project_is_leaving_no_other(browser, other_project, path):
    browser.post(path)

    assert not Suppression.objects.in_project(other_project).exists()


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "head", "post"])
@pytest.mark.parametrize("token", ["nonsense", "1-1.AAAA", "..", "%00", "x" * 5000])
def test_an_unknown_token_is_nothing(browser, token, method):
    assert getattr(browser, method)(f"/u/{token}").status_code == 404


def test_no_letter_of_a_token_can_be_changed(browser, path):
    for place in range(3, len(path)):
        other = "A" if path[place] != "A" else "B"
        assert browser.post(path[:place] + other + path[place + 1 :]).status_code == 404
    assert not Suppression.objects.exists()


def test_the_token_of_a_mail_that_is_gone_is_nothing(browser, email, path):
    email.delete()

    assert browser.post(path).status_code == 404


def test_the_link_of_a_sample_changes_nothing(browser, db):
    assert browser.get("/u/sample").status_code == 200
    assert browser.post("/u/sample").status_code == 200
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_refused(browser, path, method):
    assert getattr(browser, method)(path).status_code == 405
