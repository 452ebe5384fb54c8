"""What surveys do when something happened to contacts, and when others ask about them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.dispatch import receiver

from contacts.mail.claiming import Mail
from contacts.mail.templates import require_unsent
from contacts.models import Absorption, Contact, Merge, Template
from contacts.signals import (
    contact_described,
    contact_erasing,
    contact_merging,
    mail_links_wanted,
    template_removing,
)
from growth import outbox
from growth.errors import DomainError, Invalid
from growth.models import DomainEvent, DomainEventType, Project
from surveys.models import Invitation, Response, Survey
from surveys.models.invitation import progress
from surveys.models.questions import without_words
from surveys.operations.answering import SURVEY_RESPONDED, read_answer, respond
from surveys.operations.inviting import follow_events, forget
from surveys.operations.surveys import KIND, LINK
from surveys.queries import of_contact
from surveys.signing import survey_url


@outbox.listen(DomainEventType.EVENTS_EVALUATED)
def invite_contacts(news: Sequence[DomainEvent], *, at: datetime) -> None:
    """Invite whoever did what a survey waits for, and note whose invitation went out."""
    for hops in sorted({event.hops for event in news}):
        pairs = [pair for event in news if event.hops == hops for pair in event.data["events"]]
        follow_events(news[0].project, pairs, at=at, hops=hops)


@outbox.listen(DomainEventType.EVENT_COMMANDED)
def note_answers(news: Sequence[DomainEvent], *, at: datetime) -> None:
    """Keep the answers that clients tell as events.

    Nobody waits for the reason of a refusal: an answer that does not fit is parked for staff.
    """
    for event in news:
        if event.data["name"] == SURVEY_RESPONDED:
            _note_answer(event)


@outbox.listen(DomainEventType.CONTACT_DELETED)
def forget_contacts(news: Sequence[DomainEvent], *, at: datetime) -> None:
    """Ask contacts who were deleted nothing any more."""
    forget(news[0].project, [event.subject for event in news])


@receiver(contact_described)
def describe_answers(contact: Contact, in_full: bool = False, **_: Any) -> dict[str, Any]:
    """Add what the contact answered, and for an export also what it was asked."""
    return of_contact(contact, in_full=in_full)


@receiver(template_removing)
def keep_template(template: Template, **_: Any) -> None:
    """Let nobody delete what is still sent."""
    require_unsent(
        template, "survey", Survey.objects.filter(deleted_at=None, template_code=template.code)
    )


@receiver(contact_erasing)
def strip_answers(project: Project, contacts: Sequence[int], **_: Any) -> dict[str, int]:
    """Take out what the person wrote and did; scores and choices go on to be counted."""
    forget(project, contacts)
    asked = Invitation.objects.filter(project=project, contact__in=contacts)
    answers = Response.objects.filter(project=project, contact__in=contacts)
    rows = list(answers.select_related("survey").order_by("pk"))
    for each in rows:
        each.comment = ""
        each.answers = without_words(each.survey.questions or [], each.answers)
    Response.objects.bulk_update(rows, ["comment", "answers"], batch_size=500)
    return {
        Invitation._meta.db_table: asked.update(event={}),
        Response._meta.db_table: len(rows),
    }


@receiver(contact_merging)
def move_answers(merge: Merge | Absorption, **_: Any) -> None:
    """Give the survivor all answers, and of two invitations to a survey the one further on."""
    merge.move_entries(Invitation.objects.all(), ("survey",), progress())
    merge.move(Response.objects.all())


@receiver(mail_links_wanted)
def offer_links(
    mails: Sequence[Mail], names: Collection[str], **_: Any
) -> dict[int, dict[str, str]]:
    """Return where the invitations among the mails are answered."""
    if LINK not in names:
        return {}
    return {
        mail.key: {LINK: survey_url(mail.project, mail.context["invitation"])}
        for mail in mails
        if mail.kind == KIND and "invitation" in mail.context
    }


def _note_answer(event: DomainEvent) -> None:
    told = event.data["properties"]
    surveys = Survey.objects.alive().in_project(event.project).filter(pk=told["survey_id"])
    survey = surveys.select_related("project").first()
    contact = Contact.objects.filter(project=event.project, pk=event.subject).first()
    if survey is None:
        raise outbox.Unfit(f"This project has no survey {told['survey_id']}.")
    if contact is None:
        raise outbox.Unfit("The contact who answered is not there any more.")
    try:
        answer = read_answer(survey, told)
        respond(survey, contact, answer, at=event.created_at, hops=event.hops)
    except Invalid as refusal:
        told_wrong = (f"{each.field}: {each.message}" for each in refusal.violations)
        raise outbox.Unfit(" ".join(told_wrong)) from None
    except DomainError as refusal:
        raise outbox.Unfit(refusal.message) from None
