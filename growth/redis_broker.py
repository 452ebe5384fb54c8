"""Celery's broker in Redis, in a form that lets a worker go on after Redis was away."""

from kombu.transport import redis


class QoS(redis.QoS):
    """Counts a message as done though Redis cannot be told.

    Kombu keeps counting it as being worked on. A worker with as many of them as it may hold asks
    for no more, so it never finds out that its connection is gone, and stands still for ever.
    """

    def ack(self, delivery_tag: str) -> None:
        try:
            super().ack(delivery_tag)
        finally:
            self._quick_ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        try:
            super().reject(delivery_tag, requeue=requeue)
        finally:
            self._quick_ack(delivery_tag)


class Channel(redis.Channel):
    """Kombu's own, with the counting above."""

    QoS = QoS


class Transport(redis.Transport):
    """Kombu's own, with the channel above."""

    Channel = Channel


class SentinelChannel(redis.SentinelChannel):
    """Kombu's own, with the counting above."""

    QoS = QoS


class SentinelTransport(redis.SentinelTransport):
    """Kombu's own for Redis that is found by asking sentinels, with the channel above."""

    Channel = SentinelChannel
