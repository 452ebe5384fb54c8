"""Mails out of the queue and over SMTP: none twice, and none lost without a word.

A chunk of at most 20 is marked as being sent and committed, then handed over, then its outcomes are
written, with the mark of the next chunk if there is one. A worker that dies in between leaves a
chunk in doubt, which nobody sends again.
"""

import time
from collections import deque
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime

import structlog
from django.db import InterfaceError, OperationalError, connection

from contacts.mail import beginning, claiming, pacing, recording
from contacts.mail.breaker import Breaker
from contacts.mail.claiming import Claim, Mail
from contacts.mail.envelopes import Parcel
from contacts.mail.fates import Fate
from contacts.mail.liquid import RenderError
from contacts.mail.outcomes import Outcome, judged, untried
from contacts.mail.recording import Holder
from contacts.mail.relays import AnyRelay, shared_relay
from contacts.mail.transport import RelayDown
from contacts.mail.writing import Writer
from contacts.models import Email
from contacts.models.addresses import AddressError
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

_State = Email.State
_Written = tuple[Mail, Parcel]
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
        self._holder = Holder(self._projects, claim.until, at)
        self._made: list[Outcome] = []

    def send(self) -> bool:
        """Send chunk by chunk, and give back what time does not suffice for; tell whether the
        server was there all the time.
        """
        mails = pacing.let_pass(self._claim, self._projects, at=self._at)
        self._writer = Writer(mails, self._projects, at=self._at)
        try:
            is_there = self._send_chunks()
        finally:
            self._record()
        return self._noted(is_there, bool(mails))

    def _send_chunks(self) -> bool:
        stop = time.monotonic() + BATCH_SECONDS
        is_there = True
        while is_there and self._writer.untaken:
            is_there = self._send_chunk()
            if time.monotonic() > stop:
                break
        self._release(self._writer.untaken)
        return is_there

    def _noted(self, is_there: bool, has_tried: bool) -> bool:
        """Let the breaker know whether the server was there."""
        if not is_there:
            self._breaker.failed(at=self._at)
        elif has_tried:
            self._breaker.answered(at=self._at)
        else:
            self._breaker.give_back(at=self._at)
        return is_there

    def _send_chunk(self) -> bool:
        written, decided = self._write()
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
        self._made += [*decided, *undeliverable]
        if begun is None:
            self._made += [untried(mail, _UNSURE) for mail, _ in written]
            return True
        return self._hand_over([each for each in written if each[0].key in begun])

    def _write(self) -> tuple[list[_Written], list[Outcome]]:
        """Return the next mails that could be written, and the outcomes of those that could not."""
        written: list[_Written] = []
        decided: list[Outcome] = []
        stop = time.monotonic() + PATIENCE
        for mail, made in self._writer.take(CHUNK):
            if isinstance(made, Outcome):
                decided.append(made)
            else:
                written.append((mail, made))
            if time.monotonic() > stop:
                self._record()
        return written, decided

    def _deliverable(self, written: Sequence[_Written]) -> tuple[list[_Written], list[Outcome]]:
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
        meanwhile = self._writer.write_ahead
        is_felt = any(made.is_felt for made in self._made)
        if self._made and not is_felt and not beginning.pressing_in(mails, self._capped):
            begun = recording.record_and_begin(self._made, mails, self._holder, meanwhile)
            self._made = []
            return begun
        self._record()
        return beginning.begin(
            mails,
            until=self._claim.until,
            at=self._at,
            capped=self._capped,
            meanwhile=meanwhile,
        )

    def _hand_over(self, going: Sequence[_Written]) -> bool:
        """Hand the mails over, and write the next meanwhile; tell whether the server was there all
        the time.
        """
        sent, why, is_there = [], _SLOW, True
        rest, stop = deque(mail for mail, _ in going), time.monotonic() + CHUNK_SECONDS
        parcels = [parcel for _, parcel in going]
        try:
            with closing(self._relay.hand_over(parcels, self._writer.write_ahead)) as verdicts:
                for verdict in verdicts:
                    self._made.append(judged(rest.popleft(), verdict, at=self._at))
                    if verdict.fate == Fate.ACCEPTED:
                        sent.append(self._made[-1].mail)
                    if time.monotonic() > stop:
                        break
        except RelayDown as down:
            why, is_there = str(down), False
        self._made += [untried(mail, why) for mail in rest]
        for mail in sent:
            self._send_copies(mail, stop)
        return is_there

    def _send_copies(self, mail: Mail, stop: float) -> None:
        """Let users have copies; what becomes of those is of no weight for the mail."""
        for address in self._writer.copied_to(mail):
            try:
                if time.monotonic() > stop:
                    raise RelayDown(_SLOW)
                copy = self._writer.copy(mail, address)
                self._relay.send(copy.envelope, copy.message)
            except (AddressError, RenderError, RelayDown) as error:
                log.warning("copy_not_sent", mail=mail.key, reason=str(error))

    def _release(self, mails: Sequence[Mail]) -> None:
        claiming.release(mails, until=self._claim.until)

    def _record(self) -> None:
        """Write the outcomes. While the database is away we wait for it: we alone know them."""
        stop = time.monotonic() + RECORD_SECONDS
        while self._made:
            try:
                recording.record(self._made, self._holder)
                self._made = []
            except _DATABASE_AWAY:
                if connection.in_atomic_block or time.monotonic() > stop:
                    raise
                connection.close()
                time.sleep(RETRY_SECONDS)
