"""The births of surveys, and what their authors do to them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import transaction

from contacts.mail.linting import has_way_out
from contacts.mail.liquid import TemplateError
from contacts.mail.queueing import withdraw_stream
from contacts.mail.samples import send_test_mail
from contacts.mail.templates import find_template
from contacts.mail.variables import mentions
from contacts.models import MailStream, Template
from growth.errors import Invalid, Violation
from growth.models import Project
from growth.transactions import atomic_with_retries
from surveys.models import Invitation, Survey

KIND = "survey"
"""The kind of the mail streams of surveys."""
LINK = "survey"
"""What a template calls the page of an invitation, as ``links.survey``."""


@transaction.atomic
def create_survey(project: Project, **fields: Any) -> Survey:
    """Make a survey in draft, with the mail stream that it invites on."""
    stream = MailStream.objects.create(project=project, kind=KIND, name=fields["name"])
    survey = Survey.objects.create(project=project, stream=stream, **fields)
    _name_stream(survey)
    return survey


@atomic_with_retries
def revise_survey(survey: Survey, **fields: Any) -> None:
    """Change the survey's fields. Whoever waits already keeps its time.

    :raises Invalid: if it is active, and could not have been activated like this.
    """
    survey.lock()
    for name, value in fields.items():
        setattr(survey, name, value)
    survey.save()
    _name_stream(survey)
    if survey.status == Survey.Status.ACTIVE and "template_code" in fields:
        _require_template(survey)


def activate(survey: Survey, *, at: datetime) -> None:
    """Begin to invite, if there is a mail to invite with.

    :raises Invalid: if the template is not there, or nobody could unsubscribe from it.
    """
    _require_template(survey)
    survey.activate(at=at)


@atomic_with_retries
def remove_survey(survey: Survey, *, at: datetime) -> None:
    """Hide the survey and invite nobody any more. Its answers stay with their contacts."""
    survey.lock()
    if survey.deleted_at:
        return
    survey.deleted_at, survey.status, survey.segment = at, Survey.Status.PAUSED, None
    survey.save()
    survey.stream.pause(at=at)
    reason = Invitation.Skip.SURVEY_DELETED
    waiting = Invitation.objects.filter(project=survey.project_id, survey=survey)
    waiting.filter(state=Invitation.State.WAITING).update(
        state=Invitation.State.SKIPPED, reason=reason, due_at=None
    )
    withdraw_stream(survey.stream, reason, at=at)


def advice_on(survey: Survey) -> list[str]:
    """Return a sentence about each likely mistake."""
    return list(_advice(survey, find_template(survey.project, survey.template_code)))


def send_test(survey: Survey, *, email: str, at: datetime) -> None:
    """Send the invitation to an address of the team; no statistic knows of it.

    :raises Invalid: if its template is not there.
    """
    send_test_mail(
        survey.stream, template_code=survey.template_code, subject="", address=email, at=at
    )


def _name_stream(survey: Survey) -> None:
    """Let the survey's mails speak of it."""
    survey.stream.name = survey.name
    survey.stream.context = {
        "survey": {
            "id": survey.id,
            "name": survey.name,
            "type": survey.type,
            "question": survey.question,
            "follow_up": survey.follow_up,
            "scale": list(survey.scale or ()),
        }
    }
    survey.stream.save(update_fields=["name", "context"])


def _require_template(survey: Survey) -> None:
    """Refuse a survey that cannot invite.

    :raises Invalid: saying what is wrong with its template.
    """
    template = find_template(survey.project, survey.template_code)
    if violations := list(_faults(survey, template)):
        raise Invalid(*violations)


def _faults(survey: Survey, template: Template | None) -> Iterator[Violation]:
    field = "template_id"
    if template is None:
        message = f"There is no template {survey.template_code}; make it before you activate."
        yield Violation(field, "unknown", message)
        return
    try:
        if not has_way_out(template):
            message = "It has no unsubscribe link; add one to {{ links.unsubscribe }}."
            yield Violation(field, "no_unsubscribe_link", message)
    except TemplateError as error:
        yield Violation(field, "invalid_template", str(error))


def _advice(survey: Survey, template: Template | None) -> Iterator[str]:
    if not survey.has_trigger:
        yield "trigger: Without one nobody is invited; answers come by the API alone."
    if template is None:
        yield f"template_id: There is no template {survey.template_code} yet; make it first."
    elif not _leads_to_survey(template):
        yield "template_id: Its mail has no link to the survey; add one to {{ links.survey }}."


def _leads_to_survey(template: Template) -> bool:
    try:
        return mentions(
            template.html or template.text, ("links", LINK), is_html=bool(template.html)
        )
    except TemplateError:
        return False
