"""Mails out of the queue and over SMTP: none twice, and none lost without a word.

A chunk of at most 20 is marked as being sent and committed, then handed over, then its outcomes are
written, with the mark of the next chunk if there is one. A worker that dies in between leaves a
chunk in doubt, which nobody sends again.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils.crypto import get_random_string

from contacts.mail import claiming, outcomes, pacing
from contacts.mail.breaker import Breaker
from contacts.mail.claiming import Claim, Mail
from contacts.mail.copies import copy_addresses, write_copy
from contacts.mail.dialogue import Fate, Verdict
from contacts.mail.links import SAMPLE, unsubscribe_url
from contacts.mail.liquid import RenderError, TemplateError
from contacts.mail.outcomes import Holder, Outcome, deferred, unsure, untried
from contacts.mail.parcels import Parcel, pack, write
from contacts.mail.preview import preview
from contacts.mail.relays import AnyRelay, relay_to, shared_relay
from contacts.mail.templates import find_template, templates_for
from contacts.mail.transport import RelayDown
from contacts.mail.wanted import Links, wanted_links
from contacts.models import Email, MailStream, Template
from contacts.models.addresses import AddressError
from growth.errors import Conflict, DomainError, Invalid, Violation
from growth.models import Project

BATCH = 200
CHUNK = 20
BATCH_SECONDS = 10
CHUNK_SECONDS = 30
RECORD_SECONDS = 60
RETRY_SECONDS = 0.5
PATIENCE = 0.1

_DATABASE_AWAY = (OperationalError, InterfaceError)
_SLOW = "The mail server was too slow for the whole chunk."
_UNSURE = "The database was away; nothing was handed over."

Written = tuple[Mail, Parcel]

_State = Email.State
log = structlog.get_logger(__name__)


def send_due(*, at: datetime, limit: int = BATCH, relay: AnyRelay | None = None) -> int:
    """Send one batch of due mails; return how many were taken, or 0 if the server is not there."""
    if lost := claiming.settle_lost(at=at):
        log.warning("mails_in_doubt", mails=lost)
    relay = relay or shared_relay()
    relay.close_if_idle()
    breaker = Breaker(relay.name)
    limit = breaker.allows(limit, at=at)
    if not limit:
        return 0
    claim = claiming.claim(at=at, limit=limit)
    if not claim.mails:
        breaker.give_back(at=at)
        return claim.taken
    return claim.taken if _Batch(claim, relay, breaker, at).send() else 0


class _Batch:
    """The mails of one claim on their way, chunk by chunk.

    ``_made`` is what became of a chunk. It is committed together with the beginning of the next,
    unless that takes long to come.
    """

    def __init__(self, claim: Claim, relay: AnyRelay, breaker: Breaker, at: datetime) -> None:
        self._claim, self._relay, self._breaker, self._at = claim, relay, breaker, at
        projects = Project.objects.filter(pk__in={mail.project for mail in claim.mails})
        self._projects = {project.key: project for project in projects}
        self._capped = {project.key for project in projects if project.mail_cap_count}
        self._links: dict[int, Links] = {}
        self._copies = copy_addresses(self._projects.values())
        self._templates = templates_for((mail.project, mail.template_code) for mail in claim.mails)
        self._holder = Holder(self._projects, claim.until, at)
        self._made: list[Outcome] = []

    def send(self) -> bool:
        """Send chunk by chunk, and give back what time does not suffice for; tell whether the
        server was there all the time.
        """
        mails = pacing.let_pass(self._claim, self._projects, at=self._at)
        self._links = wanted_links(mails, self._templates, self._projects, at=self._at)
        try:
            is_there = self._send_chunks(mails)
        finally:
            self._record()
        return self._noted(is_there, bool(mails))

    def _send_chunks(self, mails: Sequence[Mail]) -> bool:
        stop = time.monotonic() + BATCH_SECONDS
        for start in range(0, len(mails), CHUNK):
            is_there = self._send_chunk(mails[start : start + CHUNK])
            if not is_there or time.monotonic() > stop:
                self._release(mails[start + CHUNK :])
                return is_there
        return True

    def _noted(self, is_there: bool, has_tried: bool) -> bool:
        """Let the breaker know whether the server was there."""
        if not is_there:
            self._breaker.failed(at=self._at)
        elif has_tried:
            self._breaker.answered(at=self._at)
        else:
            self._breaker.give_back(at=self._at)
        return is_there

    def _send_chunk(self, mails: Sequence[Mail]) -> bool:
        written, decided = self._write(mails)
        try:
            if not self._relay.is_open:  # To connect may take long.
                self._record()
            self._relay.open()  # Before the mails are marked: what was not begun is not in doubt.
            written, undeliverable = self._deliverable(written)
        except RelayDown as down:
            log.warning("mail_server_down", server=self._relay.name, reason=str(down))
            self._made += decided
            self._release([mail for mail, _ in written])
            return False
        begun = self._begin([mail for mail, _ in written])
        handed_over, is_there = self._hand_over(begun, written)
        self._made += [*decided, *undeliverable, *handed_over]
        return is_there

    def _write(self, mails: Sequence[Mail]) -> tuple[list[Written], list[Outcome]]:
        """Return the mails that could be written, and the outcomes of those that could not."""
        written, decided = [], []
        stop = time.monotonic() + PATIENCE
        for mail in mails:
            if time.monotonic() > stop:
                self._record()
            try:
                written.append((mail, self._parcel(mail)))
            except AddressError:
                decided.append(Outcome(mail, _State.SUPPRESSED, "invalid_address"))
            except (TemplateError, RenderError, ValueError) as error:
                decided.append(Outcome(mail, _State.FAILED, f"Template: {error}"))
        return written, decided

    def _parcel(self, mail: Mail) -> Parcel:
        template = self._templates.get((mail.project, mail.template_code))
        if template is None:
            raise TemplateError(f"there is no template {mail.template_code}")
        links = self._links.get(mail.key, {})
        return write(mail, template, self._projects[mail.project], links=links, at=self._at)

    def _deliverable(self, written: Sequence[Written]) -> tuple[list[Written], list[Outcome]]:
        """Part the mails that this server takes from those whose address only others take."""
        special = [mail for mail, parcel in written if parcel.envelope.needs_utf8]
        if not special or self._relay.offers_utf8():
            return list(written), []
        kept = [each for each in written if not each[1].envelope.needs_utf8]
        return kept, [Outcome(mail, _State.SUPPRESSED, "smtputf8") for mail in special]

    def _begin(self, mails: Sequence[Mail]) -> set[int] | None:
        """Commit that these mails are being sent; return the keys of those that may be, or None if
        nobody knows whether it was committed.
        """
        try:
            begun = self._begun(mails)
            self._release([mail for mail in mails if mail.key not in begun])
        except _DATABASE_AWAY:
            if connection.in_atomic_block:
                raise
            self._record()
            return None
        return begun

    def _begun(self, mails: Sequence[Mail]) -> set[int]:
        """Begin these mails, in one step with the outcomes of those before if that is the same."""
        is_felt = any(made.is_bounce or made.is_soft_bounce for made in self._made)
        if self._made and not is_felt and not claiming.pressing_in(mails, self._capped):
            begun = outcomes.record_and_begin(self._made, mails, self._holder)
            self._made = []
            return begun
        self._record()
        return claiming.begin(mails, until=self._claim.until, at=self._at, capped=self._capped)

    def _hand_over(
        self, begun: set[int] | None, written: Sequence[Written]
    ) -> tuple[list[Outcome], bool]:
        """Hand the begun mails over, and tell whether the server was there all the time."""
        if begun is None:
            return [untried(mail, _UNSURE) for mail, _ in written], True
        made: list[Outcome] = []
        stop, is_there = time.monotonic() + CHUNK_SECONDS, True
        for mail, parcel in written:
            if mail.key not in begun:
                continue
            if time.monotonic() > stop:
                made.append(untried(mail, _SLOW))
                continue
            try:
                made.append(self._outcome(mail, self._relay.send(parcel.envelope, parcel.message)))
                if made[-1].state == _State.SENT:
                    self._send_copies(mail)
            except RelayDown as down:
                made.append(untried(mail, str(down)))
                stop, is_there = 0, False
        return made, is_there

    def _send_copies(self, mail: Mail) -> None:
        """Let users have copies; what becomes of those is of no weight for the mail."""
        project = self._projects[mail.project]
        wording = self._templates[mail.project, mail.template_code]
        for address in self._copies.get(mail.project, ()):
            try:
                copy = write_copy(mail, wording, project, address, at=self._at)
                self._relay.send(copy.envelope, copy.message)
            except (AddressError, RenderError, RelayDown) as error:
                log.warning("copy_not_sent", mail=mail.key, reason=str(error))

    def _outcome(self, mail: Mail, verdict: Verdict) -> Outcome:
        match verdict.fate:
            case Fate.ACCEPTED:
                return Outcome(mail, _State.SENT, provider_id=verdict.provider_id)
            case Fate.DEFERRED:
                is_about_mailbox = verdict.is_about_mailbox
                return deferred(mail, verdict.reply, at=self._at, is_about_mailbox=is_about_mailbox)
            case Fate.UNSURE:
                return unsure(mail, verdict.reply, at=self._at)
            case Fate.NO_SUCH_RECIPIENT:
                return Outcome(mail, _State.FAILED, verdict.reply, is_bounce=True)
            case Fate.REFUSED:
                return Outcome(mail, _State.FAILED, verdict.reply)
        return Outcome(mail, _State.IN_DOUBT, verdict.reply)

    def _release(self, mails: Sequence[Mail]) -> None:
        claiming.release(mails, until=self._claim.until)

    def _record(self) -> None:
        """Write the outcomes. While the database is away we wait for it: we alone know them."""
        stop = time.monotonic() + RECORD_SECONDS
        while self._made:
            try:
                outcomes.record(self._made, self._holder)
                self._made = []
            except _DATABASE_AWAY:
                if connection.in_atomic_block or time.monotonic() > stop:
                    raise
                connection.close()
                time.sleep(RETRY_SECONDS)


class MailServerUnavailable(DomainError):
    """A mail that somebody waits for could not be handed over."""

    code = "unavailable"


def send_test_mail(
    stream: MailStream,
    *,
    template_code: str,
    subject: str,
    address: str,
    at: datetime,
    event: Mapping[str, Any] | None = None,
) -> None:
    """Send a sample of one of the stream's mails, now. No statistic knows of it.

    :raises Invalid: if there is no such template or address, or the template cannot be rendered.
    :raises Conflict: if the mail server refuses the mail.
    :raises MailServerUnavailable: if it cannot be reached.
    """
    template = find_template(stream.project, template_code)
    if template is None:
        message = f"There is no template {template_code}."
        raise Invalid(Violation("template_id", "unknown", message))
    about = stream.context | ({"event": event} if event else {})
    send_sample(template, stream.project, subject=subject, address=address, about=about, at=at)


def send_sample(
    template: Template,
    project: Project,
    *,
    address: str,
    at: datetime,
    subject: str = "",
    about: Mapping[str, Any] | None = None,
) -> None:
    """Send a sample of the template, now.

    :raises Invalid: if there is no such address, or the template cannot be rendered.
    :raises Conflict: if the mail server refuses the mail.
    :raises MailServerUnavailable: if it cannot be reached.
    """
    letter = preview(template, subject=f"[Test] {subject or template.subject}", about=about)
    message_id = f"{get_random_string(16)}.test"
    try:
        parcel = pack(letter, project, address, unsubscribe_url(SAMPLE), message_id, at=at)
    except AddressError as error:
        raise Invalid(Violation("email", "invalid", str(error))) from None
    relay = relay_to(settings.EMAIL_URL)
    try:
        verdict = relay.send(parcel.envelope, parcel.message)
    except RelayDown as down:
        raise MailServerUnavailable(f"The mail server cannot be reached: {down}") from None
    finally:
        relay.close()
    _require_accepted(verdict)


def _require_accepted(verdict: Verdict) -> None:
    match verdict.fate:
        case Fate.ACCEPTED:
            return
        case Fate.REFUSED | Fate.NO_SUCH_RECIPIENT:
            raise Conflict(f"The mail server refused the mail: {verdict.reply}")
        case Fate.DEFERRED:
            message = f"The mail server does not take the mail now: {verdict.reply}"
        case Fate.UNKNOWN | Fate.UNSURE:
            message = "The mail server did not answer; look into the mailbox before you try again."
    raise MailServerUnavailable(message)
