"""What the workers do while the broker is away."""

import socket

import pytest
from kombu.exceptions import OperationalError

from growth.celery import _broker, _transport_options, app
from growth.embedded import broker
from growth.embedded.child import Child
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


@pytest.fixture
def redis(tmp_path):
    server = broker.redis(tmp_path, last_url="")
    if server is None:
        pytest.skip("This machine has no Redis.")
    url, program = server
    child = Child(program, log=tmp_path / "redis.log")
    yield url, child
    child.kill()


@pytest.mark.parametrize("answer", [lambda m: m.ack(), lambda m: m.reject(), lambda m: m.requeue()])
def test_who_cannot_answer_for_a_message_may_take_the_next(redis, answer):
    """Killed anywhere: proved by a broker that is killed between a message and its answer."""
    url, child = redis
    with app.connection_for_read(url) as connection:
        connection.ensure_connection(max_retries=20)
        queue = connection.SimpleQueue("work")
        queue.consumer.qos(prefetch_count=1)
        queue.put({})
        message = queue.get(timeout=5)
        assert not queue.channel.qos.can_consume()
        child.kill()

        with pytest.raises(connection.connection_errors):
            answer(message)

        assert queue.channel.qos.can_consume()


def test_sentinels_that_are_silent_are_given_up_in_the_end():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"sentinel://127.0.0.1:{silent.getsockname()[1]}/0?master_name=main"
        options = _transport_options(url)
        assert options["master_name"] == "main"
        assert options["sentinel_kwargs"] == {"socket_timeout": 10, "socket_connect_timeout": 2}
        options["sentinel_kwargs"] = {"socket_timeout": 0.2, "socket_connect_timeout": 0.2}

        options["max_retries"] = 1
        with (
            app.connection_for_write(_broker(url), transport_options=options) as connection,
            pytest.raises(OperationalError, match="No master found"),
        ):
            connection.default_channel.client.ping()
