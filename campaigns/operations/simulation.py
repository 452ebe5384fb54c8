"""The test clock: a campaign is played for some contacts over days, and nothing of it stays.

A copy of the campaign, with a mail stream of its own, is made in a transaction that is rolled back.
The functions that do the real work enroll, take steps and claim mail of the copy, with the moments
passed down as ``at``; only the mail server is left out. No row that others need is locked, nothing
is announced, and no worker ever sees the mail.

What contacts may do in these days is not known: nobody reaches a goal, unsubscribes, or moves
between segments.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import orjson
from django.db import transaction
from django.db.models import Min, Model

from campaigns.models import Campaign, Enrollment, Step
from campaigns.operations.campaigns import unknown_templates
from campaigns.operations.enrolling import SEGMENT_ENTERED, begin_journeys
from campaigns.operations.journeys import decisions, take_steps_of
from campaigns.standings import explain_mail, explained, standing
from contacts.mail.claiming import claim
from contacts.mail.queueing import Recipient, queue_recipients
from contacts.models import Contact, Email, MailStream, Membership
from contacts.queries import members
from contacts.rule_sql import Sql, sql

MAX_SAMPLE = 100
MAX_MOMENTS = 1000

_HAPPENED = """
    SELECT NULL::bigint AS id, contact_id, {}::text AS name, {}::jsonb AS properties,
           {}::timestamptz AS timestamp
      FROM unnest({}::bigint[]) contact_id
"""

Row = TypeVar("Row", bound=Model)


def chosen(
    campaign: Campaign, contact: Contact | None, sample: int, *, at: datetime
) -> list[Contact]:
    """Return the contact, or so many who are in the segment of the campaign; the newest of the
    project where it has none.
    """
    if contact:
        return [contact]
    if campaign.segment:
        return list(members(campaign.segment, at=at).order_by("id")[:sample])
    return list(Contact.objects.in_project(campaign.project).alive().order_by("-id")[:sample])


def simulate(
    campaign: Campaign,
    contacts: Sequence[Contact],
    *,
    at: datetime,
    days: int,
    properties: dict[str, Any],
) -> dict[str, Any]:
    """Return what the campaign would send these contacts in these days, when, and what it would
    suppress and why.

    At the start, its trigger happens to each of them, with these properties; a broadcast is
    activated. Whoever is on a journey already goes on with it.
    """
    with transaction.atomic():
        play = _Play(campaign, contacts, at=at, until=at + timedelta(days=days))
        play.run(properties)
        told = play.told()
        transaction.set_rollback(True)
    return told


class _Play:
    """One campaign, copied, and its contacts, until an end."""

    def __init__(
        self, campaign: Campaign, contacts: Sequence[Contact], *, at: datetime, until: datetime
    ) -> None:
        self._real, self._contacts, self._at, self._until = campaign, contacts, at, until
        self._copy = _copy_of(campaign, at)
        self._steps = {
            step.id: _inserted(Step.objects.get(pk=step.pk), campaign=self._copy)
            for step in campaign.steps.order_by("position")
        }
        self._real_ids = {copy.id: id for id, copy in self._steps.items()}
        self._left_out: dict[str, str] = {}

    def run(self, properties: dict[str, Any]) -> None:
        """Begin, and go from one moment at which something is due to the next."""
        if self._copy.type == Campaign.Type.BROADCAST:
            moment = self._begin_broadcast()
        else:
            moment = self._begin_journeys(properties)
        for _ in range(MAX_MOMENTS):
            if moment is None or moment > self._until:
                return
            while self._take_steps(moment) + self._send(moment):
                pass
            following = self._next_moment()
            moment = following and max(following, moment + timedelta(seconds=1))

    def told(self) -> dict[str, Any]:
        """Return what happened."""
        mails = Email.objects.filter(project=self._copy.project_id, stream=self._copy.stream)
        shown = [self._shown(mail) for mail in mails.order_by("id")]
        shown.sort(key=lambda mail: mail["at"])
        standings = [self._standing(contact) for contact in self._contacts]
        counts = Counter(mail["status"] for mail in shown)
        return {
            "campaign_id": self._real.id,
            "from": self._at,
            "to": self._until,
            "totals": {
                "contacts": len(self._contacts),
                "sent": counts[Email.State.SENT],
                "suppressed": counts[Email.State.SUPPRESSED],
                "left_out": len(self._left_out),
            },
            "data": shown,
            "contacts": standings,
            "warnings": [
                f"There is no template {code}; its mails would fail."
                for code in unknown_templates(self._real)
            ],
        }

    def _begin_broadcast(self) -> datetime | None:
        step = self._copy.steps.order_by("position").first()
        starts_at = max(self._at, self._copy.scheduled_at or self._at)
        inside = self._members()
        self._left_out = {c.id: "not_in_segment" for c in self._contacts if c.id not in inside}
        if step is None or starts_at > self._until:
            return None
        invited = [Recipient(contact.key) for contact in self._contacts if contact.id in inside]
        queue_recipients(self._copy.stream, step.mailing(), invited, at=starts_at)
        return starts_at

    def _begin_journeys(self, properties: dict[str, Any]) -> datetime:
        known = self._copy_journeys()
        begin_journeys(self._copy, self._happened(properties), at=self._at)
        journeys = Enrollment.objects.filter(project=self._copy.project_id, campaign=self._copy)
        going = journeys.filter(state=Enrollment.State.ACTIVE).values_list("contact", flat=True)
        inside, going = self._members(), set(going)
        needs_member = self._copy.trigger_event and self._copy.segment_id
        for contact in self._contacts:
            if contact.id in going:
                continue
            is_outside = needs_member and contact.id not in inside
            missed = "not_in_segment" if is_outside else "filtered"
            self._left_out[contact.id] = "already_enrolled" if contact.id in known else missed
        return self._at

    def _copy_journeys(self) -> set[str]:
        """Let contacts who had journeys, or are on one, stand in the copy where they stand."""
        journeys = list(
            Enrollment.objects.filter(
                project=self._real.project_id, campaign=self._real, contact__in=self._contacts
            )
        )
        decided = decisions(self._real, journeys)
        keys = {Step(pk=id).key: copy.key for id, copy in self._steps.items()}
        for journey in journeys:
            place = (journey.contact_id, journey.entry, journey.step_key)
            last = self._steps.get(journey.step_key)
            _inserted(
                journey,
                campaign=self._copy,
                done=[keys[key] for key in journey.done if key in keys],
                step_key=last.id if last else "",
                stepped_at=decided.get(place) or journey.stepped_at,
                due_at=journey.due_at and max(journey.due_at, self._at),
            )
        return {journey.contact_id for journey in journeys}

    def _happened(self, properties: dict[str, Any]) -> Sql:
        name = self._copy.trigger_event or SEGMENT_ENTERED
        if not self._copy.trigger_event:
            properties = {**properties, "segment_id": self._copy.segment_id}
        written = orjson.dumps(properties).decode()
        return sql(_HAPPENED, name, written, self._at, [each.key for each in self._contacts])

    def _members(self) -> set[str]:
        inside = Membership.objects.filter(
            project=self._copy.project_id,
            segment=self._copy.segment_id,
            contact__in=self._contacts,
        )
        return set(inside.values_list("contact", flat=True)) if self._copy.segment_id else set()

    def _take_steps(self, at: datetime) -> int:
        due = Enrollment.objects.due(at).filter(project=self._copy.project_id, campaign=self._copy)
        return take_steps_of(due, at=at)

    def _send(self, at: datetime) -> int:
        """Let the mail server take what is due, as if it were there."""
        taken = claim(at=at, limit=MAX_SAMPLE, stream=self._copy.stream.pk)
        keys = [mail.key for mail in taken.mails]
        Email.objects.filter(pk__in=keys).update(state=Email.State.SENT, decided_at=at)
        return taken.taken

    def _next_moment(self) -> datetime | None:
        project = self._copy.project_id
        journeys = Enrollment.objects.filter(project=project, campaign=self._copy)
        mails = Email.objects.filter(project=project, stream=self._copy.stream).waiting()
        moments = [rows.aggregate(next=Min("due_at"))["next"] for rows in (journeys, mails)]
        return min((moment for moment in moments if moment), default=None)

    def _shown(self, mail: Email) -> dict[str, Any]:
        return {
            "at": mail.decided_at or mail.due_at,
            "contact_id": mail.contact_id,
            "email": mail.address or None,
            "step_id": self._real_ids[mail.step_key],
            "template_id": mail.template_code,
            "subject": mail.subject or None,
            "entry": mail.entry,
            "status": mail.state,
            "reason": mail.reason or None,
            "explanation": explain_mail(mail, self._copy),
        }

    def _standing(self, contact: Contact) -> dict[str, Any]:
        if contact.id in self._left_out:
            return explained(contact, "left_out", self._left_out[contact.id])
        stands = standing(self._copy, contact)
        if "next_step_id" in stands:
            stands["next_step_id"] = self._real_ids.get(stands["next_step_id"])
        return stands


def _copy_of(campaign: Campaign, at: datetime) -> Campaign:
    real = campaign.stream
    stream = MailStream.objects.create(
        project=campaign.project,
        kind=real.kind,
        name=real.name,
        context=real.context,
        topic=real.topic,
    )
    return _inserted(
        Campaign.objects.select_related("project", "segment").get(pk=campaign.pk),
        stream=stream,
        status=Campaign.Status.ACTIVE,
        activated_at=at,
        started_at=None,
    )


def _inserted(row: Row, **changes: Any) -> Row:
    """Store the row again, as a new one with these changes."""
    row.pk = None
    row._state.adding = True
    for name, value in changes.items():
        setattr(row, name, value)
    row.save(force_insert=True)
    return row
