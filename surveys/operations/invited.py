"""Who comes by the link of an invitation: whether they may answer, and what they have said.

To look changes nothing. A vote must come some seconds after the question was shown: programs that
press every button of what a mail leads to do not get through.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from contacts.mail import presses
from contacts.mail.machines import is_machine
from surveys.models import Invitation, Response, Survey
from surveys.operations.answering import EDITABLE_FOR, VALID_FOR
from surveys.signing import UnknownToken, read_token

SAMPLE_SURVEY = Survey(
    name="Sample",
    type=Survey.Type.NPS,
    question="How likely are you to recommend us to a friend or colleague?",
    follow_up="What could we do better?",
)
"""What the link of a mail that was sent for a look leads to; nothing of it is kept."""

ANSWERED, CLOSED = "answered", "closed"


def find_invitation(token: str) -> Invitation:
    """Return the invitation that the token names.

    :raises UnknownToken: if it names none.
    """
    project, key = read_token(token)
    found = Invitation.objects.select_related("survey__project", "contact__project")
    invitation = found.filter(project=project, pk=key).first()
    if invitation is None:
        raise UnknownToken("This invitation is not kept any more.")
    return invitation


def closure_of(invitation: Invitation, *, at: datetime) -> str:
    """Return why the invitation cannot be answered any more; empty if it can."""
    answer = _answer_to(invitation)
    if answer:
        return ANSWERED if at - answer.responded_at >= EDITABLE_FOR else ""
    is_over = invitation.asked_at is None or at - invitation.asked_at > VALID_FOR
    return CLOSED if is_over or invitation.survey.deleted_at else ""


def said_before(invitation: Invitation) -> dict[str, Any]:
    """Return what an answer that may still be changed says."""
    answer = _answer_to(invitation)
    if answer is None:
        return {}
    return {"score": answer.score, "comment": answer.comment, "answers": answer.answers}


def answered_on(invitation: Invitation) -> date | None:
    """Return the day of the answer, in the zone of the project; None without an answer."""
    answer = _answer_to(invitation)
    zone = invitation.survey.project.zone
    return answer.responded_at.astimezone(zone).date() if answer else None


def asks_comment(survey: Survey) -> bool:
    """Tell whether the survey is answered in words, too."""
    return bool(survey.follow_up) or must_comment(survey)


def must_comment(survey: Survey) -> bool:
    """Tell whether words are all that answers the survey."""
    return not (survey.scale or survey.questions)


def press_for(invitation: Invitation, given: str, *, at: datetime) -> str:
    """Return what the vote must bear; what was shown before goes on to ripen."""
    is_young = presses.is_known(given, _subject(invitation), at=at)
    return given if is_young else presses.issue(_subject(invitation), at=at)


def is_pressed(
    invitation: Invitation, press: str, method: str, headers: Mapping[str, str], *, at: datetime
) -> bool:
    """Tell whether a person can have made the request that votes."""
    if is_machine(method, headers):
        return False
    return presses.is_by_person(press, _subject(invitation), at=at)


def _answer_to(invitation: Invitation) -> Response | None:
    return Response.objects.filter(project=invitation.project_id, invitation=invitation).first()


def _subject(invitation: Invitation) -> str:
    return f"survey-{invitation.pk}"
