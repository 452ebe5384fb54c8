"""Ports of the loopback interface."""

import socket

HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """Tell whether nobody listens on the port."""
    with socket.socket() as probe:
        # Connections that linger from the last run do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(*, preferred: int | None) -> int:
    """Return a port on which nobody listens, the preferred one if possible."""
    if preferred and is_free(preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]
