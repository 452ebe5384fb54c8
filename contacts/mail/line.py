"""The line to a mail server: what is written on it, and the replies that come back.

Replies are read in large pieces, for with PIPELINING several are there at once.
"""

import socket
from smtplib import SMTPServerDisconnected

from contacts.mail.fates import Reply

_PIECE = 8192
_LONGEST = 65_536


class Line:
    """An open connection, encrypted or not, to a server that has greeted us.

    :param timeout: the seconds that each step may take.
    """

    def __init__(self, sock: socket.socket, timeout: float) -> None:
        self._socket, self._timeout = sock, timeout
        self._unread = b""

    def write(self, data: bytes) -> None:
        """Write all of it.

        :raises OSError: if its last byte was not written.
        """
        self._socket.sendall(data)

    def write_both(self, first: bytes, second: bytes) -> bool:
        """Write two things at once, and tell whether the second was written, too.

        :raises OSError: if the last byte of the first was not written.
        """
        both = first + second
        written = self._socket.send(both)
        if written < len(first):
            self._socket.sendall(both[written : len(first)])
            written = len(first)
        try:
            self._socket.sendall(both[written:])
        except OSError:
            return False
        return True

    def reply(self) -> Reply:
        """Return the next reply.

        :raises OSError: if the server is silent for too long, or the connection is lost.
        :raises SMTPServerDisconnected: if the server has left, or speaks without end.
        """
        line = self._next_line()
        text = line[4:].strip()
        while line[3:4] == b"-" and len(text) < _LONGEST:
            line = self._next_line()
            text += b"\n" + line[4:].strip()
        return int(line[:3]) if line[:3].isdigit() else -1, text

    def reply_within(self, seconds: float) -> Reply:
        """Return the next reply, as ``reply`` does, of a server that may be silent for so long."""
        self._socket.settimeout(seconds)
        reply = self.reply()
        self._socket.settimeout(self._timeout)
        return reply

    def _next_line(self) -> bytes:
        line, end, rest = self._unread.partition(b"\n")
        while not end:
            piece = self._socket.recv(_PIECE)
            if not piece or len(line) > _LONGEST:
                raise SMTPServerDisconnected("Connection unexpectedly closed")
            line, end, rest = (line + piece).partition(b"\n")
        self._unread = rest
        return line
