"""What the workers do while the broker is away."""

import pytest
from kombu.exceptions import OperationalError

from growth.celery import app
from growth.embedded.ports import free_port


def test_a_broker_that_is_away_is_looked_for_every_second(monkeypatch):
    pauses = []
    monkeypatch.setattr("kombu.utils.functional.sleep", lambda seconds: None)
    url = f"redis://127.0.0.1:{free_port(preferred=None)}/0"

    with app.connection_for_read(url) as connection, pytest.raises(OperationalError):
        connection.ensure_connection(lambda error, pause: pauses.append(pause), 20)

    assert len(pauses) == 20
    assert max(pauses) == 1
    assert sum(pauses) < 20
