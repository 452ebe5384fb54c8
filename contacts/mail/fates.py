"""What becomes of a mail that is handed over, as the replies of the server tell."""

import re
import smtplib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from contacts.mail.soft_bounces import is_about_mailbox

FAILURES = (OSError, smtplib.SMTPException)
"""What a connection may raise."""

_MAX_REPLY = 400
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]+")
_POLICY = re.compile(rb"5\.7\.[0-9]")  # RFC 3463: security or policy, not the mailbox
_SES_NAME = re.compile(rb"[0-9a-f]{16}-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}-[0-9]{6}")

Reply = tuple[int, bytes]
"""The code of a reply, and its words."""


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
class _Stage:
    """A command of the envelope: which replies let us go on, and what the others mean."""

    codes: range
    judge: Callable[[int, bytes], Verdict]


def judge_envelope(replies: Sequence[Reply]) -> Verdict | None:
    """Return what the first refusal among the replies to MAIL, RCPT and DATA means, if any."""
    for stage, (code, text) in zip(_STAGES, replies, strict=False):
        if code not in stage.codes:
            return stage.judge(code, text)
    return None


def judge_message(code: int, text: bytes) -> Verdict:
    """Return what the reply to the final dot means: only an answer that is none leaves a doubt."""
    if 200 <= code < 300:
        return Verdict(Fate.ACCEPTED, _reply(code, text), provider_id=_name_in(text))
    if 400 <= code < 600:
        return _judge(code, text)
    return Verdict(Fate.UNKNOWN, _reply(code, text))


def _name_in(text: bytes) -> str:
    """Return what the server calls the mail, if it is Amazon SES, which reports by that name."""
    found = _SES_NAME.search(text) if text.startswith(b"Ok ") else None
    return found[0].decode() if found else ""


def words(error: Exception) -> str:
    """Return what the server said, or what happened to the connection, on one line."""
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return _reply(error.smtp_code, text if isinstance(text, bytes) else str(text).encode())
    return _UNPRINTABLE.sub(" ", str(error) or type(error).__name__)[:_MAX_REPLY]


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


def _reply(code: int, text: bytes) -> str:
    return _UNPRINTABLE.sub(" ", f"{code} {text.decode('utf-8', 'replace')}")[:_MAX_REPLY]


_STAGES = (
    _Stage(range(200, 300), _judge),  # MAIL
    _Stage(range(200, 300), _judge_recipient),  # RCPT
    _Stage(range(354, 355), _judge),  # DATA
)
