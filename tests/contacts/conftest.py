"""A mail server that takes what it is given, and a stream of mails to it."""

from collections.abc import Iterator

import pytest

from contacts.mail.transport import Relay
from growth.models import Project
from tests import smtp_sink
from tests.contacts.mail_factories import make_stream, make_template
from tests.smtp_sink import Sink


@pytest.fixture
def sink() -> Iterator[Sink]:
    with smtp_sink.running() as sink:
        yield sink


@pytest.fixture
def smtp(sink: Sink) -> Iterator[Relay]:
    relay = Relay(sink.url, timeout=2, dot_timeout=2)
    yield relay
    relay.close()


@pytest.fixture
def stream(project: Project):
    make_template(project)
    return make_stream(project)
