"""What a customer may write as the address of an endpoint, as far as its spelling tells.

Names are not resolved here: what they resolve to may change, and is vetted at each connection.
"""

import re
from collections.abc import Sequence
from ipaddress import ip_address

from yarl import URL

from webhooks.http.addresses import Forbidden, Guard, Network

MAX_LENGTH = 2048
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]|\s")


class BadDestination(ValueError):
    """The text is not the address of an endpoint; says why."""


def check(text: str, allowed: Sequence[Network]) -> None:
    """Refuse what can never be delivered to.

    :raises BadDestination: with a sentence that says what to change.
    """
    url = _parse(text)
    schemes = ("https", "http") if allowed else ("https",)
    if url.scheme not in schemes:
        raise BadDestination("Send an address that begins with https://.")
    if not url.raw_host:
        raise BadDestination("The address names no host.")
    if "@" in _authority(text):
        raise BadDestination("Send the address without a user name or password.")
    if "#" in text:
        raise BadDestination("Send the address without a fragment (#).")
    if not _port(text).isascii():
        raise BadDestination("Write the port in the digits 0 to 9.")
    _check_host(url, allowed)


def _authority(text: str) -> str:
    """Return user, host and port, as they were written."""
    return re.split(r"[/?#]", text.partition("//")[2], maxsplit=1)[0]


def _port(text: str) -> str:
    """Return what follows the host, as it was written; URLs take any digits of Unicode."""
    return _authority(text).rpartition("]")[2].partition(":")[2]


def _parse(text: str) -> URL:
    if len(text) > MAX_LENGTH:
        raise BadDestination(f"An address has {MAX_LENGTH} characters at most.")
    if _UNSAFE.search(text):
        raise BadDestination("Remove spaces, backslashes and control characters.")
    try:
        url = URL(text)
        url.raw_host, url.port  # noqa: B018  # Both are parsed when they are read.
    except (ValueError, TypeError, UnicodeError):
        raise BadDestination("Send an address such as https://example.com/webhooks.") from None
    return url


def _check_host(url: URL, allowed: Sequence[Network]) -> None:
    """Vet an address that is written as numbers; a name is vetted when it is resolved."""
    host, port = str(url.raw_host), url.port or 0
    if not port:
        raise BadDestination("Port 0 cannot be called.")
    if "" in host.removesuffix(".").split("."):
        raise BadDestination("The name of the host has two dots in a row, or begins with one.")
    try:
        ip_address(host)
    except ValueError:
        host = ""
    if not host and allowed:
        return
    try:
        Guard(allowed, is_tls=url.scheme == "https").vet(host or _ANY_PUBLIC, port)
    except Forbidden as refusal:
        raise BadDestination(str(refusal)) from None


_ANY_PUBLIC = "1.1.1.1"  # Stands for whatever a name resolves to, so that its port is vetted.
