"""Mail that comes back for now: five in a row end the address, and no fewer."""

import threading
from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.db import connection, transaction

from contacts.mail.reports import Report, record_reports
from contacts.mail.sending import send_due
from contacts.mail.soft_bounces import is_about_mailbox
from contacts.models import Contact, Email, EmailActivity, Event, MailStream, Suppression
from growth.models import Project
from tests.contacts.mail_factories import make_stream, make_template, queue
from tests.factories import AT, make_contact

DAY = timedelta(days=1)


@pytest.fixture
def contact(project: Project) -> Contact:
    return make_contact(project, email="450+a@example.com")


def give_up(stream: MailStream, contact: Contact, smtp, *, day: int) -> None:
    """Let a new mail to the contact be refused for the last time on this day."""
    at = AT + day * DAY
    fresh = make_stream(stream.project)
    queue(fresh, [contact], at=at - DAY)
    Email.objects.filter(stream=fresh).update(first_attempt_at=at - DAY, attempts=5)
    send_due(at=at, relay=smtp)
    assert fresh.emails.get().reason.startswith("Given up after a day: 450")


def arrive(contact: Contact, stream: MailStream, *, day: int) -> None:
    fresh = make_stream(stream.project)
    [email] = queue(fresh, [contact])
    Email.objects.filter(pk=email.pk).update(state="sent", decided_at=AT + day * DAY)


def sent_mails(contact: Contact, days: Sequence[int]) -> list[Email]:
    """Return a mail of each of the days that the provider has taken."""
    for day in days:
        arrive(contact, make_stream(contact.project), day=day)
    return list(Email.objects.filter(contact=contact).order_by("decided_at"))


def report(email: Email, kind: str, number: int = 0) -> None:
    name = (email.project_key, email.pk)
    told = Report(name, "", kind, email.decided_at, report_id=f"{kind} {email.pk} {number}")
    record_reports([told], at=email.decided_at)


def test_the_fifth_mail_in_a_row_that_is_given_up_ends_the_address(stream, contact, smtp):
    for day in range(1, 5):
        give_up(stream, contact, smtp, day=day)
    assert not Suppression.objects.exists()

    give_up(stream, contact, smtp, day=5)

    suppression = Suppression.objects.get()
    assert (suppression.email_key, suppression.reason) == ("450+a@example.com", "bounced")
    assert set(EmailActivity.objects.values_list("kind", flat=True)) == {"soft_bounced"}
    assert not Event.objects.exists()


def test_a_mail_that_arrives_begins_the_row_anew(stream, contact, smtp):
    for day in range(1, 5):
        give_up(stream, contact, smtp, day=day)
    arrive(contact, stream, day=5)
    for day in range(6, 10):
        give_up(stream, contact, smtp, day=day)
    assert not Suppression.objects.exists()

    give_up(stream, contact, smtp, day=10)

    assert Suppression.objects.get().reason == "bounced"


def test_each_try_of_one_mail_counts_as_nothing(stream, contact, smtp):
    queue(stream, [contact])

    for hours in range(20):
        send_due(at=AT + timedelta(hours=hours), relay=smtp)

    assert Email.objects.get().attempts > 5
    assert not EmailActivity.objects.exists()


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("452 4.2.2 Mailbox full", True),
        ("450 4.1.8 Unresolvable", True),
        ("450 Try later", True),
        ("452 4.2.3 Message too long", False),
        ("452 4.3.1 Insufficient system storage", False),
        ("552 5.3.4 Message size exceeds limit", False),
        ("450 4.6.0 Content", False),
        ("451 4.7.1 Greylisted", False),
    ],
)
def test_only_what_is_about_the_mailbox_counts(reply, verdict):
    assert is_about_mailbox(reply) is verdict


def test_five_mails_that_a_provider_reports_end_the_address(stream, contact):
    emails = sent_mails(contact, range(5))
    for email in emails[:4]:
        for number in range(3):
            report(email, "soft_bounced", number)
    assert not Suppression.objects.exists()

    report(emails[4], "soft_bounced")

    assert Suppression.objects.get().email_key == contact.email_key


def test_a_mail_that_came_through_after_all_is_no_bounce(stream, contact):
    emails = sent_mails(contact, range(5))
    for email in emails[:4]:
        report(email, "soft_bounced")
    report(emails[3], "delivered")
    report(emails[4], "soft_bounced")

    assert not Suppression.objects.exists()


def test_bounces_of_another_project_or_another_address_count_for_nobody(
    stream, contact, other_project
):
    make_template(other_project)
    elsewhere = make_contact(other_project, email="450+a@example.com")
    before = sent_mails(contact, range(4))
    Email.objects.filter(contact=contact).update(email_key="old@example.com")
    for email in [*before, *sent_mails(elsewhere, range(4)), sent_mails(contact, [9])[-1]]:
        report(email, "soft_bounced")

    assert not Suppression.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_bounces_noted_at_the_same_time_see_each_other():
    project = Project.objects.create(name="Acme")
    make_template(project)
    emails = sent_mails(make_contact(project, email="a@example.com"), range(5))
    for email in emails[:3]:
        report(email, "soft_bounced")

    def note_the_fifth() -> None:
        report(emails[4], "soft_bounced")
        connection.close()

    with transaction.atomic():
        report(emails[3], "soft_bounced")
        thread = threading.Thread(target=note_the_fifth)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
    thread.join()

    assert Suppression.objects.get().email_key == "a@example.com"
