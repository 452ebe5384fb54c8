"""Hits and verdicts of the same mails in many threads: each is kept, and the system hears once."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils.timezone import now

from contacts.mail.hits import record_click, record_open
from contacts.mail.links import TrackedLink
from contacts.mail.reports import Report, record_reports
from contacts.mail.unsubscribing import unsubscribe
from contacts.mail.verdicts import tell_due
from contacts.models import Email, EmailActivity, Event, Suppression
from growth.models import DomainEvent, Project
from tests.contacts.mail_factories import make_stream, make_template, queue
from tests.factories import make_contact

pytestmark = pytest.mark.django_db(transaction=True)

LATER = timedelta(minutes=1)


@pytest.fixture
def emails() -> list[Email]:
    project = Project.objects.create(name="Acme")
    make_template(project)
    return queue(make_stream(project), [make_contact(project) for _ in range(5)])


def at_once(*works: Callable[[], object]) -> None:
    """Run the works in a thread each, and raise what they raise."""
    errors: list[Exception] = []
    start = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        try:
            start.wait()
            work()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def follow(email: Email, number: int, count: int = 4) -> None:
    link = TrackedLink(email.project_key, email.pk, count, f"https://x.example/{number}")
    record_click(link, is_machine=False, at=now())


def test_all_links_followed_at_once_are_a_machines_before_anybody_is_told(emails):
    at_once(*(lambda number=number: follow(emails[0], number) for number in range(4)))

    assert EmailActivity.objects.filter(is_machine=True).count() == 4


def test_many_who_tell_at_once_tell_once(emails):
    for email in emails:
        follow(email, 1)
        record_open(TrackedLink(email.project_key, email.pk), is_machine=False, at=now())

    at_once(*[lambda: tell_due(at=now() + LATER)] * 4)
    while tell_due(at=now() + LATER):
        pass

    for name in ("opened", "clicked"):
        assert Event.objects.filter(name=f"$email_{name}").count() == 5
        assert DomainEvent.objects.filter(type=f"campaign.email.{name}").count() == 5


def test_hits_go_on_while_others_are_told_and_their_readers_leave(emails):
    def hit() -> None:
        for number in range(10):
            for email in emails:
                follow(email, number % 2, count=40)

    def tell() -> None:
        for _ in range(20):
            tell_due(at=now() + LATER)

    def leave() -> None:
        for email in reversed(Email.objects.select_related("project", "stream", "contact")):
            unsubscribe(email, at=now())

    at_once(hit, hit, tell, tell, leave)
    while tell_due(at=now() + LATER):
        pass

    assert Event.objects.filter(name="$email_clicked").count() == 5
    assert Event.objects.filter(name="$email_unsubscribed").count() == 5
    assert Suppression.objects.count() == 5
    assert EmailActivity.objects.filter(kind="clicked").count() == 100


def test_a_report_that_comes_twice_at_once_is_one(emails):
    reports = [
        Report(
            (email.project_key, email.pk), "", "complained", now(), "r1", "", False, "complained"
        )
        for email in emails
    ]

    at_once(
        *[
            lambda: record_reports(reports, at=now()),
            lambda: record_reports(reports[::-1], at=now()),
        ]
        * 2
    )
    while tell_due(at=now() + LATER):
        pass

    assert EmailActivity.objects.count() == 5
    assert Event.objects.filter(name="$email_complained").count() == 5
