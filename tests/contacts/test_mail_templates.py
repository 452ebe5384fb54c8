"""Templates on their way out: in mails from the queue, and in tests that the team gets."""

import pytest

from contacts.mail import samples
from contacts.mail.samples import send_test_mail
from contacts.mail.sending import send_due
from contacts.models import Email, Event
from growth.errors import Conflict, Invalid
from tests.contacts.mail_factories import make_stream, make_template, people, queue, states
from tests.factories import AT, make_contact


@pytest.mark.parametrize(
    "template",
    [
        {"html": "{{ (1..1000000000) | join: '' | size }}"},
        {"text": "{% for a in (1..999) %}{% for b in (1..999) %}x{% endfor %}{% endfor %}"},
        {"subject": "{{ 'a' | divided_by: 0 }}"},
        {"html": "{% include '/etc/passwd' %}"},
        {"html": "{{ broken"},
    ],
)
def test_a_hostile_template_fails_its_own_mails_only(project, stream, smtp, sink, template):
    make_template(project, "tmpl_hostile", **template)
    hostile = make_stream(project)
    queue(hostile, people(project, "a@example.com"), template="tmpl_hostile")
    queue(stream, people(project, "b@example.com"))

    send_due(at=AT, relay=smtp)

    assert (states(hostile), states(stream)) == (["failed"], ["sent"])
    assert hostile.emails.get().reason.startswith("Template: ")


@pytest.mark.parametrize(
    ("source", "trait", "reason"),
    [
        ("{{ 100 | divided_by: contact.x }}", 0, "divide by 0"),
        ("{{ contact.x | ceil }}", "inf", "infinity"),
        ("{% for a in contact.x %}{{ contact.y }}{% endfor %}", list(range(900)), "limit"),
    ],
)
def test_what_only_one_contact_breaks_fails_one_mail_of_a_broadcast(
    project, stream, smtp, source, trait, reason
):
    make_template(project, "tmpl_fragile", html=source, text="Hi")
    contacts = [make_contact(project, traits={"x": 5, "y": "y" * 1000}) for _ in range(3)]
    contacts[1].traits["x"] = trait
    contacts[1].save()
    mails = queue(stream, contacts, template="tmpl_fragile")

    send_due(at=AT, relay=smtp)

    assert states(stream) == ["sent", "failed", "sent"]
    mails[1].refresh_from_db()
    assert mails[1].reason.startswith("Template: ")
    assert reason in mails[1].reason


def test_hostile_values_stay_values_in_a_mail_that_is_sent(project, stream, smtp, sink):
    hostile = "<script>x</script>{{ 7 | times: 6 }}\r\nBcc: eve@example.com\r\n\r\n\u202e.\n."
    contact = make_contact(project, traits={"first_name": hostile})
    queue(stream, [contact])

    send_due(at=AT, relay=smtp)

    [received] = sink.received
    mail = received.parsed
    assert mail.keys().count("Bcc") == 0
    assert mail["To"] == contact.email
    assert "\u202e" not in mail["Subject"]
    assert "<script" not in mail.get_body(("html",)).get_content()
    assert "{{ 7 | times: 6 }}" in mail.get_body(("plain",)).get_content()
    assert "42" not in mail["Subject"]


def test_a_mail_of_a_template_that_is_gone_fails(project, stream, smtp):
    queue(stream, people(project, "a@example.com"), template="tmpl_gone")

    send_due(at=AT, relay=smtp)

    assert stream.emails.get().reason == "Template: There is no template tmpl_gone."


def test_a_project_sends_its_own_template_before_the_starter(project, stream, smtp, sink):
    make_template(project, "tmpl_welcome_01", subject="Ours")
    queue(stream, people(project, "a@example.com"), template="tmpl_welcome_01")
    queue(stream, people(project, "b@example.com"), template="tmpl_welcome_02", entry=1)

    send_due(at=AT, relay=smtp)

    subjects = [received.parsed["Subject"] for received in sink.received]
    assert subjects == ["Ours", "Three ideas for your first week"]


def test_a_test_mail_is_sent_at_once_and_counted_nowhere(project, stream, sink, settings):
    settings.EMAIL_URL = sink.url

    send_test_mail(
        stream,
        template_code="tmpl_welcome_01",
        subject="{{ contact.first_name }}: {{ campaign.name }}",
        address="team@example.com",
        at=AT,
    )

    [received] = sink.received
    assert received.recipient == "team@example.com"
    assert received.parsed["Subject"] == "[Test] Alex: Spring"
    assert "/u/sample" in received.parsed.get_body(("plain",)).get_content()
    assert not Email.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("address", "template", "error"),
    [
        ("550+a@example.com", "tmpl_plain", Conflict),
        ("450+a@example.com", "tmpl_plain", samples.MailServerUnavailable),
        ("drop-after-dot+a@example.com", "tmpl_plain", samples.MailServerUnavailable),
        ("not an address", "tmpl_plain", Invalid),
        ("a@example.com", "tmpl_gone", Invalid),
    ],
)
def test_a_test_mail_that_cannot_be_sent_says_so(stream, sink, settings, address, template, error):
    settings.EMAIL_URL = sink.url

    with pytest.raises(error):
        send_test_mail(stream, template_code=template, subject="", address=address, at=AT)


def test_a_test_mail_without_a_server_says_so(stream, settings):
    settings.EMAIL_URL = "smtp://127.0.0.1:1"

    with pytest.raises(samples.MailServerUnavailable, match="cannot be reached"):
        send_test_mail(
            stream, template_code="tmpl_plain", subject="", address="a@example.com", at=AT
        )
