"""What became of mails is written together with the events and news of it, and with the mark of
the mails that are sent next.

For the mails of one cause that is one statement, which each connection plans once: a mail is
worth less time than a statement of its own.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import orjson
from django.db import connection, transaction

from contacts.mail import beginning, soft_bounces
from contacts.mail.claiming import Mail
from contacts.mail.news import news_of, properties_of
from contacts.mail.outcomes import Outcome
from contacts.models import EmailActivity, Suppression, partitions
from contacts.models.event import unlooped
from contacts.models.event_sql import storing, storing_parameters
from growth import outbox, telemetry
from growth.models import DomainEventType, Project
from growth.transactions import atomic_with_retries, with_retries

_NEWS = {
    "$email_sent": DomainEventType.CAMPAIGN_EMAIL_SENT,
    "$email_bounced": DomainEventType.CAMPAIGN_EMAIL_BOUNCED,
}

# A late truth is better than a doubt: the lease of the mail may have ended already.
_SETTLED = """
    outcome AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(%(outcomes)s) AS outcome (
               id bigint, state text, reason text, due_at timestamptz, is_tried boolean,
               first_attempt_at timestamptz, attempts integer, provider_id text,
               contact_id bigint, name text, properties jsonb, news text, data jsonb)
    ), settled AS (
        UPDATE contacts_email email
           SET state = outcome.state, reason = outcome.reason,
               due_at = coalesce(outcome.due_at, email.due_at),
               attempts = CASE WHEN outcome.is_tried THEN email.attempts ELSE outcome.attempts END,
               first_attempt_at = CASE WHEN outcome.is_tried OR outcome.attempts > 0
                                       THEN outcome.first_attempt_at END,
               paced_at = NULL, provider_id = outcome.provider_id,
               decided_at = CASE WHEN outcome.due_at IS NULL THEN %(at)s::timestamptz END
          FROM outcome
         WHERE email.id = outcome.id
           AND email.leased_until IN (%(until)s::timestamptz, %(sending_until)s::timestamptz)
           AND email.state IN ('claimed', 'sending', 'in_doubt')
        RETURNING email.id
    )
"""
_EVENTS = """
    SELECT contact_id, name, properties, %(at)s::timestamptz AS timestamp, NULL AS message_id
      FROM outcome WHERE name IS NOT NULL AND id IN (SELECT id FROM settled)
"""
_TOLD = """
    SELECT news AS type, data, contact_id AS subject
      FROM outcome WHERE news IS NOT NULL AND id IN (SELECT id FROM settled)
"""
_RECORD_AND_BEGIN = f"""
    WITH {_SETTLED}, {storing(_EVENTS)}, told AS ({outbox.emitting(_TOLD)}), {beginning.BEGUN}
    SELECT id, true FROM settled UNION ALL SELECT id, false FROM begun
"""


@dataclass(frozen=True)
class Holder:
    """The worker that holds the mails of a claim: its projects, and until when the claim lasts."""

    projects: Mapping[int, Project]
    until: datetime
    at: datetime


def record(outcomes: Sequence[Outcome], holder: Holder) -> None:
    """Write the outcomes of mails that the worker holds, and tell the system."""
    _record(outcomes, (), holder, beginning.idly)


def record_and_begin(
    outcomes: Sequence[Outcome],
    mails: Sequence[Mail],
    holder: Holder,
    meanwhile: Callable[[], bool],
) -> set[int]:
    """Write the outcomes of a chunk, tell the system, and mark the next chunk as being sent, all of
    it or nothing; return the keys of those that may be sent.

    Outcomes that end an address or free a place under a cap must be seen before the next chunk
    begins: they are for ``record``. ``meanwhile`` is done while the database works.
    """
    return _record(outcomes, mails, holder, meanwhile)


def _record(
    outcomes: Sequence[Outcome],
    mails: Sequence[Mail],
    holder: Holder,
    meanwhile: Callable[[], bool],
) -> set[int]:
    causes = list(_by_cause(outcomes).values())
    if len(causes) == 1 and not any(outcome.is_felt for outcome in outcomes):
        return _write(outcomes, mails, holder, meanwhile)
    return _write_together(causes, mails, holder)


@atomic_with_retries
def _write_together(
    causes: Sequence[Sequence[Outcome]], mails: Sequence[Mail], holder: Holder
) -> set[int]:
    begun: set[int] = set()
    for place, outcomes in enumerate(causes, start=1):
        begun = _write(outcomes, mails if place == len(causes) else (), holder, beginning.idly)
    return begun


@with_retries
def _write(
    outcomes: Sequence[Outcome],
    mails: Sequence[Mail],
    holder: Holder,
    meanwhile: Callable[[], bool],
) -> set[int]:
    """Write outcomes of one cause, and begin the mails; return the keys of those that have begun.

    Without bounces it is a single statement.
    """
    partitions.ensure(holder.at, holder.at)
    params = _parameters(outcomes, holder)
    params |= beginning.parameters(mails, until=holder.until, at=holder.at)
    rows = connection.rows_of(_RECORD_AND_BEGIN, params, meanwhile=meanwhile)
    outbox.wake(outbox.RELAY_TASK)
    kept = {key for key, is_settled in rows if is_settled}
    held = [outcome for outcome in outcomes if outcome.mail.key in kept]
    transaction.on_commit(partial(_count, held))
    _note_bounces(held, holder.at)
    return {key for key, is_settled in rows if not is_settled}


def _parameters(outcomes: Sequence[Outcome], holder: Holder) -> dict[str, Any]:
    cause = outcomes[0].mail
    project, hops = holder.projects[cause.project], cause.hops + 1
    news_hops, is_quiet = unlooped(project, hops)
    params = storing_parameters(
        project,
        at=holder.at,
        hops=hops,
        news_hops=news_hops,
        is_quiet=is_quiet,
        is_own_act=False,
    )
    return params | {"outcomes": orjson.dumps([_row(each) for each in outcomes]).decode()}


def _by_cause(outcomes: Sequence[Outcome]) -> dict[tuple[int, int], list[Outcome]]:
    """Return the outcomes by project and number of causes, which their events have in common."""
    causes: dict[tuple[int, int], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        causes[outcome.mail.project, outcome.mail.hops + 1].append(outcome)
    return causes


def _row(outcome: Outcome) -> dict[str, Any]:
    mail = outcome.mail
    row = {
        "id": mail.key,
        "state": outcome.state,
        "reason": outcome.reason[:500],
        "due_at": outcome.due_at,
        "is_tried": outcome.is_tried,
        "first_attempt_at": mail.first_attempt_at,
        "attempts": mail.attempts,
        "provider_id": outcome.provider_id[:200],
    }
    return row | _told(outcome) if outcome.event else row


def _told(outcome: Outcome) -> dict[str, Any]:
    """Return what the system is told: the event of the contact, and the news of a campaign."""
    mail = outcome.mail
    properties = properties_of(
        mail.context, step_key=mail.step_key, template_code=mail.template_code
    )
    event = {"contact_id": mail.contact, "name": outcome.event, "properties": properties}
    if mail.kind != "campaign":
        return event
    reason = outcome.reason if outcome.is_bounce else ""
    data = news_of(properties, contact_id=mail.person.id, address=mail.address, reason=reason)
    return event | {"news": _NEWS[str(outcome.event)], "data": data}


def _count(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        telemetry.EMAILS.labels(outcome.state).inc()


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
