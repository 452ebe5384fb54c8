"""Amazon SES: its mails are known by the name in its reply, and its reports come through SNS."""

import base64
import json
from typing import Any

import pytest
import requests
from rest_framework.test import APIClient

from contacts.mail import fates
from contacts.mail.reports import name_of
from contacts.models import Email, EmailActivity, Suppression
from growth.models import Project
from tests.contacts.mail_factories import make_sent

PATH = "/v1/public/mail/amazon_ses"
SECRET = "hooks:open-sesame"
NAME = "0102018f3c2ab1de-7b1e4c1a-93aa-4f0e-8d0b-5f1d0f0c9a77-000000"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:reports"
CONFIRMATION = (
    "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"
    f"&TopicArn={TOPIC}&Token=2336412f37fb687f5d51e6e2425c464de"
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _secret(settings) -> None:
    settings.ANYMAIL = {"WEBHOOK_SECRET": SECRET}


@pytest.fixture
def email(project: Project) -> Email:
    return make_sent(project, provider_id=NAME)


def post(body: dict[str, Any], *, secret: str = SECRET, **headers: str):
    told = {
        "HTTP_X_AMZ_SNS_MESSAGE_TYPE": body["Type"],
        "HTTP_X_AMZ_SNS_MESSAGE_ID": body["MessageId"],
        **headers,
    }
    if secret:
        told["HTTP_AUTHORIZATION"] = f"Basic {base64.b64encode(secret.encode()).decode()}"
    return APIClient().post(
        PATH, json.dumps(body), content_type="text/plain; charset=UTF-8", **told
    )


def notification(event: dict[str, Any], number: int = 1) -> dict[str, Any]:
    return {
        "Type": "Notification",
        "MessageId": f"2d0f3a5c-0000-5000-8000-{number:012}",
        "TopicArn": TOPIC,
        "Message": json.dumps(event),
        "Timestamp": "2026-03-02T12:00:00.000Z",
    }


def told(kind: str, *, name: str = NAME, headers: tuple = (), **details: Any) -> dict[str, Any]:
    """Return an event as a configuration set publishes it."""
    mail = {
        "timestamp": "2026-03-02T11:59:58.000Z",
        "source": "news@acme.example",
        "messageId": name,
        "destination": ["alice@example.com"],
        "headers": [{"name": key, "value": value} for key, value in headers],
    }
    return {"eventType": kind, "mail": mail, kind.lower(): details}


def bounce(kind: str, code: str = "smtp; 550 5.1.1 user unknown", **options: Any):
    return told(
        "Bounce",
        bounceType=kind,
        bounceSubType="General",
        bouncedRecipients=[{"emailAddress": "alice@example.com", "diagnosticCode": code}],
        **options,
    )


def kinds() -> list[str]:
    return list(EmailActivity.objects.order_by("id").values_list("kind", flat=True))


def test_the_reply_of_ses_names_the_mail():
    accepted = fates.judge_message(250, f"Ok {NAME}".encode())

    assert (accepted.fate, accepted.provider_id) == ("accepted", NAME)
    assert fates.judge_message(250, b"2.0.0 Ok: queued as 4F1A2B").provider_id == ""
    assert fates.judge_message(550, f"Ok {NAME}".encode()).provider_id == ""


def test_a_permanent_bounce_ends_the_address(email):
    assert post(notification(bounce("Permanent"))).json() == {"accepted": 1}
    assert post(notification(bounce("Permanent"))).json() == {"accepted": 0}

    assert kinds() == ["bounced"]
    assert Suppression.objects.get().reason == "bounced"


@pytest.mark.parametrize("kind", ["Transient", "Undetermined"])
def test_a_bounce_for_now_ends_nothing(email, kind):
    assert post(notification(bounce(kind, "smtp; 452 4.2.2 full"))).json() == {"accepted": 1}

    assert kinds() == ["soft_bounced"]
    assert not Suppression.objects.exists()


def test_a_complaint_ends_the_address_whoever_passes_it_on(email):
    complaint = told(
        "Complaint",
        complainedRecipients=[{"emailAddress": "alice@example.com"}],
        userAgent="python-requests/2.32 feedback bot",
    )

    assert post(notification(complaint)).json() == {"accepted": 1}
    assert Suppression.objects.get().reason == "complained"
    assert EmailActivity.objects.get().due_at is not None  # So that the contact's history has it.


def test_a_delivery_is_noted_by_the_older_kind_of_notification_too(email):
    event = told("Delivery", recipients=["alice@example.com"], smtpResponse="250 2.0.0 OK")
    event["notificationType"] = event.pop("eventType")

    assert post(notification(event)).json() == {"accepted": 1}
    assert kinds() == ["delivered"]


def test_a_name_of_ours_in_the_headers_is_known_too(email):
    metadata = json.dumps({"send_id": name_of(email.project_key, email.pk)})
    event = bounce("Permanent", name="another", headers=(("X-Metadata", metadata),))

    assert post(notification(event)).json() == {"accepted": 1}


def test_mail_of_others_is_passed_over(email):
    assert post(notification(bounce("Permanent", name="another"))).json() == {"accepted": 0}


def subscription(url: str) -> dict[str, Any]:
    return {
        "Type": "SubscriptionConfirmation",
        "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
        "Token": "2336412f37fb687f5d51e6e2425c464de",
        "TopicArn": TOPIC,
        "SubscribeURL": url,
    }


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """The addresses that were asked, in place of Amazon's."""
    urls: list[str] = []

    def get(url: str, **_: Any) -> requests.Response:
        urls.append(url)
        response = requests.Response()
        response.status_code = 200
        return response

    monkeypatch.setattr(requests, "get", get)
    return urls


def test_a_topic_is_confirmed_when_it_knows_the_secret(asked):
    response = post(subscription(CONFIRMATION), secret="")
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Basic")  # SNS bears the secret only then.
    assert post(subscription(CONFIRMATION), secret="hooks:guess").status_code == 401
    assert asked == []

    assert post(subscription(CONFIRMATION)).status_code == 200
    assert asked == [CONFIRMATION]


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription",
        "https://sns.eu-west-1.amazonaws.com.evil.example/?a",
        "https://127.0.0.1/?sns.eu-west-1.amazonaws.com/",
        "https://sns.eu-west-1.amazonaws.com@evil.example/?a",
        "https://evil.example#https://sns.eu-west-1.amazonaws.com/?a",
        "",
    ],
)
def test_no_other_address_is_asked(asked, url):
    assert post(subscription(url)).status_code == 401
    assert asked == []


def test_a_topic_asks_again_while_amazon_is_away(monkeypatch):
    def fail(*_: Any, **__: Any) -> None:
        raise requests.ConnectionError("no route to host")

    monkeypatch.setattr(requests, "get", fail)
    response = post(subscription(CONFIRMATION))

    assert response.status_code == 503
    assert "ask again" in response.json()["error"]["message"]


@pytest.mark.parametrize("field", ["Message", "Timestamp", "Type", "MessageId"])
@pytest.mark.parametrize("value", [None, 1, "", "\0", "{}", "[]", "null", '{"mail": []}', {}])
def test_hostile_notifications_are_no_fault_of_ours(email, field, value):
    told = {"HTTP_X_AMZ_SNS_MESSAGE_TYPE": "Notification", "HTTP_X_AMZ_SNS_MESSAGE_ID": "1"}
    body = notification(bounce("Permanent")) | {field: value}

    assert post(body | {"MessageId": "1", field: value}, **told).status_code in (200, 400, 401)
