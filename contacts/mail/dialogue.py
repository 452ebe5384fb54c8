"""One mail's way through SMTP, and what its replies mean.

The library hides whether a failure came before or after the final dot. Before it the server has
accepted nothing, and the mail may be sent again. After it, without an answer, nobody can know.
"""

import re
import smtplib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from contacts.mail.soft_bounces import is_about_mailbox

FAILURES = (OSError, smtplib.SMTPException)

_MAX_REPLY = 400
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]+")
_NOT_IN_ADDRESS = re.compile(r"[\x00-\x20\x7f<>]+")
_POLICY = re.compile(rb"5\.7\.[0-9]")  # RFC 3463: security or policy, not the mailbox

Reply = tuple[int, bytes]


class Fate(StrEnum):
    """What became of a mail that was handed to the server."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REFUSED = "refused"
    NO_SUCH_RECIPIENT = "no_such_recipient"
    UNKNOWN = "unknown"
    UNSURE = "unsure"  # perhaps accepted, and asking again is safe


@dataclass(frozen=True)
class Verdict:
    """The fate of a mail, the server's words, and what it calls the mail from now on.

    ``is_about_mailbox`` tells of a deferred mail whether its recipient was the reason.
    """

    fate: Fate
    reply: str = ""
    provider_id: str = ""
    is_about_mailbox: bool = False


@dataclass(frozen=True)
class Envelope:
    """Who a mail is from and for: one address each."""

    sender: str
    recipient: str
    needs_utf8: bool = False


class Dialogue:
    """Hands one mail over; ``is_broken`` tells afterwards that the connection is of no more use."""

    def __init__(self, smtp: smtplib.SMTP, timeout: float, dot_timeout: float) -> None:
        self._smtp = smtp
        self._timeout, self._dot_timeout = timeout, dot_timeout
        self.is_broken = False

    def hand_over(self, envelope: Envelope, message: bytes) -> Verdict:
        """Return what became of the mail; no failure of the connection is raised."""
        try:
            if refusal := self._announce(envelope):
                return refusal
            # An error while this is written means that its end, the dot, was not.
            self._smtp.send(_dotted(message))
        except FAILURES as error:
            self.is_broken = True
            return Verdict(Fate.DEFERRED, words(error))
        return self._answer_to_dot()

    def _announce(self, envelope: Envelope) -> Verdict | None:
        """Say who the mail is from and for; return the refusal, if there is one."""
        commands = _commands(envelope)
        is_pipelined = self._smtp.has_extn("pipelining")
        replies = self._ask_at_once(commands) if is_pipelined else self._ask_in_turn(commands)
        for stage, (code, text) in zip(_STAGES, replies, strict=False):
            if not stage.goes_on(code):
                self._start_over(is_open=replies[-1][0] == 354)
                return stage.judge(code, text)
        if len(replies) < len(commands):
            return Verdict(Fate.DEFERRED, "The connection was lost.")
        return None

    def _ask_in_turn(self, commands: Sequence[bytes]) -> list[Reply]:
        replies: list[Reply] = []
        for stage, command in zip(_STAGES, commands, strict=True):
            self._smtp.send(command)
            replies.append(self._smtp.getreply())
            if not stage.goes_on(replies[-1][0]):
                break
        return replies

    def _ask_at_once(self, commands: Sequence[bytes]) -> list[Reply]:
        self._smtp.send(b"".join(commands))
        replies: list[Reply] = []
        for _ in commands:
            try:
                replies.append(self._smtp.getreply())
            except FAILURES:  # A server may refuse and leave; what it said before counts.
                self.is_broken = True
                break
        return replies

    def _start_over(self, *, is_open: bool) -> None:
        """Take the mail back, so that the connection serves for the next."""
        try:
            if is_open:  # A dot at once, to nobody: RFC 2920, 3.1.
                self._smtp.send(b".\r\n")
                self._smtp.getreply()
            self.is_broken = self.is_broken or self._smtp.rset()[0] != 250
        except FAILURES:
            self.is_broken = True

    def _answer_to_dot(self) -> Verdict:
        try:
            self._smtp.sock.settimeout(self._dot_timeout)
            code, text = self._smtp.getreply()
            self._smtp.sock.settimeout(self._timeout)
        except FAILURES as error:
            self.is_broken = True
            return Verdict(Fate.UNKNOWN, words(error))
        if 200 <= code < 300:
            return Verdict(Fate.ACCEPTED, _reply(code, text))
        self.is_broken = code == 421 or not 400 <= code < 600
        if 400 <= code < 600:
            return _judge(code, text)
        return Verdict(Fate.UNKNOWN, _reply(code, text))


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


def _judge(code: int, text: bytes) -> Verdict:
    fate = Fate.REFUSED if 500 <= code < 600 else Fate.DEFERRED
    return Verdict(fate, _reply(code, text))


def _judge_recipient(code: int, text: bytes) -> Verdict:
    """A refused recipient is gone for good, unless it is us whom the server's policy refuses."""
    verdict = _judge(code, text)
    if verdict.fate == Fate.DEFERRED and code != 421:
        return replace(verdict, is_about_mailbox=is_about_mailbox(verdict.reply))
    if verdict.fate == Fate.REFUSED and code != 530 and not _POLICY.match(text):
        return Verdict(Fate.NO_SUCH_RECIPIENT, verdict.reply)
    return verdict


@dataclass(frozen=True)
class _Stage:
    """A command of the envelope: which replies let us go on, and what the others mean."""

    codes: range
    judge: Callable[[int, bytes], Verdict] = _judge

    def goes_on(self, code: int) -> bool:
        return code in self.codes


_STAGES = (
    _Stage(range(200, 300)),  # MAIL
    _Stage(range(200, 300), _judge_recipient),  # RCPT
    _Stage(range(354, 355)),  # DATA
)


def _reply(code: int, text: bytes) -> str:
    return _UNPRINTABLE.sub(" ", f"{code} {text.decode('utf-8', 'replace')}")[:_MAX_REPLY]


def words(error: Exception) -> str:
    """Return what the server said, or what happened to the connection, on one line."""
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return _reply(error.smtp_code, text if isinstance(text, bytes) else str(text).encode())
    return _UNPRINTABLE.sub(" ", str(error) or type(error).__name__)[:_MAX_REPLY]
