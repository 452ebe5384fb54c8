"""Who takes our mail away: a mail server, or a provider. One for each thread."""

import threading

from django.conf import settings

from contacts.mail.providers import ProviderRelay, is_provider
from contacts.mail.transport import Relay

AnyRelay = Relay | ProviderRelay

_local = threading.local()


def relay_to(url: str) -> AnyRelay:
    """Return a new connection to whom the URL names.

    :raises ImproperlyConfigured: if it names nobody.
    """
    return ProviderRelay(url) if is_provider(url) else Relay(url)


def shared_relay() -> AnyRelay:
    """Return this thread's connection to whom EMAIL_URL names."""
    relay = getattr(_local, "relay", None)
    if relay is None or relay.url != settings.EMAIL_URL:
        if relay:
            relay.close()
        relay = _local.relay = relay_to(settings.EMAIL_URL)
    return relay
