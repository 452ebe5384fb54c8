"""Users get copies of the mail that goes out under their own address, and of no other."""

import pytest

from contacts.mail.sending import send_due
from contacts.models import EmailActivity
from growth.models import Member, User
from tests.contacts.mail_factories import people, queue, states
from tests.factories import AT

OWN = "steve@acme.example"


def make_member(project, name: str, email: str, **fields) -> Member:
    user = User.objects.create_user(name, email=email)
    return Member.objects.create(project=project, user=user, **fields)


@pytest.fixture
def rep(project) -> Member:
    project.default_from_email = f"Steve <{OWN}>"
    project.save()
    return make_member(project, "steve", OWN.upper(), email_bcc="crm@acme.example")


def test_the_copy_is_a_mail_of_its_own_whose_links_lead_nowhere(project, rep, stream, smtp, sink):
    queue(stream, people(project, "alice@example.com"))

    send_due(at=AT, relay=smtp)

    mail, copy = sink.received
    assert (mail.recipient, copy.recipient) == ("alice@example.com", "crm@acme.example")
    assert mail.parsed["Subject"] == copy.parsed["Subject"]
    assert mail.parsed["Message-ID"] != copy.parsed["Message-ID"]
    assert mail.parsed["List-Unsubscribe"] != copy.parsed["List-Unsubscribe"]
    assert "/o/" not in copy.parsed.as_string()
    assert states(stream) == ["sent"]
    assert not EmailActivity.objects.exists()


def test_mail_of_others_is_copied_to_nobody(project, other_project, rep, stream, smtp, sink):
    make_member(project, "other", "other@acme.example", email_bcc="boss@acme.example")
    make_member(other_project, "alien", OWN, email_bcc="alien@elsewhere.example")
    make_member(project, "plain", "plain@acme.example")
    rep.email_bcc = ""
    rep.save()
    queue(stream, people(project, "alice@example.com"))

    send_due(at=AT, relay=smtp)

    assert [each.recipient for each in sink.received] == ["alice@example.com"]


def test_a_copy_that_is_refused_costs_the_mail_nothing(project, rep, stream, smtp, sink):
    rep.email_bcc = "550-nobody@acme.example"
    rep.save()
    Member.objects.filter(pk=rep.pk).update(email_bcc="no address")
    queue(stream, people(project, "alice@example.com", "bob@example.com"))

    send_due(at=AT, relay=smtp)

    assert states(stream) == ["sent", "sent"]
    assert len(sink.received) == 2
