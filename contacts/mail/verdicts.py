"""Which hits on a mail were people's, and what the system hears of them: once for each mail and
kind.

A hit waits some seconds for its verdict, because the hits around it tell more than its own request.
What was told of a person and later proves to be a machine's is taken back: the event leaves the
stream, and segments and scores follow. Only webhooks that have gone out are not called back.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import connection

from contacts.mail.news import news_of, properties_of
from contacts.models import EmailActivity, Event, Fact
from contacts.models.event import announce
from growth import ids, outbox
from growth.models import DomainEventType, Project
from growth.transactions import atomic_with_retries

BURST = timedelta(seconds=5)
"""Nobody follows all links of a mail within this time."""

AROUND_TRAP = timedelta(minutes=1)
"""For as long before and after it, a hit on the trap tells who the other hits are."""

MANY = 5
"""So many different links are too many for a person, even where the mail has more."""

_NEWS = {
    EmailActivity.Kind.DELIVERED: DomainEventType.CAMPAIGN_EMAIL_DELIVERED,
    EmailActivity.Kind.OPENED: DomainEventType.CAMPAIGN_EMAIL_OPENED,
    EmailActivity.Kind.CLICKED: DomainEventType.CAMPAIGN_EMAIL_CLICKED,
    EmailActivity.Kind.BOUNCED: DomainEventType.CAMPAIGN_EMAIL_BOUNCED,
    EmailActivity.Kind.COMPLAINED: DomainEventType.CAMPAIGN_EMAIL_COMPLAINED,
    EmailActivity.Kind.UNSUBSCRIBED: DomainEventType.CAMPAIGN_EMAIL_UNSUBSCRIBED,
}

_HELD = """
    SELECT id FROM contacts_email WHERE id = ANY(%(emails)s)
     ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
"""
# Whoever has told and was wrong is due again, to take it back.
_JUDGE = f"""
    WITH held AS MATERIALIZED ({_HELD}),
    hit AS MATERIALIZED (
        SELECT activity.* FROM held
          JOIN contacts_emailactivity activity ON activity.email_id = held.id
           AND activity.kind IN ('opened', 'clicked', 'trapped')
    ), burst AS (
        SELECT email_id, at AS first_at, at + %(burst)s AS last_at FROM hit first
         WHERE kind = 'clicked'
           AND (SELECT count(DISTINCT detail) FROM hit
                 WHERE hit.email_id = first.email_id AND hit.kind = 'clicked'
                   AND hit.at BETWEEN first.at AND first.at + %(burst)s)
               >= greatest(2, least(first.links, %(many)s))
         UNION ALL
        SELECT email_id, at - %(around_trap)s, at + %(around_trap)s FROM hit WHERE kind = 'trapped'
    )
    UPDATE contacts_emailactivity activity
       SET is_machine = true, due_at = CASE WHEN activity.told_at IS NULL THEN NULL ELSE %(at)s END
      FROM hit
     WHERE activity.id = hit.id AND NOT activity.is_machine
       AND EXISTS (SELECT FROM burst WHERE burst.email_id = hit.email_id
                                       AND hit.at BETWEEN burst.first_at AND burst.last_at)
"""
_DUE = """
    SELECT DISTINCT email_id FROM (
           SELECT email_id FROM contacts_emailactivity WHERE due_at <= %(at)s
            ORDER BY due_at LIMIT %(limit)s) due
"""
_SETTLE = """
    WITH taken_back AS (
        UPDATE contacts_emailactivity SET told_at = NULL, due_at = NULL
         WHERE email_id = ANY(%(emails)s) AND is_machine AND due_at <= %(at)s
     RETURNING id
    ), decided AS (
        UPDATE contacts_emailactivity SET due_at = NULL
         WHERE email_id = ANY(%(emails)s) AND NOT is_machine AND due_at <= %(at)s
    )
    SELECT old.project_id, email.contact_id, old.kind, old.email_id, old.told_at
      FROM contacts_emailactivity old
      JOIN taken_back ON taken_back.id = old.id
      JOIN contacts_email email ON email.id = old.email_id
     WHERE old.told_at IS NOT NULL
"""
_TELL = """
    WITH first AS (
        SELECT DISTINCT ON (email_id, kind) id FROM contacts_emailactivity activity
         WHERE email_id = ANY(%(emails)s) AND NOT is_machine AND kind = ANY(%(kinds)s)
           AND told_at IS NULL AND due_at IS NULL
           AND NOT EXISTS (SELECT FROM contacts_emailactivity told
                            WHERE told.project_id = activity.project_id
                              AND told.email_id = activity.email_id AND told.kind = activity.kind
                              AND told.told_at IS NOT NULL)
         ORDER BY email_id, kind, at, id
    )
    UPDATE contacts_emailactivity activity SET told_at = %(at)s
      FROM first, contacts_email email, contacts_mailstream stream, contacts_contact contact
     WHERE activity.id = first.id AND email.id = activity.email_id AND stream.id = email.stream_id
       AND contact.id = email.contact_id AND contact.deleted_at IS NULL
    RETURNING activity.project_id, email.id, email.contact_id, email.address, activity.kind,
              activity.detail, stream.kind, stream.context || email.context, email.step_key,
              email.template_code, email.hops + 1
"""
_FORGET = """
    DELETE FROM contacts_event event
     USING unnest(%(contacts)s::bigint[], %(names)s::text[], %(ids)s::text[],
                  %(times)s::timestamptz[]) AS told (contact_id, name, message_id, at)
     WHERE event.project_id = %(project)s AND event.contact_id = told.contact_id
       AND event.timestamp = told.at AND event.name = told.name
       AND event.message_id = told.message_id
"""


@dataclass(frozen=True)
class _Told:
    """What the system hears of: the first thing of its kind that became of a mail."""

    project: int
    email: int
    contact: int
    address: str
    kind: str
    detail: str
    stream_kind: str
    context: dict[str, Any]
    step_key: str
    template_code: str
    hops: int

    @property
    def fact(self) -> Fact:
        properties = self._properties()
        if self.kind == EmailActivity.Kind.CLICKED:
            properties["url"] = self.detail
        return Fact(self.contact, f"${_name(self.kind)}", properties, self._message_id())

    @property
    def news(self) -> outbox.News:
        contact = ids.encode("cntct", self.contact)
        data = news_of(self._properties(), contact_id=contact, address=self.address)
        if self.kind == EmailActivity.Kind.CLICKED:
            data["url"] = self.detail
        elif self.detail:
            data["reason"] = self.detail
        return outbox.News(_NEWS[EmailActivity.Kind(self.kind)], data, subject=self.contact)

    def _properties(self) -> dict[str, Any]:
        return properties_of(self.context, step_key=self.step_key, template_code=self.template_code)

    def _message_id(self) -> str:
        return _message_id(self.email, self.kind)


def judge(emails: Sequence[int], *, at: datetime) -> None:
    """Find the hits on these mails that only a machine can have made. Mails that somebody else is
    judging are left to them.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _JUDGE,
            {
                "emails": list(emails),
                "burst": BURST,
                "around_trap": AROUND_TRAP,
                "many": MANY,
                "at": at,
            },
        )


@atomic_with_retries
def tell_due(*, at: datetime, limit: int = 500) -> int:
    """Give the next verdicts that are due, and tell the system; return of how many mails."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"at": at, "limit": limit})
        cursor.execute(_HELD, {"emails": [email for (email,) in cursor.fetchall()]})
        emails = [email for (email,) in cursor.fetchall()]
        if not emails:
            return 0
        judge(emails, at=at)
        cursor.execute(_SETTLE, {"emails": emails, "at": at})
        wrong = cursor.fetchall()
        cursor.execute(_TELL, {"emails": emails, "kinds": list(_NEWS), "at": at})
        told = [_told(row) for row in cursor.fetchall()]
    keys = {row[0] for row in wrong} | {each.project for each in told}
    projects = {project.key: project for project in Project.objects.filter(pk__in=keys)}
    for project in projects.values():
        _take_back(project, [row[1:] for row in wrong if row[0] == project.key], at)
    for (project, hops), group in _by_cause(told).items():
        _tell(projects[project], group, hops, at)
    return len(emails)


def _told(row: tuple[Any, ...]) -> _Told:
    *own, context, step_key, template_code, hops = row
    return _Told(*own, orjson.loads(context), step_key, template_code, hops)


def _by_cause(told: Iterable[_Told]) -> dict[tuple[int, int], list[_Told]]:
    groups: dict[tuple[int, int], list[_Told]] = defaultdict(list)
    for each in told:
        groups[each.project, each.hops].append(each)
    return groups


def _tell(project: Project, told: Sequence[_Told], hops: int, at: datetime) -> None:
    Event.objects.record(project, [each.fact for each in told], at=at, hops=hops)
    news = [each.news for each in told if each.stream_kind == "campaign"]
    outbox.emit(project, *news, at=at, hops=hops)


def _take_back(project: Project, wrong: Sequence[tuple[Any, ...]], at: datetime) -> None:
    """Delete events that did not happen, and let everything that counts them look again."""
    if not wrong:
        return
    names = [f"${_name(kind)}" for _, kind, _, _ in wrong]
    with connection.cursor() as cursor:
        cursor.execute(
            _FORGET,
            {
                "project": project.key,
                "contacts": [contact for contact, *_ in wrong],
                "names": names,
                "ids": [_message_id(email, kind) for _, kind, email, _ in wrong],
                "times": [told_at for *_, told_at in wrong],
            },
        )
    changes: dict[str, set[int]] = defaultdict(set)
    for name, (contact, *_) in zip(names, wrong, strict=True):
        changes[f"events.{name}"].add(contact)
    announce(project, changes={what: sorted(who) for what, who in changes.items()}, at=at)


def _name(kind: str) -> str:
    return f"email_{kind}"


def _message_id(email: int, kind: str) -> str:
    """Return what finds the event again."""
    return f"mail-{email:x}-{kind}"
