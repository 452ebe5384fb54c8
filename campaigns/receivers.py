"""What campaigns do when something happened to contacts, and their segments know of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import F
from django.dispatch import receiver

from campaigns.models import Campaign, Enrollment
from campaigns.operations.advice import require_way_out
from campaigns.operations.exits import forget, refuse
from campaigns.operations.journeys import follow_events
from contacts.mail.templates import require_unsent
from contacts.models import Absorption, Merge, Template
from contacts.signals import (
    contact_erasing,
    contact_merging,
    template_changing,
    template_removing,
)
from growth import outbox
from growth.models import DomainEvent, DomainEventType, Project


@outbox.listen(DomainEventType.EVENTS_EVALUATED)
def enroll_contacts(news: Sequence[DomainEvent], *, at: datetime) -> None:
    """Enroll whoever did what a campaign waits for, and end the journeys that are over by it."""
    for hops in sorted({event.hops for event in news}):
        pairs = [pair for event in news if event.hops == hops for pair in event.data["events"]]
        follow_events(news[0].project, pairs, at=at, hops=hops)


@outbox.listen(DomainEventType.CONTACT_UPDATED)
def heed_consents(news: Sequence[DomainEvent], *, at: datetime) -> None:
    """End the journeys of contacts who want no mail on the topic of the campaign any more."""
    said = [event.subject for event in news if event.data.get("consents")]
    if said:
        refuse(news[0].project, said, at=at)


@outbox.listen(DomainEventType.CONTACT_DELETED)
def forget_contacts(news: Sequence[DomainEvent], *, at: datetime) -> None:
    """End the journeys of contacts who were deleted."""
    forget(news[0].project, [event.subject for event in news], at=at)


@receiver(template_changing)
def keep_way_out(template: Template, **_: Any) -> None:
    """Let nobody take the unsubscribe link out of mails that go out."""
    require_way_out(template)


@receiver(template_removing)
def keep_template(template: Template, **_: Any) -> None:
    """Let nobody delete what a campaign sends, or goes on to send after a pause."""
    status = Campaign.Status
    require_unsent(
        template,
        "campaign",
        Campaign.objects.filter(
            deleted_at=None,
            status__in=(status.SCHEDULED, status.ACTIVE, status.PAUSED),
            steps__template_code=template.code,
        ),
    )


@receiver(contact_erasing)
def strip_journeys(project: Project, contacts: Sequence[int], **_: Any) -> dict[str, int]:
    """End the journeys; they go on to be counted."""
    journeys = Enrollment.objects.filter(project=project, contact__in=contacts)
    journeys.filter(state=Enrollment.State.ACTIVE).update(
        state=Enrollment.State.EXITED, reason=Enrollment.Exit.DELETED
    )
    return {Enrollment._meta.db_table: journeys.update(event={}, due_at=None)}


@receiver(contact_merging)
def move_journeys(merge: Merge | Absorption, **_: Any) -> None:
    """Let the survivor go on where the one of the two stood who was further."""
    merge.move_entries(Enrollment.objects.all(), ("campaign",), F("position"))
