"""What became of mails, recorded in one transaction with the events and news of it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection, transaction

from contacts.mail import claiming, soft_bounces
from contacts.mail.claiming import Mail
from contacts.mail.news import news_of, properties_of
from contacts.models import Email, EmailActivity, Event, Fact, Suppression
from growth import outbox, telemetry
from growth.models import DomainEventType, Project
from growth.transactions import atomic_with_retries

GIVE_UP_AFTER = timedelta(hours=24)
KEY_LIFE = timedelta(hours=23)
"""Providers know the keys of requests for a day."""

_State = Email.State
_DELAYS = [timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360)]
_NEWS = {
    "$email_sent": DomainEventType.CAMPAIGN_EMAIL_SENT,
    "$email_bounced": DomainEventType.CAMPAIGN_EMAIL_BOUNCED,
}


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
    def event(self) -> str | None:
        """The name of the event that this is in the life of the contact."""
        if self.is_bounce:
            return "$email_bounced"
        return "$email_sent" if self.state == _State.SENT else None


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


def _count(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        telemetry.EMAILS.labels(outcome.state).inc()


def _last_try(mail: Mail) -> datetime:
    return mail.first_attempt_at + GIVE_UP_AFTER


_SETTLED = """
settled AS (
    UPDATE contacts_email email
       SET state = outcome.state, reason = outcome.reason,
           due_at = coalesce(outcome.due_at, email.due_at),
           attempts = CASE WHEN outcome.is_tried THEN email.attempts ELSE outcome.attempts END,
           first_attempt_at = CASE WHEN outcome.is_tried OR outcome.attempts > 0
                                   THEN outcome.first_attempt_at END,
           paced_at = NULL, provider_id = outcome.provider_id,
           decided_at = CASE WHEN outcome.due_at IS NULL THEN %(at)s::timestamptz END
      FROM unnest(%(made)s::bigint[], %(states)s::text[], %(reasons)s::text[],
                  %(due)s::timestamptz[], %(first)s::timestamptz[], %(tried)s::boolean[],
                  %(attempts)s::integer[], %(provider_ids)s::text[])
           AS outcome (id, state, reason, due_at, first_attempt_at, is_tried, attempts, provider_id)
     WHERE email.id = outcome.id AND email.leased_until = ANY(%(leases)s::timestamptz[])
       AND email.state IN ('claimed', 'sending', 'in_doubt')
    RETURNING email.id
)
"""


@dataclass(frozen=True)
class Holder:
    """The worker that holds the mails of a claim: its projects, and until when the claim lasts."""

    projects: Mapping[int, Project]
    until: datetime
    at: datetime


@atomic_with_retries
def record(outcomes: Sequence[Outcome], holder: Holder) -> None:
    """Write the outcomes of mails that the worker holds, and tell the system."""
    if not outcomes:
        return
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {_SETTLED} SELECT id FROM settled", _settling(outcomes, holder))
        kept = {key for (key,) in cursor.fetchall()}
    _follow(outcomes, kept, holder)


@atomic_with_retries
def record_and_begin(
    outcomes: Sequence[Outcome], mails: Sequence[Mail], holder: Holder
) -> set[int]:
    """Write the outcomes of a chunk and mark the next one as being sent, in one transaction and
    one statement; return the keys of those that may be sent.

    It is not for outcomes that end an address or free a place under a cap: those must be seen
    before the next chunk begins.
    """
    params = _settling(outcomes, holder)
    params |= claiming.beginning(mails, until=holder.until, at=holder.at)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH {_SETTLED}, {claiming.BEGUN} SELECT id, true FROM settled"
            " UNION ALL SELECT id, false FROM begun",
            params,
        )
        rows = cursor.fetchall()
    _follow(outcomes, {key for key, is_settled in rows if is_settled}, holder)
    return {key for key, is_settled in rows if not is_settled}


def _settling(outcomes: Sequence[Outcome], holder: Holder) -> dict[str, Any]:
    """Return the parameters of ``_SETTLED``; a late truth is better than a doubt."""
    return {
        "at": holder.at,
        "leases": [holder.until, holder.at + claiming.SENDING_LEASE],
        "made": [outcome.mail.key for outcome in outcomes],
        "states": [outcome.state for outcome in outcomes],
        "reasons": [outcome.reason[:500] for outcome in outcomes],
        "due": [outcome.due_at for outcome in outcomes],
        "first": [outcome.mail.first_attempt_at for outcome in outcomes],
        "tried": [outcome.is_tried for outcome in outcomes],
        "attempts": [outcome.mail.attempts for outcome in outcomes],
        "provider_ids": [outcome.provider_id[:200] for outcome in outcomes],
    }


def _follow(outcomes: Sequence[Outcome], kept: set[int], holder: Holder) -> None:
    """Do what follows from those of the outcomes that were written."""
    held = [outcome for outcome in outcomes if outcome.mail.key in kept]
    transaction.on_commit(partial(_count, held))
    _note_bounces(held, holder.at)
    for (project, hops), group in _by_cause(held).items():
        _tell(holder.projects[project], group, hops, holder.at)


def _note_bounces(outcomes: Sequence[Outcome], at: datetime) -> None:
    """Note that mail came back, and write to addresses no more of which that is the end."""
    hard = [outcome for outcome in outcomes if outcome.is_bounce]
    soft = [outcome for outcome in outcomes if outcome.is_soft_bounce]
    if not hard and not soft:
        return
    addresses = [(outcome.mail.project, outcome.mail.email_key) for outcome in hard]
    Suppression.objects.suppress(addresses, Suppression.Reason.BOUNCED)
    EmailActivity.objects.bulk_create(
        [_returned(outcome, at) for outcome in (*hard, *soft)],
        ignore_conflicts=True,  # A provider may have reported it already.
    )
    soft_bounces.end_worn_out(outcome.mail.key for outcome in soft)


def _returned(outcome: Outcome, at: datetime) -> EmailActivity:
    kinds = EmailActivity.Kind
    return EmailActivity(
        project_id=outcome.mail.project,
        email_id=outcome.mail.key,
        kind=kinds.BOUNCED if outcome.is_bounce else kinds.SOFT_BOUNCED,
        at=at,
        detail=outcome.reason[:500],
        told_at=at if outcome.is_bounce else None,
    )


def _by_cause(outcomes: Iterable[Outcome]) -> dict[tuple[int, int], list[Outcome]]:
    groups: dict[tuple[int, int], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.event:
            groups[outcome.mail.project, outcome.mail.hops + 1].append(outcome)
    return groups


def _tell(project: Project, outcomes: Sequence[Outcome], hops: int, at: datetime) -> None:
    facts = [
        Fact(outcome.mail.contact, str(outcome.event), _properties(outcome.mail))
        for outcome in outcomes
    ]
    Event.objects.record(project, facts, at=at, hops=hops)
    news = [_news(outcome) for outcome in outcomes if outcome.mail.kind == "campaign"]
    outbox.emit(project, *news, at=at, hops=hops)


def _properties(mail: Mail) -> dict[str, Any]:
    return properties_of(mail.context, step_key=mail.step_key, template_code=mail.template_code)


def _news(outcome: Outcome) -> outbox.News:
    mail = outcome.mail
    data = news_of(
        _properties(mail),
        contact_id=mail.person.id,
        address=mail.address,
        reason=outcome.reason if outcome.is_bounce else "",
    )
    return outbox.News(_NEWS[str(outcome.event)], data, subject=mail.contact)
