"""The page on which an invitation is answered: plain HTML, nobody signs in, no script.

To look at it changes nothing: a score in the address is only chosen beforehand. The vote is the
form's POST, and programs that press every button of a mail's links do not get through.
"""

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from contacts.mail.links import SAMPLE
from growth.api.public import limited, page
from growth.errors import Conflict, Gone, Invalid
from surveys.models import Invitation, Survey
from surveys.models.questions import MAX_TEXT, Question, scores_of
from surveys.models.scales import ENDS
from surveys.operations.answering import MAX_COMMENT, read_answer, respond
from surveys.operations.invited import (
    ANSWERED,
    CLOSED,
    SAMPLE_SURVEY,
    answered_on,
    asks_comment,
    closure_of,
    find_invitation,
    is_pressed,
    must_comment,
    press_for,
    said_before,
)
from surveys.signing import UnknownToken

_STATUS = {CLOSED: 410, ANSWERED: 409}


@csrf_exempt  # The token is the permission.
@require_http_methods(["GET", "HEAD", "POST"])
@limited
def answer_page(request: HttpRequest, token: str) -> HttpResponse:
    """Ask what the survey asks, and by POST keep what the invited contact answers."""
    if token == SAMPLE:
        return _form(SAMPLE_SURVEY, _said_by_address(request), is_sample=True)
    invitation = _invitation(token)
    if state := closure_of(invitation, at=now()):
        return _closed(request, invitation, state)
    if request.method != "POST":
        said = said_before(invitation) | _said_by_address(request)
        return _form(invitation.survey, said, press=_press(request, invitation))
    said = _said(invitation.survey, request.POST)
    if not _is_pressed(request, invitation):
        press = _press(request, invitation)
        return _form(invitation.survey, said, press=press, is_early=True)
    return _keep(request, invitation, said)


def _keep(request: HttpRequest, invitation: Invitation, said: dict[str, Any]) -> HttpResponse:
    survey = invitation.survey
    try:
        answer = read_answer(survey, said)
        respond(survey, invitation.contact, answer, at=now(), invitation=invitation)
    except Invalid as refusal:
        press = _press(request, invitation)
        wrong = {each.field for each in refusal.violations}
        return _form(survey, said, press=press, wrong=wrong, status=422)
    except Conflict:
        return _closed(request, invitation, ANSWERED)
    except Gone:
        return _closed(request, invitation, CLOSED)
    return _page("thanks", survey=survey)


def _closed(request: HttpRequest, invitation: Invitation, state: str) -> HttpResponse:
    """Say why nothing is taken any more, and that what was just sent is lost."""
    about = {"was_sent": request.method == "POST", "answered_on": answered_on(invitation)}
    return _page(state, survey=invitation.survey, status=_STATUS[state], **about)


def _invitation(token: str) -> Invitation:
    try:
        return find_invitation(token)
    except UnknownToken:
        raise Http404 from None


def _said_by_address(request: HttpRequest) -> dict[str, Any]:
    """Return the score that the link in the mail names."""
    score = _whole(request.GET.get("score", ""))
    return {} if score is None else {"score": score}


def _said(survey: Survey, form: Any) -> dict[str, Any]:
    """Return what the form says, as the API would say it."""
    said: dict[str, Any] = {
        "comment": _text(form.get("comment", "")),
        "answers": {each["id"]: _value(each, form) for each in survey.questions or ()},
    }
    return said | ({"score": _whole(form.get("score", ""))} if survey.scale else {})


def _value(question: Question, form: Any) -> Any:
    name = f"q_{question['id']}"
    if question["type"] == "multi":
        return [_text(each) for each in form.getlist(name)]
    text = _text(form.get(name, ""))
    if question["type"] == "boolean":
        return {"yes": True, "no": False}.get(text, text)
    number = _whole(text) if scores_of(question) else None
    return text if number is None else number


def _text(text: str) -> str:
    return text.replace("\0", "").strip()


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 2 else None


def _form(
    survey: Survey,
    said: Mapping[str, Any],
    *,
    status: int = 200,
    wrong: set[str] = frozenset(),
    **context: Any,
) -> HttpResponse:
    low, high = ENDS.get(survey.type, ("", ""))
    shown = {
        "low": low,
        "high": high,
        "scores": survey.scale,
        "said": said,
        "fields": [_field(each, said, wrong) for each in survey.questions or ()],
        "asks_comment": asks_comment(survey),
        "must_comment": must_comment(survey),
        "longest": MAX_COMMENT,
        "wrong": wrong,
    }
    return _page("form", survey=survey, status=status, **shown, **context)


def _field(question: Question, said: Mapping[str, Any], wrong: set[str]) -> dict[str, Any]:
    """Return the question as the page shows it."""
    value = (said.get("answers") or {}).get(question["id"])
    kind = question["type"]
    options = {"boolean": [("yes", "Yes"), ("no", "No")]}.get(kind)
    if options is None:
        options = [(each, each) for each in question.get("choices") or scores_of(question)]
    chosen = value if isinstance(value, list) else [value]
    if isinstance(value, bool):
        chosen = ["yes" if value else "no"]
    return {
        "name": f"q_{question['id']}",
        "label": question["label"],
        "is_required": question.get("required", False),
        "is_wrong": f"answers.{question['id']}" in wrong,
        "is_text": kind == "text",
        "is_scale": bool(scores_of(question)),
        "input": "checkbox" if kind == "multi" else "radio",
        "options": [(each, label, each in chosen) for each, label in options],
        "value": value,
        "longest": MAX_TEXT,
    }


def _is_pressed(request: HttpRequest, invitation: Invitation) -> bool:
    press = request.POST.get("press", "")
    return is_pressed(invitation, press, request.method, request.headers, at=now())


def _press(request: HttpRequest, invitation: Invitation) -> str:
    """Return what the page's button needs."""
    return press_for(invitation, request.POST.get("press", ""), at=now())


def _page(state: str, *, survey: Survey, status: int = 200, **context: Any) -> HttpResponse:
    sender = survey.project.name if survey.pk else "us"
    shown = {"state": state, "survey": survey, "sender": sender, **context}
    return page("public/survey.html", shown, status=status)
