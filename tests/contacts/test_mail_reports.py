"""What mail providers report: of our mails only, once, and from who knows the secret."""

import base64
import json
from datetime import timedelta

import pytest
from django.utils.timezone import now
from rest_framework.test import APIClient

from contacts.mail.reports import mail_named, name_of
from contacts.mail.unsubscribing import unsubscribe
from contacts.mail.verdicts import tell_due
from contacts.models import Contact, Email, EmailActivity, Event, Suppression
from growth.models import DomainEvent, Project
from tests.contacts.mail_factories import make_sent
from tests.factories import AT, make_contact

SECRET = "hooks:open-sesame"
PATH = "/v1/public/mail/postmark"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"


@pytest.fixture(autouse=True)
def _secret(settings) -> None:
    settings.ANYMAIL = {"WEBHOOK_SECRET": SECRET}


@pytest.fixture
def email(project: Project) -> Email:
    return make_sent(project)


@pytest.fixture
def provider() -> APIClient:
    return provider_with(SECRET)


def provider_with(secret: str) -> APIClient:
    basic = base64.b64encode(secret.encode()).decode()
    return APIClient(HTTP_AUTHORIZATION=f"Basic {basic}")


def report(provider: APIClient, record_type: str, email: Email, path: str = PATH, **fields):
    body = {
        "RecordType": record_type,
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Metadata": {"send_id": name_of(email.project_key, email.pk)},
        "Recipient": email.address,
        **fields,
    }
    return provider.post(path, json.dumps(body), content_type="application/json")


def hard_bounce(provider: APIClient, email: Email, **fields):
    fields = {
        "ID": 4323372036854775807,
        "Type": "HardBounce",
        "Email": email.address,
        "BouncedAt": "2026-03-02T12:00:00Z",
        "Details": "550 5.1.1 no such user",
        **fields,
    }
    return report(provider, "Bounce", email, **fields)


def tell() -> None:
    while tell_due(at=now() + timedelta(minutes=1)):
        pass


def kinds() -> list[str]:
    return list(EmailActivity.objects.order_by("id").values_list("kind", flat=True))


def test_a_hard_bounce_ends_the_address_and_is_told(provider, email):
    assert hard_bounce(provider, email).json() == {"accepted": 1}
    tell()

    assert Suppression.objects.get().reason == "bounced"
    assert Event.objects.get(name="$email_bounced").contact_id == email.contact_id
    news = DomainEvent.objects.get(type="campaign.email.bounced")
    assert (news.data["email"], news.data["reason"]) == (
        "alice@example.com",
        "550 5.1.1 no such user",
    )


def test_what_is_reported_again_is_known(provider, email):
    answers = [hard_bounce(provider, email).json()["accepted"] for _ in range(3)]
    tell()
    Suppression.objects.all().delete()
    hard_bounce(provider, email)
    tell()

    assert answers == [1, 0, 0]
    assert EmailActivity.objects.count() == Event.objects.count() == 1
    assert not Suppression.objects.exists()  # Staff lifted it, and an old report says nothing new.


def test_a_soft_bounce_is_noted_and_told_nobody(provider, email):
    assert hard_bounce(provider, email, Type="SoftBounce").json() == {"accepted": 1}
    assert hard_bounce(provider, email, Type="Transient").json() == {"accepted": 0}
    tell()

    assert kinds() == ["soft_bounced"]
    assert not Suppression.objects.exists()
    assert not Event.objects.exists()


def test_a_refusal_that_is_not_about_the_address_does_not_end_it(provider, email):
    hard_bounce(provider, email, Type="DMARCPolicy")

    assert kinds() == ["bounced"]
    assert not Suppression.objects.exists()


def test_a_complaint_ends_the_address_for_more_than_leaving_does(provider, project, email):
    Suppression.objects.create(project=project, email_key=email.email_key, reason="unsubscribed")
    hard_bounce(provider, email, RecordType="SpamComplaint", Type="SpamComplaint")
    tell()

    assert Suppression.objects.get().reason == "complained"
    assert Event.objects.get().name == "$email_complained"
    assert DomainEvent.objects.filter(type="campaign.email.complained").count() == 1


def test_all_kinds_are_told_by_their_names(provider, email):
    at = {"ReceivedAt": "2026-03-02T12:00:00Z"}
    report(provider, "Delivery", email, DeliveredAt="2026-03-02T12:00:00Z")
    report(provider, "Open", email, UserAgent=BROWSER, **at)
    report(provider, "Click", email, UserAgent=BROWSER, OriginalLink="https://x.example/", **at)
    change = {"SuppressSending": True, "SuppressionReason": "ManualSuppression"}
    report(provider, "SubscriptionChange", email, ChangedAt="2026-03-02T12:00:00Z", **change)
    tell()

    names = set(Event.objects.values_list("name", flat=True))
    assert names == {"$email_delivered", "$email_opened", "$email_clicked", "$email_unsubscribed"}
    assert Event.objects.get(name="$email_clicked").properties["url"] == "https://x.example/"
    assert Suppression.objects.get().reason == "unsubscribed"
    assert DomainEvent.objects.filter(type="campaign.email.delivered").count() == 1


def test_reports_in_any_order_say_the_same(provider, email):
    report(provider, "Open", email, UserAgent=BROWSER, ReceivedAt="2026-03-02T13:00:00Z")
    report(provider, "Delivery", email, DeliveredAt="2026-03-02T12:00:00Z")
    tell()

    assert Event.objects.count() == 2


def test_a_machines_open_is_told_of_apart(provider, email):
    agent = "Mozilla/5.0 (via ggpht.com GoogleImageProxy)"
    report(provider, "Open", email, UserAgent=agent, ReceivedAt="2026-03-02T12:00:00Z")
    tell()

    assert EmailActivity.objects.get().is_machine
    assert not Event.objects.exists()


def test_a_mail_is_known_by_our_message_id_and_by_the_providers(provider, email):
    ours = f"<{name_of(email.project_key, email.pk)}.mail@acme.example>"
    Email.objects.update(provider_id="pm-1")

    first = hard_bounce(provider, email, Metadata={}, MessageID=ours)
    second = hard_bounce(provider, email, Metadata={}, MessageID="pm-1", ID=2)

    assert (first.json(), second.json()) == ({"accepted": 1}, {"accepted": 1})
    assert set(EmailActivity.objects.values_list("email_id", flat=True)) == {email.pk}


@pytest.mark.parametrize(
    "name", ["1.2", "1.999999", "f" * 16 + "." + "f" * 16, "x", "", "0.0", "\0"]
)
def test_an_unknown_mail_is_passed_over(provider, email, name):
    response = hard_bounce(provider, email, Metadata={"send_id": name}, MessageID="")

    assert (response.status_code, response.json()) == (200, {"accepted": 0})
    assert not Suppression.objects.exists()


def test_a_mail_of_another_project_is_unknown(provider, other_project, email):
    name = name_of(other_project.key, email.pk)

    assert hard_bounce(provider, email, Metadata={"send_id": name}).json() == {"accepted": 0}


def test_a_report_ends_a_doubt(provider, email):
    Email.objects.update(state="in_doubt", reason="The worker died while sending.")
    report(provider, "Delivery", email, DeliveredAt="2026-03-02T12:00:00Z")

    email.refresh_from_db()
    assert (email.state, email.reason) == ("sent", "")


def test_leaving_by_us_and_by_the_provider_is_told_once(provider, email):
    unsubscribe(email, at=AT)
    change = {"SuppressSending": True, "SuppressionReason": "ManualSuppression"}
    report(provider, "SubscriptionChange", email, ChangedAt="2026-03-02T12:00:00Z", **change)
    tell()

    assert Event.objects.filter(name="$email_unsubscribed").count() == 1


@pytest.mark.parametrize("secret", ["hooks:wrong", "", "open-sesame", "ü:ü"])
def test_who_does_not_know_the_secret_is_refused(email, secret):
    response = hard_bounce(provider_with(secret), email)

    assert response.status_code == 401
    assert response.json()["error"]["code"] == "unauthenticated"
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("secret", ["", None])
def test_without_a_secret_nothing_is_taken(provider, email, settings, secret):
    settings.ANYMAIL = {"WEBHOOK_SECRET": secret} if secret is not None else {}

    assert hard_bounce(provider, email).status_code == 404


@pytest.mark.django_db
def test_an_unknown_provider_is_not_there(provider):
    assert provider.post("/v1/public/mail/pigeon", {}, format="json").status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name",
    [
        "brevo",
        "mailersend",
        "mailgun",
        "mailjet",
        "mailtrap",
        "mandrill",
        "postmark",
        "resend",
        "sendgrid",
        "sparkpost",
        "unisender_go",
    ],
)
@pytest.mark.parametrize("body", ["", "[]", "{}", "null", "1", '"x"', "[1]", '{"a":', "\0\xff"])
def test_what_is_no_report_is_refused_and_breaks_nothing(provider, name, body):
    response = provider.post(f"/v1/public/mail/{name}", body, content_type="application/json")

    assert response.status_code in (200, 400, 401)
    assert provider.head(f"/v1/public/mail/{name}").status_code == 200


@pytest.mark.parametrize(
    "field",
    ["ID", "Type", "Email", "Details", "Description", "MessageID", "Metadata", "BouncedAt", "Tag"],
)
def test_hostile_values_are_no_fault_of_ours(provider, email, field):
    values = [
        None,
        1,
        -1,
        1e308,
        [],
        {},
        [1],
        {"send_id": {}},
        {"send_id": [1]},
        "",
        "\0",
        "\ud800",
    ]
    values += ["x" * 5000, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-03-02", "💥"]
    for value in values:
        response = hard_bounce(provider, email, **{field: value})
        assert response.status_code in (200, 400), value


def test_names_are_read_as_they_were_given():
    assert mail_named(name_of(10, 255)) == (10, 255)
    assert mail_named("<a.ff.mail@acme.example>") == (10, 255)
    assert mail_named("a.ff.mail") is None


def test_the_contact_is_told_of_in_the_project_of_the_mail(provider, email, other_project):
    make_contact(other_project, email="alice@example.com")
    hard_bounce(provider, email)
    tell()

    assert Contact.objects.count() == 2
    assert not Suppression.objects.in_project(other_project).exists()
