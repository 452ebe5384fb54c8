"""The way of mails through SMTP: each is announced, and handed over unless the server refuses it.

A library would hide whether a failure came before or after the final dot. Before it the server has
accepted nothing, and the mail may be sent again. After it, without an answer, nobody can know.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum

from contacts.mail.envelopes import Envelope, Parcel
from contacts.mail.fates import (
    FAILURES,
    Fate,
    Reply,
    Verdict,
    judge_envelope,
    judge_message,
    words,
)
from contacts.mail.line import Line

_OK, _GO_ON, _LEAVING = 250, 354, 421
_NOT_IN_ADDRESS = re.compile(r"[\x00-\x20\x7f<>]+")


class Grouping(IntEnum):
    """What is written at once, before the server has answered; PIPELINING allows all of it.

    With the end of one mail the next is announced (RFC 2920, 3.1): each has replies of its own all
    the same, and takes one round trip.
    """

    COMMANDS = 1
    ENVELOPES = 2
    MAILS = 3


class Dialogue:
    """Hands mails over on one line.

    ``is_broken`` tells afterwards that the line is of no more use, and ``is_unheard`` that the
    server did not hear what came with the end of a mail.
    """

    def __init__(self, line: Line, grouping: Grouping, *, dot_timeout: float) -> None:
        self._line, self._dot_timeout = line, dot_timeout
        self._grouping = grouping
        self._is_announced = False
        self._trouble = ""
        self.is_broken = self.is_unheard = False

    def hand_over(
        self, parcels: deque[Parcel], meanwhile: Callable[[], object]
    ) -> Iterator[Verdict]:
        """Take out one parcel after the other and yield what became of it, until there is none, or
        the line is of no more use. No failure of the connection is raised.

        ``meanwhile`` is called while the server thinks. Whoever stops listening before the end must
        close the line: the next mail may be announced.
        """
        while parcels and not self.is_broken:
            was_announced, self._is_announced = self._is_announced, False
            replies = self._announce(parcels[0].envelope, is_written=was_announced)
            if was_announced and not replies:
                return  # Nobody heard of it: it is announced anew, on another line.
            parcel = parcels.popleft()
            following = parcels[0].envelope if parcels else None
            yield self._refusal(replies) or self._deliver(parcel.message, following, meanwhile)

    def _announce(self, envelope: Envelope, *, is_written: bool) -> list[Reply]:
        """Say who the mail is from and for, unless that is written already; return the replies."""
        commands = _commands(envelope)
        is_grouped = self._grouping >= Grouping.ENVELOPES
        replies: list[Reply] = []
        try:
            for group in [commands] if is_grouped else [[command] for command in commands]:
                if not is_written:
                    self._line.write(b"".join(group))
                for _ in group:
                    replies.append(self._line.reply())
                if judge_envelope(replies):
                    break
        except FAILURES as error:  # A server may refuse and leave; what it said before counts.
            self.is_broken, self._trouble = True, words(error)
            self.is_unheard = is_written and not replies and isinstance(error, TimeoutError)
        return replies

    def _refusal(self, replies: Sequence[Reply]) -> Verdict | None:
        """Return the verdict of a mail that the server does not want to have, if it is so."""
        refusal = judge_envelope(replies)
        if refusal and not self.is_broken:
            self._start_over(is_open=replies[-1][0] == _GO_ON)
        if self.is_broken:
            return refusal or Verdict(Fate.DEFERRED, self._trouble)
        return refusal

    def _start_over(self, *, is_open: bool) -> None:
        """Take the mail back, so that the line serves for the next."""
        try:
            if is_open:  # A dot at once, to nobody: RFC 2920, 3.1.
                self._line.write(b".\r\n")
                self._line.reply()
            self._line.write(b"RSET\r\n")
            self.is_broken = self._line.reply()[0] != _OK
        except FAILURES:
            self.is_broken = True

    def _deliver(
        self, message: bytes, following: Envelope | None, meanwhile: Callable[[], object]
    ) -> Verdict:
        is_ahead = following and self._grouping >= Grouping.MAILS
        ahead = b"".join(_commands(following)) if is_ahead else b""
        try:
            # An error while this is written means that its end, the dot, was not.
            is_all_written = self._line.write_both(_dotted(message), ahead)
        except FAILURES as error:
            self.is_broken = True
            return Verdict(Fate.DEFERRED, words(error))
        self._is_announced, self.is_broken = is_all_written and bool(ahead), not is_all_written
        meanwhile()
        return self._answer_to_dot()

    def _answer_to_dot(self) -> Verdict:
        try:
            code, text = self._line.reply_within(self._dot_timeout)
        except FAILURES as error:
            self.is_broken = True
            return Verdict(Fate.UNKNOWN, words(error))
        verdict = judge_message(code, text)
        if code == _LEAVING or verdict.fate == Fate.UNKNOWN:
            self.is_broken = True
        return verdict


def _commands(envelope: Envelope) -> list[bytes]:
    options = " SMTPUTF8" if envelope.needs_utf8 else ""
    sender, recipient = _bare(envelope.sender), _bare(envelope.recipient)
    lines = (f"MAIL FROM:<{sender}>{options}", f"RCPT TO:<{recipient}>", "DATA")
    return [f"{line}\r\n".encode() for line in lines]


def _bare(address: str) -> str:
    """Return the address without anything that could end it, or the line."""
    return _NOT_IN_ADDRESS.sub("", address)


def _dotted(message: bytes) -> bytes:
    end = b".\r\n" if message.endswith(b"\r\n") else b"\r\n.\r\n"
    return message.replace(b"\r\n.", b"\r\n..") + end
