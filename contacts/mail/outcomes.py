"""What became of mails: sent, tried again later, or given up."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from contacts.mail.claiming import Mail
from contacts.mail.fates import Fate, Verdict
from contacts.models import Email

GIVE_UP_AFTER = timedelta(hours=24)
KEY_LIFE = timedelta(hours=23)
"""Providers know the keys of requests for a day."""

_State = Email.State
_DELAYS = [timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360)]


@dataclass(frozen=True)
class Outcome:
    """What became of one mail. A deferred one is due again; one that bounced ends its address, and
    so does the fifth soft bounce in a row.

    What was not tried keeps its attempts.
    """

    mail: Mail
    state: str
    reason: str = ""
    due_at: datetime | None = None
    is_bounce: bool = False
    is_soft_bounce: bool = False
    is_tried: bool = True
    provider_id: str = ""

    @property
    def is_felt(self) -> bool:
        """Whether it may end the address, and so concerns the mails after it."""
        return self.is_bounce or self.is_soft_bounce

    @property
    def event(self) -> str | None:
        """The name of the event that this is in the life of the contact."""
        if self.is_bounce:
            return "$email_bounced"
        return "$email_sent" if self.state == _State.SENT else None


def judged(mail: Mail, verdict: Verdict, *, at: datetime) -> Outcome:
    """Return what the server's verdict makes of the mail."""
    match verdict.fate:
        case Fate.ACCEPTED:
            return Outcome(mail, _State.SENT, provider_id=verdict.provider_id)
        case Fate.DEFERRED:
            is_about_mailbox = verdict.is_about_mailbox
            return deferred(mail, verdict.reply, at=at, is_about_mailbox=is_about_mailbox)
        case Fate.UNSURE:
            return unsure(mail, verdict.reply, at=at)
        case Fate.NO_SUCH_RECIPIENT:
            return Outcome(mail, _State.FAILED, verdict.reply, is_bounce=True)
        case Fate.REFUSED:
            return Outcome(mail, _State.FAILED, verdict.reply)
    return Outcome(mail, _State.IN_DOUBT, verdict.reply)


def deferred(mail: Mail, reason: str, *, at: datetime, is_about_mailbox: bool = False) -> Outcome:
    """Return when the mail is tried again, or that nobody tries it any more after a day: by then
    it has come back softly, if its last refusal was about the mailbox.
    """
    retry_at = at + _DELAYS[min(mail.attempts, len(_DELAYS) - 1)]
    if at - mail.first_attempt_at >= GIVE_UP_AFTER:
        said = f"Given up after a day: {reason}"
        return Outcome(mail, _State.FAILED, said, is_soft_bounce=is_about_mailbox)
    return Outcome(mail, _State.DEFERRED, reason, min(retry_at, _last_try(mail)))


def unsure(mail: Mail, reason: str, *, at: datetime) -> Outcome:
    """Return that the mail is asked for again, as long as the provider knows its key."""
    again = deferred(mail, reason, at=at)
    if again.due_at is None or again.due_at > mail.first_attempt_at + KEY_LIFE:
        return Outcome(mail, _State.IN_DOUBT, reason)
    return again


def untried(mail: Mail, reason: str) -> Outcome:
    """Return that the mail was not tried: it keeps its place in the queue, and its attempts."""
    state = _State.DEFERRED if mail.attempts else _State.QUEUED
    return Outcome(mail, state, reason, mail.due_at, is_tried=False)


def _last_try(mail: Mail) -> datetime:
    return mail.first_attempt_at + GIVE_UP_AFTER
