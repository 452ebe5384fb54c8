"""When a mail may go: not in quiet hours, and not faster than its project and its domain bear.

A mail that is too early gets its own place in time, once, and comes back to pass then. So a queue
of any length is looked at twice, and workers beside each other share each rate. Mail that somebody
waits for takes a place too, but does not wait for it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from contacts.mail import claiming
from contacts.mail.claiming import Claim, Mail, Return
from contacts.mail.hours import Quiet, quiet_of, zone_named
from contacts.models import MailStream
from growth.models import Project
from growth.transactions import atomic_with_retries

BURST = timedelta(seconds=1)
STALE = timedelta(minutes=1)
"""A place that passed longer ago was missed: else an outage would end in a flood."""

_MINUTE = timedelta(minutes=1)


def let_pass(claim: Claim, projects: dict[int, Project], *, at: datetime) -> list[Mail]:
    """Return the mails that may go now; the others go back to the queue, each with its time."""
    awake, asleep = _by_quiet(claim.mails, projects, at)
    lanes = {mail.key: _lanes(mail, projects[mail.project]) for mail in awake}
    if not any(lanes.values()):
        claiming.put_back(asleep, until=claim.until)
        return awake
    return _paced(claim, awake, asleep, lanes, at)


def _by_quiet(
    mails: Sequence[Mail], projects: dict[int, Project], at: datetime
) -> tuple[list[Mail], list[Return]]:
    nights = {key: quiet_of(project) for key, project in projects.items()}
    if not any(nights.values()):
        return list(mails), []
    awake, asleep = [], []
    for mail in mails:
        end = _quiet_end(mail, projects[mail.project], nights[mail.project], at)
        if end > at:
            asleep.append(Return(mail, end))
        else:
            awake.append(mail)
    return awake, asleep


def _quiet_end(mail: Mail, project: Project, quiet: Quiet | None, at: datetime) -> datetime:
    if quiet is None or mail.kind not in MailStream.PROMOTIONAL:
        return at
    zone = zone_named(mail.person.traits.get("timezone"), project.zone)
    return quiet.end_after(at, zone)


@dataclass
class _Lane:
    """A rate: the time that each mail takes, and the next place."""

    name: str
    interval: timedelta
    open_at: datetime | None = field(default=None, compare=False)


def _lanes(mail: Mail, project: Project) -> list[_Lane]:
    domain = mail.email_key.rpartition("@")[2]
    per_domain = settings.MAIL_DOMAIN_RATES
    rates = {
        f"project:{mail.project}": project.mail_rate or settings.MAIL_RATE,
        f"domain:{domain}": per_domain.get(domain, per_domain.get("*")),
    }
    return [_Lane(name, _MINUTE / rate) for name, rate in rates.items() if rate]


@atomic_with_retries
def _paced(
    claim: Claim,
    mails: Iterable[Mail],
    asleep: Sequence[Return],
    lanes: dict[int, list[_Lane]],
    at: datetime,
) -> list[Mail]:
    """Give each mail its place; all that changes is committed at once."""
    open_at = _hold({lane.name for each in lanes.values() for lane in each}, at)
    passing, waiting = [], []
    for mail in sorted(mails, key=lambda mail: (mail.due_at, mail.key)):
        if mail.paced_at and at - mail.paced_at <= STALE:
            passing.append(mail)
            continue
        place = _take_place(lanes[mail.key], open_at, at)
        if place <= at or mail.kind not in MailStream.PROMOTIONAL:
            passing.append(mail)
        else:
            waiting.append(Return(mail, place, paced_at=place))
    _let_go(open_at)
    claiming.put_back([*asleep, *waiting], until=claim.until)
    return sorted(passing, key=lambda mail: (mail.project, mail.key))


def _take_place(lanes: Sequence[_Lane], open_at: dict[str, datetime], at: datetime) -> datetime:
    place = at
    for lane in lanes:
        own = max(open_at[lane.name], at - BURST)
        open_at[lane.name] = own + lane.interval
        place = max(place, own)
    return place


def _hold(names: Iterable[str], at: datetime) -> dict[str, datetime]:
    """Lock the gates, and return the next place of each."""
    wanted = sorted(names)
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO contacts_mailgate (name, open_at, failures)
               SELECT name, %s, 0 FROM unnest(%s::text[]) name ORDER BY name
               ON CONFLICT DO NOTHING""",
            [at - BURST, wanted],
        )
        cursor.execute(
            "SELECT name, open_at FROM contacts_mailgate WHERE name = ANY(%s)"
            " ORDER BY id FOR UPDATE",
            [wanted],
        )
        return dict(cursor.fetchall())


def _let_go(open_at: dict[str, datetime]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE contacts_mailgate gate SET open_at = next.open_at
                 FROM unnest(%s::text[], %s::timestamptz[]) AS next (name, open_at)
                WHERE gate.name = next.name""",
            [list(open_at), list(open_at.values())],
        )
