"""The connection to a mail server, reused from mail to mail."""

import smtplib
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from contacts.mail.dialogue import Dialogue, Grouping
from contacts.mail.envelopes import Envelope, Parcel
from contacts.mail.fates import FAILURES, Verdict, words
from contacts.mail.line import Line

IDLE_SECONDS = 30
TIMEOUT = 20
DOT_TIMEOUT = 60

_FRESH_SECONDS = 1.0
_PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}


class RelayDown(Exception):
    """The mail server cannot be reached, or does not let us in; nothing was handed over."""


@dataclass(frozen=True)
class Server:
    """What EMAIL_URL says: ``smtp://``, ``smtp+tls://`` (STARTTLS) or ``smtps://``."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = ""


def parse_url(url: str) -> Server:
    """Return the server that the URL names.

    :raises ImproperlyConfigured: if it names none.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
        return Server(
            parts.scheme,
            parts.hostname or "localhost",
            port,
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )
    except (KeyError, ValueError):
        raise ImproperlyConfigured(
            "EMAIL_URL must be such as smtp://user:password@host:port, smtp+tls://…, smtps://…, or"
            " provider://key@, such as resend://key@."
        ) from None


class Relay:
    """A connection to the mail server: opened when it is needed, and kept for the next mail."""

    def __init__(
        self, url: str, *, timeout: float = TIMEOUT, dot_timeout: float = DOT_TIMEOUT
    ) -> None:
        self.url = url
        self._server = parse_url(url)
        self.name = f"{self._server.host}:{self._server.port}"
        self._timeout, self._dot_timeout = timeout, dot_timeout
        self._grouping = Grouping.MAILS
        self._smtp: smtplib.SMTP | None = None
        self._dialogue: Dialogue | None = None
        self._used_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether we are connected, as far as we know."""
        return self._smtp is not None

    def open(self) -> None:
        """Make sure that the server is there, before anything depends on it.

        :raises RelayDown: if it is not.
        """
        if self._smtp and self._is_stale():
            self.close()
        if self._smtp is None:
            self._smtp = self._connected()
            self._dialogue = self._dialogue_with(self._smtp)
        self._used_at = time.monotonic()

    def offers_utf8(self) -> bool:
        """Tell whether the server takes addresses in Unicode.

        :raises RelayDown: if it cannot be asked.
        """
        self.open()
        return self._smtp.has_extn("smtputf8")

    def send(self, envelope: Envelope, message: bytes) -> Verdict:
        """Hand one mail over, and return what became of it.

        :raises RelayDown: if there is no connection to hand it over; nothing was.
        """
        [verdict] = self.hand_over([Parcel(envelope, message)])
        return verdict

    def hand_over(
        self, parcels: Iterable[Parcel], meanwhile: Callable[[], object] = lambda: None
    ) -> Iterator[Verdict]:
        """Hand mails over, and yield what became of each; whoever stops listening has not handed
        over the others. ``meanwhile`` is called now and then, while the server thinks.

        :raises RelayDown: if there is no connection to hand the next mail over; it was not.
        """
        waiting = deque(parcels)
        while waiting:
            self.open()
            try:
                yield from self._dialogue.hand_over(waiting, meanwhile)
            except BaseException:  # We may be in the middle of a mail, and must not say its end.
                self._drop()
                raise
            self._used_at = time.monotonic()
            if self._dialogue.is_unheard:
                self._grouping = Grouping.ENVELOPES
            if self._dialogue.is_broken:
                self._drop()

    def close(self) -> None:
        """Leave the server, if we are connected."""
        smtp, self._smtp = self._smtp, None
        if smtp and smtp.sock:
            smtp.sock.settimeout(1)
            try:
                smtp.quit()
            except FAILURES:
                smtp.close()

    def close_if_idle(self) -> None:
        """Leave the server if nothing was sent for a while."""
        if self._smtp and time.monotonic() - self._used_at > IDLE_SECONDS:
            self.close()

    def _drop(self) -> None:
        """Close the connection without a word."""
        smtp, self._smtp = self._smtp, None
        if smtp:
            smtp.close()

    def _is_stale(self) -> bool:
        """Tell whether the server has left, which it may do at any time while nothing is sent."""
        if time.monotonic() - self._used_at < _FRESH_SECONDS:
            return False
        try:
            return self._smtp.noop()[0] != 250
        except FAILURES:
            return True

    def _connected(self) -> smtplib.SMTP:
        try:
            smtp = self._greeted()
        except FAILURES as error:
            raise RelayDown(words(error)) from None
        smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return smtp

    def _dialogue_with(self, smtp: smtplib.SMTP) -> Dialogue:
        grouping = self._grouping if smtp.has_extn("pipelining") else Grouping.COMMANDS
        line = Line(smtp.sock, self._timeout)
        return Dialogue(line, grouping, dot_timeout=self._dot_timeout)

    def _greeted(self) -> smtplib.SMTP:
        server = self._server
        options = {"local_hostname": _own_name(), "timeout": self._timeout}
        if server.scheme == "smtps":
            context = ssl.create_default_context()
            smtp = smtplib.SMTP_SSL(server.host, server.port, context=context, **options)
        else:
            smtp = smtplib.SMTP(server.host, server.port, **options)
        try:
            self._introduce(smtp)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _introduce(self, smtp: smtplib.SMTP) -> None:
        smtp.ehlo_or_helo_if_needed()
        if self._server.scheme == "smtp+tls":
            smtp.starttls(context=ssl.create_default_context())
            smtp.ehlo()
        if self._server.user:
            smtp.login(self._server.user, self._server.password)


def _own_name() -> str:
    return urlsplit(settings.BASE_URL).hostname or "localhost"
