"""Answers, by whatever door they come: checked, kept once, and told to the system."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from contacts.models import Contact, Event, Fact
from contacts.models.contact import wire_time
from growth import outbox
from growth.errors import Conflict, Gone, Invalid, Violation
from growth.models import DomainEventType
from growth.transactions import RaceLost, atomic_with_retries
from surveys.models import Invitation, Response, Survey
from surveys.models.questions import answer_violations, given
from surveys.models.scales import category

EDITABLE_FOR = timedelta(hours=24)
VALID_FOR = timedelta(days=30)
"""How long an invitation can be answered."""

MAX_COMMENT = 10_000
SURVEY_RESPONDED = "$survey_responded"

_COMMENTS = ("comment", "follow_up", "text")
"""What clients call a comment when they send it among the answers."""


@dataclass(frozen=True)
class Answer:
    """What somebody says to a survey."""

    score: int | None = None
    comment: str = ""
    answers: dict[str, Any] = field(default_factory=dict)


def read_answer(survey: Survey, said: Mapping[str, Any]) -> Answer:
    """Return what ``score``, ``comment`` and ``answers`` say, which may be anything.

    :raises Invalid: with all that is wrong with them.
    """
    said = _comment_moved(survey, said)
    if violations := list(_violations(survey, said)):
        raise Invalid(*violations)
    comment, score = said.get("comment") or "", said.get("score")
    answers = given(survey.questions or [], said.get("answers") or {})
    return Answer(score, comment.strip(), answers)


@atomic_with_retries
def respond(
    survey: Survey,
    contact: Contact,
    answer: Answer,
    *,
    at: datetime,
    invitation: Invitation | None = None,
    hops: int = 0,
) -> tuple[Response, bool]:
    """Keep the answer, and tell whether it is a new one: within a day it edits the last one.

    Safe at the same time as itself: whoever answers holds the contact.

    :raises Conflict: if the contact has answered, and may not again.
    :raises Gone: if the contact was deleted.
    """
    person = _held(contact)
    earlier = _earlier(survey, person, invitation)
    if earlier and at - earlier.responded_at < EDITABLE_FOR:
        _edit(earlier, answer, person, at)
        return earlier, False
    if invitation is not None and earlier:
        raise Conflict("This invitation was answered; an answer can be changed for 24 hours.")
    if invitation is None:
        invitation = _open_invitation(survey, person, at)
        if invitation is None and earlier:
            _require_turn(survey, person, earlier, at)
    return _keep(survey, person, answer, invitation, at, hops), True


def _comment_moved(survey: Survey, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was said, with a comment that came among the answers in its own place."""
    answers = said.get("answers")
    if survey.questions or not isinstance(answers, dict):
        return dict(said)
    named = [name for name in _COMMENTS if answers.get(name)]
    if not named or said.get("comment"):
        return dict(said)
    rest = {name: value for name, value in answers.items() if name not in _COMMENTS}
    return {**said, "comment": answers[named[0]], "answers": rest}


def _violations(survey: Survey, said: Mapping[str, Any]) -> Iterator[Violation]:
    yield from _score_violations(survey, said.get("score"))
    comment, answers = said.get("comment"), said.get("answers")
    if comment is not None and not (isinstance(comment, str) and len(comment) <= MAX_COMMENT):
        message = f"Send a text of at most {MAX_COMMENT} characters."
        yield Violation("comment", "invalid", message)
    elif survey.scale is None and not survey.questions and not (comment or "").strip():
        yield Violation("comment", "required", "Send the answer as comment.")
    if answers is not None and not isinstance(answers, dict):
        yield Violation("answers", "invalid", "Send a JSON object, by the ids of the questions.")
    else:
        yield from answer_violations(survey.questions or [], answers or {})


def _score_violations(survey: Survey, score: Any) -> Iterator[Violation]:
    if survey.scale is None:
        if score is not None:
            yield Violation("score", "not_scored", "A custom survey has no score; send answers.")
        return
    is_whole = isinstance(score, int) and not isinstance(score, bool)
    if not is_whole or score not in survey.scale:
        message = f"Send a whole number from {survey.scale[0]} to {survey.scale[-1]}."
        yield Violation("score", "required" if score is None else "out_of_range", message)


def _held(contact: Contact) -> Contact:
    """Return who the contact is by now, locked until the answer is kept."""
    person = contact
    while person.merged_into_id:
        person = Contact.objects.select_related("project").get(pk=person.merged_into_id)
    person.lock()
    if person.merged_into_id:
        raise RaceLost
    if person.deleted_at:
        raise Gone("This contact was deleted.")
    return person


def _earlier(survey: Survey, person: Contact, invitation: Invitation | None) -> Response | None:
    """Return the answer that this one would edit: the invitation's own, or the last one."""
    answers = Response.objects.filter(project=survey.project_id, survey=survey)
    if invitation is not None:
        return answers.filter(invitation=invitation).first()
    return answers.filter(contact=person).order_by("-responded_at", "-pk").first()


def _open_invitation(survey: Survey, person: Contact, at: datetime) -> Invitation | None:
    """Return the last invitation that the contact got and did not answer."""
    asked = Invitation.objects.filter(
        project=survey.project_id,
        survey=survey,
        contact=person,
        asked_at__gt=at - VALID_FOR,
        answered_at=None,
    )
    return asked.order_by("-entry").first()


def _require_turn(survey: Survey, person: Contact, earlier: Response, at: datetime) -> None:
    """Refuse a new answer where the frequency cap would refuse to ask for one.

    :raises Conflict: if it does.
    """
    own = Response.objects.filter(project=survey.project_id, survey=survey, contact=person)
    if survey.most is not None and own.count() >= survey.most:
        raise Conflict("This contact has answered; an answer can be changed for 24 hours.")
    if earlier.responded_at > at - max(survey.cooldown, EDITABLE_FOR):
        raise Conflict("This contact has answered lately; see cooldown_days of the survey.")


def _keep(
    survey: Survey,
    person: Contact,
    answer: Answer,
    invitation: Invitation | None,
    at: datetime,
    hops: int,
) -> Response:
    response = Response(
        project=survey.project,
        survey=survey,
        contact=person,
        invitation=invitation,
        responded_at=at,
    )
    _fill(response, answer)
    response.save()
    if invitation is not None:
        invitation.answered_at = at
        invitation.save(update_fields=["answered_at"])
    _describe(person, survey, answer, at)
    about = {"survey_id": survey.id, "survey_type": survey.type}
    told = {"response_id": response.id, **_told(response)}
    fact = Fact(person.key, SURVEY_RESPONDED, about | told)
    Event.objects.record(survey.project, [fact], at=at, hops=hops)
    data = {"survey_id": survey.id, "survey_name": survey.name, **response.as_dict()}
    news = outbox.News(DomainEventType.SURVEY_RESPONSE_CREATED, data, subject=person.key)
    outbox.emit(survey.project, news, at=at, hops=hops)
    return response


def _edit(response: Response, answer: Answer, person: Contact, at: datetime) -> None:
    """Change the answer. It was told when it was new: whoever counts it counts it once."""
    _fill(response, answer)
    response.edited_at = at
    response.save(update_fields=["score", "comment", "answers", "category", "edited_at"])
    _describe(person, response.survey, answer, at)


def _fill(response: Response, answer: Answer) -> None:
    response.score, response.comment = answer.score, answer.comment
    response.answers = answer.answers
    response.category = category(response.survey.type, answer.score)


def _told(response: Response) -> dict[str, Any]:
    """Return what segments and campaigns may look at."""
    shown = {
        "score": response.score,
        "category": response.category or None,
        "comment": response.comment or None,
        "answers": response.answers or None,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _describe(person: Contact, survey: Survey, answer: Answer, at: datetime) -> None:
    """Let the traits of the contact tell of its last answer, if it has room for them."""
    traits: dict[str, Any] = {"last_survey_at": wire_time(at)}
    if answer.score is not None:
        traits[f"last_{survey.type}_score"] = answer.score
    try:
        with transaction.atomic():
            person.revise(traits=traits, at=at)
    except Invalid:  # The contact is full; its answer counts all the same.
        return
