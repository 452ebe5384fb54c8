"""``POST /v1/templates/{code}/test``: one sample, to one address, counted nowhere."""

import pytest

from contacts.models import Email, EmailActivity, Event
from tests.conftest import client_with
from tests.contacts.mail_factories import make_template
from tests.contacts.template_calls import reasons


@pytest.fixture(autouse=True)
def _to_the_sink(settings, sink) -> None:
    settings.EMAIL_URL = sink.url


def test_a_test_arrives_and_counts_nowhere(api, project, sink):
    make_template(project)

    answer = api.post("/v1/templates/tmpl_plain/test", {"email": "ann@acme.example"})

    assert (answer.status_code, answer.json()) == (202, {"id": "tmpl_plain", "status": "sent"})
    [received] = sink.received
    assert received.recipient == "ann@acme.example"
    assert received.parsed["Subject"] == "[Test] Hi Alex"
    assert not any(model.objects.exists() for model in (Email, EmailActivity, Event))


def test_a_starter_can_be_tried_too(api, sink):
    assert (
        api.post("/v1/templates/tmpl_welcome_01/test", {"email": "a@b.example"}).status_code == 202
    )
    assert len(sink.received) == 1


def test_what_cannot_be_sent_is_refused(api, project, sink, settings):
    make_template(project)
    path = "/v1/templates/tmpl_plain/test"

    assert "email" in reasons(api.post(path, {"email": "nobody"}))
    assert "email" in reasons(api.post(path, {}))
    assert api.post("/v1/templates/tmpl_other/test", {"email": "a@b.example"}).status_code == 404
    assert api.post(path, {"email": "550+a@b.example"}).status_code == 409
    settings.EMAIL_URL = "smtp://127.0.0.1:1"
    assert api.post(path, {"email": "a@b.example"}).status_code == 503
    assert not sink.received


def test_a_test_needs_the_right_to_write(project, sink):
    make_template(project)
    reader = client_with(project, scopes=["templates:read"])

    answer = reader.post("/v1/templates/tmpl_plain/test", {"email": "a@b.example"})

    assert (answer.status_code, sink.received) == (403, [])
