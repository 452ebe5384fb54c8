"""``/v1/public/surveys``: what the browser of somebody invited may do, with a token and no key."""

from typing import Any

from django.utils.timezone import now
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.mail.links import SAMPLE
from growth.api.fields import JSONObject, StrictSerializer, Text
from growth.api.public import TokenView
from growth.errors import Conflict, Gone, Invalid, Violation
from surveys.models import Invitation, Survey
from surveys.models.scales import ENDS
from surveys.operations.answering import EDITABLE_FOR, read_answer, respond
from surveys.operations.invited import (
    ANSWERED,
    CLOSED,
    SAMPLE_SURVEY,
    asks_comment,
    closure_of,
    find_invitation,
    is_pressed,
    must_comment,
    press_for,
    said_before,
)
from surveys.signing import UnknownToken

_CLOSURES: dict[str, type[Exception]] = {ANSWERED: Conflict, CLOSED: Gone}
_SENTENCES = {
    ANSWERED: "You have answered already; an answer can be changed for a day.",
    CLOSED: "This survey is over; answers are not taken any more.",
}


class VoteSerializer(StrictSerializer):
    """What somebody invited answers."""

    token = Text()
    press = Text(required=False, allow_blank=True)
    score = serializers.JSONField(required=False, allow_null=True)
    comment = Text(required=False, allow_null=True, allow_blank=True)
    answers = JSONObject(required=False, allow_null=True)


class _InvitedView(TokenView):
    """What is open to who has the token of an invitation."""

    def invited_by(self, token: str) -> Invitation:
        """Return the invitation of the token, if it can be answered."""
        try:
            invitation = find_invitation(token)
        except UnknownToken:
            message = "Send the token of the link in the invitation, as token."
            raise AuthenticationFailed(message) from None
        if state := closure_of(invitation, at=now()):
            raise _CLOSURES[state](_SENTENCES[state])
        return invitation


class InvitationView(_InvitedView):
    """Shows what the survey asks, and changes nothing."""

    def get(self, request: Request) -> Response:
        token = request.query_params.get("token", "")
        if token == SAMPLE:
            return Response(_shown(SAMPLE_SURVEY, {}, sender="us", press=SAMPLE))
        invitation = self.invited_by(token)
        survey = invitation.survey
        press = press_for(invitation, "", at=now())
        shown = _shown(survey, said_before(invitation), sender=survey.project.name, press=press)
        return Response(shown)


class AnswersView(_InvitedView):
    """Takes the vote; within a day another one changes it."""

    def post(self, request: Request) -> Response:
        form = VoteSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        said = form.validated_data
        if said["token"] == SAMPLE:
            read_answer(SAMPLE_SURVEY, said)
            return Response({"status": SAMPLE, "editable_until": None})
        invitation, at = self.invited_by(said["token"]), now()
        headers = request.headers
        if not is_pressed(invitation, said.get("press") or "", "POST", headers, at=at):
            message = "That was very quick. Please press the button once more."
            raise Invalid(Violation("press", "early", message))
        answer = read_answer(invitation.survey, said)
        kept, is_new = respond(
            invitation.survey, invitation.contact, answer, at=at, invitation=invitation
        )
        until = kept.responded_at + EDITABLE_FOR
        return Response({"status": "kept" if is_new else "changed", "editable_until": until})


def _shown(survey: Survey, said: dict[str, Any], **about: str) -> dict[str, Any]:
    low, high = ENDS.get(survey.type, ("", ""))
    scale = survey.scale and {
        "min": survey.scale[0],
        "max": survey.scale[-1],
        "low": low,
        "high": high,
    }
    return {
        "type": survey.type,
        "question": survey.question,
        "follow_up": survey.follow_up or None,
        "scale": scale or None,
        "questions": survey.questions,
        "asks_comment": asks_comment(survey),
        "must_comment": must_comment(survey),
        "said": said or None,
        **about,
    }
