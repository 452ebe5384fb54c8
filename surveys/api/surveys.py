"""``/v1/surveys``."""

import re
from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.utils.timezone import now
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ErrorDetail, ParseError
from rest_framework.request import Request
from rest_framework.response import Response as Answered

from contacts import rules
from contacts.models import Contact, Segment
from growth import durations
from growth.api.fields import InProject, JSONObject, StrictSerializer, Text, refusal
from growth.api.json import merge_patch
from growth.api.viewsets import ProjectViewSet
from growth.errors import Invalid, Violation
from surveys.models import Response, Survey
from surveys.models.questions import question_violations
from surveys.models.scales import categories
from surveys.operations.answering import read_answer, respond
from surveys.operations.surveys import (
    activate,
    advice_on,
    create_survey,
    remove_survey,
    revise_survey,
    send_test,
)
from surveys.queries import stats

MAX_EVENT_NAME = 256
MOST = 1000
LONGEST_COOLDOWN = 3650

_TEMPLATE_CODE = r"^[a-z][a-z0-9_]{1,63}\Z"
_TRIGGER = ("event", "segment_id", "delay", "where")
_CAP = {"max_surveys_per_contact": (1, MOST), "cooldown_days": (0, LONGEST_COOLDOWN)}
_PLACE = re.compile(r"questions\[(\d+)\]\.?(.*)", re.DOTALL)
_MERGED = ("trigger", "frequency_cap")
_CATEGORIES = [*categories("nps"), *categories("csat")]


class SurveySerializer(StrictSerializer):
    """A survey."""

    id = serializers.CharField(read_only=True)
    name = Text(max_length=200)
    type = serializers.ChoiceField(Survey.Type.choices)
    question = Text(max_length=1000)
    follow_up = Text(max_length=1000, required=False, allow_null=True)
    questions = serializers.JSONField(required=False, allow_null=True)
    trigger = JSONObject(required=False, allow_null=True)
    frequency_cap = JSONObject(required=False, allow_null=True)
    template_id = serializers.RegexField(_TEMPLATE_CODE, source="template_code", required=False)
    status = serializers.ChoiceField(["draft", "active"], required=False)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def validate_questions(self, questions: Any) -> Any:
        if questions is not None and (wrong := list(question_violations(questions))):
            raise _by_place(wrong)
        return questions

    def validate_trigger(self, trigger: dict | None) -> dict | None:
        if trigger is None:
            return None
        wrong = {name: ["There is no such field."] for name in trigger if name not in _TRIGGER}
        event, delay = trigger.get("event"), trigger.get("delay")
        if event is not None and not (isinstance(event, str) and 0 < len(event) <= MAX_EVENT_NAME):
            wrong["event"] = ["Name the event in 1 to 256 characters."]
        if event is None and trigger.get("segment_id") is None:
            wrong["event"] = ["Name the event or the segment_id that asks for the survey."]
        try:
            durations.parse(delay or "0s")
        except ValueError as error:
            wrong["delay"] = [str(error)]
        if wrong:
            raise serializers.ValidationError(wrong)
        if trigger.get("where") is not None:
            self._validate_where(event, trigger["where"])
        return trigger

    def validate_frequency_cap(self, cap: dict | None) -> dict | None:
        wrong = {}
        for name, value in (cap or {}).items():
            least, greatest = _CAP.get(name, (0, 0))
            if name not in _CAP:
                wrong[name] = ["There is no such field."]
            elif value is not None and not _is_whole(value, least, greatest):
                wrong[name] = [f"Send a whole number from {least} to {greatest}."]
        if wrong:
            raise serializers.ValidationError(wrong)
        return cap

    def validate(self, data: dict) -> dict:
        kind = self.instance.type if self.instance else data["type"]
        if data.get("questions") and kind != Survey.Type.CUSTOM:
            message = "Only a custom survey has questions; this one has question and follow_up."
            raise serializers.ValidationError({"questions": [message]})
        if "trigger" in data:
            data["segment"] = self._segment(data["trigger"] or {})
        return data

    def _segment(self, trigger: dict) -> Segment | None:
        if trigger.get("segment_id") is None:
            return None
        field = InProject(queryset=Segment.objects.all())
        field.bind("segment_id", self)
        try:
            return field.run_validation(trigger["segment_id"])
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"trigger.segment_id": error.detail}) from None

    def _validate_where(self, event: str | None, where: Any) -> None:
        if event is None:
            message = "Name the event whose properties it filters, as trigger.event."
            raise serializers.ValidationError({"where": [message]})
        zone = self.context["request"].auth.project.zone
        try:
            rules.parse_where(where, zone=zone, path="trigger.where")
        except Invalid as error:
            raise refusal("trigger", error.violations) from None


class AnswerSerializer(StrictSerializer):
    """What a contact answers, told by the customer's own programs."""

    contact_id = InProject(queryset=Contact.objects.alive(), source="contact")
    score = serializers.JSONField(required=False, allow_null=True)
    comment = Text(required=False, allow_null=True, allow_blank=True)
    answers = JSONObject(required=False, allow_null=True)


class InvitationTestSerializer(StrictSerializer):
    """Where a test goes."""

    email = serializers.EmailField()


class SurveyViewSet(ProjectViewSet):
    """The surveys of the project."""

    resource = "surveys"
    queryset = Survey.objects.alive().select_related("project", "stream", "segment")
    serializer_class = SurveySerializer

    @property
    def is_about_people(self) -> bool:
        """Whether the values of this call are kept out of the audit log."""
        return self.action in ("respond", "test")

    def list(self, request: Request) -> Answered:
        page = self.page_of(self._filtered(self.get_queryset()), "type", "status")
        return self.paginator.get_paginated_response([_shown(survey) for survey in page])

    def retrieve(self, request: Request, pk: str) -> Answered:
        return Answered(_shown(self.get_object()))

    def create(self, request: Request) -> Answered:
        form = self.checked()
        wanted = form.validated_data.pop("status", Survey.Status.DRAFT)
        survey = create_survey(self.project, **form.validated_data)
        if wanted == Survey.Status.ACTIVE:
            activate(survey, at=now())
        return _answer(survey, form.warnings, 201)

    def partial_update(self, request: Request, pk: str) -> Answered:
        survey = self.get_object()
        body = dict(request.data) if isinstance(request.data, dict) else request.data
        for name in _MERGED:
            if isinstance(body, dict) and isinstance(body.get(name), dict):
                body[name] = merge_patch(getattr(survey, name) or {}, body[name])
        form = self.get_serializer(survey, data=body, partial=True)
        for name in ("type", "status"):
            form.fields[name].read_only = True
        form.is_valid(raise_exception=True)
        revise_survey(survey, **form.validated_data)
        return _answer(survey, form.warnings, 200)

    def destroy(self, request: Request, pk: str) -> Answered:
        remove_survey(self.get_object(), at=now())
        return Answered(status=204)

    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: str) -> Answered:
        survey = self.get_object()
        self.refuse_body()
        activate(survey, at=now())
        return _answer(survey, [], 200)

    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Answered:
        survey = self.get_object()
        self.refuse_body()
        survey.pause(at=now())
        return Answered(_shown(survey))

    @action(detail=True, methods=["post"], serializer_class=InvitationTestSerializer)
    def test(self, request: Request, pk: str) -> Answered:
        survey = self.get_object()
        send_test(survey, at=now(), **self.checked().validated_data)
        return Answered({"id": survey.id, "status": "sent"}, 202)

    @action(detail=True)
    def responses(self, request: Request, pk: str) -> Answered:
        survey = self.get_object()
        answers = Response.objects.filter(project=survey.project_id, survey=survey)
        page = self.page_of(self._chosen(answers), "category", "contact_id")
        return self.paginator.get_paginated_response([each.as_dict() for each in page])

    @responses.mapping.post
    def respond(self, request: Request, pk: str) -> Answered:
        survey = self.get_object()
        said = self.checked().validated_data
        answer = read_answer(survey, said)
        response, is_new = respond(survey, said["contact"], answer, at=now())
        return Answered(response.as_dict(), 201 if is_new else 200)

    @action(detail=True)
    def stats(self, request: Request, pk: str) -> Answered:
        survey = self.get_object()
        return Answered({"survey_id": survey.id, **stats(survey), "updated_at": now()})

    def get_serializer_class(self) -> type:
        return AnswerSerializer if self.action == "respond" else self.serializer_class

    def _filtered(self, surveys: QuerySet) -> QuerySet:
        for name, choices in (("type", Survey.Type), ("status", Survey.Status)):
            if value := self.request.query_params.get(name):
                if value not in choices.values:
                    raise ParseError(f"{name}: Send one of {', '.join(choices.values)}.")
                surveys = surveys.filter(**{name: value})
        return surveys

    def _chosen(self, answers: QuerySet) -> QuerySet:
        if category := self.request.query_params.get("category"):
            if category not in _CATEGORIES:
                raise ParseError(f"category: Send one of {', '.join(_CATEGORIES)}.")
            answers = answers.filter(category=category)
        if contact := self.request.query_params.get("contact_id"):
            known = Contact.objects.in_project(self.project).filter(pk=contact)
            if not known.exists():
                raise ParseError("contact_id: There is no such contact in this project.")
            answers = answers.filter(contact=contact)
        return answers


def _answer(survey: Survey, warnings: list[str], status: int) -> Answered:
    warnings = [*warnings, *advice_on(survey)]
    return Answered(_shown(survey) | ({"warnings": warnings} if warnings else {}), status)


def _shown(survey: Survey) -> dict[str, Any]:
    return {
        "id": survey.id,
        "name": survey.name,
        "type": survey.type,
        "status": survey.status,
        "question": survey.question,
        "follow_up": survey.follow_up,
        "questions": survey.questions,
        "trigger": survey.trigger,
        "frequency_cap": survey.frequency_cap,
        "template_id": survey.template_code,
        "created_at": survey.created_at,
        "updated_at": survey.updated_at,
    }


def _by_place(violations: Iterable[Violation]) -> serializers.ValidationError:
    """Return what the serializer raises for violations of ``questions[0].id`` and the like."""
    detail: dict[Any, dict[str, list[ErrorDetail]]] = {}
    for each in violations:
        place = _PLACE.fullmatch(each.field)
        if place is None:
            return refusal("questions", [each])
        inner = detail.setdefault(int(place[1]), {})
        inner.setdefault(place[2] or "non_field_errors", []).append(
            ErrorDetail(each.message, each.reason)
        )
    return serializers.ValidationError(detail)


def _is_whole(value: Any, least: int, greatest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= greatest
