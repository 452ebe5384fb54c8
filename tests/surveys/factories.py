"""Surveys, invitations and answers for tests."""

import re
from datetime import datetime, timedelta
from typing import Any

from contacts.mail.claiming import claim
from contacts.mail.outcomes import Outcome
from contacts.mail.recording import Holder, record
from contacts.models import Contact, Email, Event, Fact
from growth.models import Project
from surveys.models import Invitation, Response, Survey
from surveys.operations.answering import Answer, respond
from surveys.operations.sending import send_due
from surveys.operations.surveys import activate, create_survey
from surveys.signing import survey_url
from tests.factories import AT

DAY = timedelta(days=1)

NPS = {
    "name": "Post-Trial NPS",
    "type": "nps",
    "question": "How likely are you to recommend us to a friend or colleague?",
    "follow_up": "What could we do better?",
    "trigger": {"event": "trial_expired", "delay": "1h"},
    "frequency_cap": {"max_surveys_per_contact": 1, "cooldown_days": 90},
    "status": "draft",
}
QUESTIONS = [
    {"id": "size", "type": "single", "label": "How many are you?", "choices": ["1", "2-10"]},
    {"id": "uses", "type": "multi", "label": "What for?", "choices": ["mail", "surveys", "sales"]},
    {"id": "ease", "type": "rating", "label": "How easy was it?", "required": True},
    {"id": "again", "type": "boolean", "label": "Again?"},
    {"id": "why", "type": "text", "label": "Why?"},
]


def make_survey(project: Project, **fields: Any) -> Survey:
    """Return an active survey that asks at once when a trial expires."""
    usual = {
        "name": "NPS",
        "type": Survey.Type.NPS,
        "question": "Would you recommend us?",
        "follow_up": "Why?",
        "trigger": {"event": "trial_expired"},
    }
    survey = create_survey(project, **usual | fields)
    activate(survey, at=AT - DAY)
    return survey


def make_invitation(survey: Survey, contact: Contact, **fields: Any) -> Invitation:
    """Return an invitation that was sent."""
    usual = {
        "state": Invitation.State.SENT,
        "created_at": AT,
        "asked_at": AT,
        "sent_at": AT,
        "entry": Invitation.objects.filter(survey=survey, contact=contact).count(),
    }
    return Invitation.objects.create(
        project=survey.project, survey=survey, contact=contact, **usual | fields
    )


def page_of(invitation: Invitation) -> str:
    """Return the path of the page on which the invitation is answered."""
    return re.sub("^https?://[^/]+", "", survey_url(invitation.project_key, invitation.pk))


def answer(survey: Survey, contact: Contact, score: int | None = None, **fields: Any) -> Response:
    """Let the contact answer."""
    at = fields.pop("at", AT)
    return respond(survey, contact, Answer(score, **fields), at=at)[0]


def happen(contact: Contact, name: str = "trial_expired", at: datetime = AT, **properties: Any):
    """Let the contact do something; the relay has to tell it."""
    Event.objects.record(contact.project, [Fact(contact.key, name, properties)], at=at)


def send(at: datetime = AT) -> None:
    """Queue the mail of all invitations that are due."""
    while send_due(at=at):
        pass


def deliver(project: Project, at: datetime = AT) -> None:
    """Let a mail server take all mail that is due."""
    held = claim(at=at, limit=1000)
    made = [Outcome(mail, Email.State.SENT) for mail in held.mails]
    record(made, Holder({project.key: project}, held.until, at))


def states() -> list[str]:
    """Return what became of the invitations, in their order."""
    rows = Invitation.objects.order_by("pk").values_list("state", "reason")
    return [f"{state} {reason}".strip() for state, reason in rows]
