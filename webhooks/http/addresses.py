"""Which addresses may be dialed: public ones by TLS, and networks that the operator allows."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Forbidden(Exception):
    """The address is not one that a customer may let us call."""


_NOT_PUBLIC_4 = [
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, and the metadata services of clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]
_PUBLIC_6 = ip_network("2000::/3")
_NOT_PUBLIC_6 = [
    ip_network(text)
    for text in (
        "2001::/23",  # Teredo, ORCHID, benchmarks
        "2001:db8::/32",
        "2002::/16",  # 6to4 carries an IPv4 address, which may be anyone's
        "3fff::/20",
    )
]
_PORTS = {80, 443}
_FIRST_FREE_PORT = 1024


@dataclass(frozen=True)
class Guard:
    """Vets addresses; ``allowed`` are networks of the operator's own."""

    allowed: Sequence[Network]
    is_tls: bool

    def vet(self, host: str, port: int) -> None:
        """Let the numeric address pass.

        :raises Forbidden: if it must not be dialed.
        """
        address = _plain(host)
        if any(address in network for network in self.allowed):
            return
        if not self.is_tls:
            raise Forbidden(f"{address} may be called by https only.")
        if not _is_public(address):
            raise Forbidden(f"{address} is not a public address.")
        if port not in _PORTS and port < _FIRST_FREE_PORT:
            raise Forbidden(f"Port {port} is not one for webhooks.")


def _plain(host: str) -> Address:
    """Return the address that a packet to ``host`` would bear.

    :raises Forbidden: if it is none, or of one interface only.
    """
    try:
        address = ip_address(host)
    except ValueError:
        raise Forbidden(f"{host!r} is not an address.") from None
    if isinstance(address, IPv6Address):
        if address.scope_id:
            raise Forbidden(f"{address} belongs to one interface.")
        return address.ipv4_mapped or address
    return address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    return address in _PUBLIC_6 and not any(address in network for network in _NOT_PUBLIC_6)
