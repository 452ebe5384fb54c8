from collections.abc import Callable, Iterator
from datetime import datetime
from ipaddress import ip_network

import pytest
from django.conf import LazySettings

from tests.factories import AT
from tests.webhooks.receiver import Receiver, receiving
from webhooks.operations.posting import Courier

LOOPBACK = [ip_network("127.0.0.0/8")]


@pytest.fixture
def receiver(settings: LazySettings) -> Iterator[Receiver]:
    """Return a receiver that the operator allows."""
    settings.WEBHOOK_ALLOW_NETS = LOOPBACK
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def deliver(db: None) -> Callable[..., None]:
    """Post all that is due at that moment, as the worker would."""

    def run(at: datetime = AT, *, deadline: float = 2) -> None:
        courier = Courier(deadline=deadline)
        try:
            while courier.step(at=at):
                pass
            courier.drain()
            courier.settle(at=at)
        finally:
            courier.close()

    return run
