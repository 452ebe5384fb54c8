"""Mail over HTTP to providers: a real server on a loopback port plays them."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from contacts.mail.envelopes import Envelope
from contacts.mail.fates import Fate
from contacts.mail.providers import PROVIDERS, ProviderRelay, parse_account
from contacts.mail.relays import relay_to
from contacts.mail.samples import send_test_mail
from contacts.mail.sending import send_due
from contacts.mail.transport import Relay, RelayDown
from contacts.models import MailGate, Suppression
from tests.contacts.mail_factories import make_stream, make_template, queue, states
from tests.factories import AT, make_contact

MINUTE = timedelta(minutes=1)
SENT = {"id": "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794"}
MESSAGE = (
    b"From: Acme <from@example.com>\r\nTo: to@example.com\r\nSubject: Hi\r\n"
    b"Message-ID: <1.2.mail@example.com>\r\n\r\nHello\r\n"
)


class Resend:
    """A provider that acts on each key once, and answers as it is told."""

    def __init__(self, server: HTTPServer) -> None:
        self.requests: list[Request] = []
        self.sent: dict[str, dict] = {}
        self.answers: list[Response | float] = []
        self.url = f"resend://key-1@?api_url={server.url_for('/')}"
        server.expect_request("/emails", method="POST").respond_with_handler(self.answer)

    def answer(self, request: Request) -> Response:
        self.requests.append(request)
        told = self.answers.pop(0) if self.answers else Response(json.dumps(SENT))
        if isinstance(told, float) or told.status_code == 200:
            self.sent.setdefault(request.headers["Idempotency-Key"], request.get_json())
        if isinstance(told, float):
            time.sleep(told)
            return Response(json.dumps(SENT))
        return told


@pytest.fixture
def httpserver() -> Iterator[HTTPServer]:
    with HTTPServer(threaded=True) as server:
        yield server


@pytest.fixture
def resend(httpserver: HTTPServer) -> Resend:
    return Resend(httpserver)


@pytest.fixture
def relay(resend: Resend) -> Iterator[ProviderRelay]:
    relay = ProviderRelay(resend.url, timeout=1, answer_timeout=0.3)
    yield relay
    relay.close()


@pytest.fixture
def stream(project):
    make_template(project)
    return make_stream(project)


def people(project, *addresses: str):
    return [make_contact(project, email=address) for address in addresses]


def test_a_mail_goes_to_the_provider_with_all_that_it_is(project, stream, resend, relay):
    queue(stream, [make_contact(project, email="a@example.com", traits={"first_name": "Zoë"})])

    assert send_due(at=AT, relay=relay) == 1

    [request] = resend.requests
    body = request.get_json()
    assert request.headers["Authorization"] == "Bearer key-1"
    assert (body["to"], body["subject"]) == (["a@example.com"], "Hi Zoë")
    assert body["html"].startswith("<p>Hi Zoë</p>")
    assert body["text"].startswith("Hi Zoë")
    assert body["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    mail = stream.emails.get()
    assert (mail.state, mail.provider_id) == ("sent", SENT["id"])


def test_each_mail_has_a_key_of_its_own(project, stream, resend, relay):
    queue(stream, people(project, *(f"person-{n}@example.com" for n in range(30))))

    send_due(at=AT, relay=relay)

    assert len({request.headers["Idempotency-Key"] for request in resend.requests}) == 30


def test_a_time_out_is_asked_again_with_the_same_key(project, stream, resend, relay):
    resend.answers = [0.8]
    queue(stream, people(project, "a@example.com"))

    send_due(at=AT, relay=relay)
    assert states(stream) == ["deferred"]
    send_due(at=AT + MINUTE, relay=relay)

    assert states(stream) == ["sent"]
    first, second = (request.headers["Idempotency-Key"] for request in resend.requests)
    assert first == second
    assert resend.requests[0].get_json() == resend.requests[1].get_json()
    assert len(resend.sent) == 1


def test_a_time_out_is_a_doubt_once_the_key_is_forgotten(project, stream, resend, relay):
    queue(stream, people(project, "a@example.com"))
    at, mail = AT, stream.emails.get()
    while mail.state in ("queued", "deferred"):
        resend.answers = [Response(status=502)]
        send_due(at=at, relay=relay)
        mail.refresh_from_db()
        at = mail.due_at

    assert mail.state == "in_doubt"
    assert mail.decided_at - AT < timedelta(hours=23)


def test_without_keys_a_time_out_is_a_doubt(project, stream, httpserver):
    heard: list[Request] = []

    def say_nothing(request: Request) -> Response:
        heard.append(request)
        time.sleep(0.8)
        return Response()

    httpserver.expect_request("/mail/send").respond_with_handler(say_nothing)
    url = f"sendgrid://key@?api_url={httpserver.url_for('/')}"
    queue(stream, people(project, "a@example.com"))

    send_due(at=AT, relay=ProviderRelay(url, answer_timeout=0.2))
    send_due(at=AT + timedelta(days=1), relay=ProviderRelay(url, answer_timeout=0.2))

    assert states(stream) == ["in_doubt"]
    assert len(heard) == 1


@pytest.mark.parametrize(
    ("status", "body", "fate"),
    [
        (200, json.dumps(SENT), Fate.ACCEPTED),
        (200, "not JSON", Fate.UNSURE),
        (400, '{"message": "Invalid `to`"}', Fate.REFUSED),
        (422, "{}", Fate.REFUSED),
        (409, '{"name": "concurrent_idempotent_requests"}', Fate.DEFERRED),
        (409, '{"name": "invalid_idempotent_request"}', Fate.UNKNOWN),
        (429, "{}", Fate.DEFERRED),
        (500, "{}", Fate.UNSURE),
        (502, "<html>", Fate.UNSURE),
        (503, "", Fate.DEFERRED),
    ],
)
def test_each_answer_has_its_fate(resend, relay, status, body, fate):
    resend.answers = [Response(body, status)]

    verdict = relay.send(Envelope("from@example.com", "to@example.com"), MESSAGE)

    assert verdict.fate == fate
    assert "\n" not in verdict.reply


@pytest.mark.parametrize("status", [401, 403])
def test_a_provider_that_does_not_let_us_in_costs_no_mail_its_place(
    project, stream, resend, relay, status
):
    resend.answers = [Response("{}", status) for _ in range(9)]
    queue(stream, people(project, "a@example.com", "b@example.com"))

    assert send_due(at=AT, relay=relay) == 0

    assert set(stream.emails.values_list("state", "attempts", "due_at")) == {("queued", 0, AT)}
    assert MailGate.objects.get().failures == 1


def test_a_provider_that_cannot_be_reached_leaves_nothing_in_doubt(project, stream):
    queue(stream, people(project, "a@example.com"))

    send_due(at=AT, relay=ProviderRelay("resend://key@?api_url=http://127.0.0.1:1/"))

    assert states(stream) == ["queued"]


def test_an_address_that_the_provider_calls_invalid_gets_no_more_mail(project, stream, httpserver):
    answer = [{"email": "a@example.com", "status": "invalid", "_id": "1"}]
    httpserver.expect_request("/messages/send.json").respond_with_json(answer)
    queue(stream, people(project, "a@example.com"))

    send_due(at=AT, relay=ProviderRelay(f"mandrill://key@?api_url={httpserver.url_for('/')}"))

    assert states(stream) == ["failed"]
    assert Suppression.objects.get().reason == "bounced"


def test_a_test_mail_goes_to_the_provider(stream, resend, settings):
    settings.EMAIL_URL = resend.url

    send_test_mail(stream, template_code="tmpl_plain", subject="", address="me@example.com", at=AT)

    assert resend.requests[0].get_json()["subject"].startswith("[Test] ")


@pytest.mark.parametrize("name", PROVIDERS)
def test_each_provider_has_a_url(name):
    secrets = ":".join(f"Secret{n}%2F" for n, _ in enumerate(PROVIDERS[name].secrets))
    url = f"{name}://{secrets}@?api_url=http://127.0.0.1:1/"
    if "sender_domain" in PROVIDERS[name].options:
        url += "&sender_domain=example.com"

    assert "Secret0/" in parse_account(url).options.values()
    with pytest.raises(RelayDown):
        ProviderRelay(url).send(Envelope("from@example.com", "to@example.com"), MESSAGE)


def test_the_url_says_who_takes_the_mail():
    assert isinstance(relay_to("smtp://localhost"), Relay)
    assert isinstance(relay_to("anymail+postmark://key@"), ProviderRelay)


@pytest.mark.parametrize(
    "url", ["resend://", "resend://a:b@", "mailjet://key@", "sendgrid://key@?colour=red", "fax://x"]
)
def test_a_url_that_names_nobody_is_refused_with_an_example(url):
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL must be such as"):
        relay_to(url)
