"""``/v1/topics``, and what is said of them."""

import re
from typing import Any

import orjson
from django.utils.timezone import now
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.models import Consent, Topic
from contacts.operations.consents import Stance, make_topic, remove_topic, revise_topic
from growth.api.fields import JSONObject, StrictSerializer, Text
from growth.api.viewsets import ProjectViewSet

MAX_EVIDENCE = 16 * 1024
MAX_TOPICS = 100

_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def is_topic_code(text: str) -> bool:
    """Tell whether a topic can have this code."""
    return bool(_CODE.fullmatch(text))


class TopicSerializer(StrictSerializer):
    """A topic, as it is shown and revised."""

    id = serializers.CharField(read_only=True)
    code = serializers.CharField(read_only=True)
    name = Text(max_length=200)
    opt_in = serializers.ChoiceField(Topic.OptIn.choices, required=False)
    created_at = serializers.DateTimeField(read_only=True)


class NewTopicSerializer(TopicSerializer):
    """A topic that is to be made; without a name it bears its code."""

    code = Text(trim_whitespace=False)
    name = Text(max_length=200, required=False)
    opt_in = serializers.ChoiceField(Topic.OptIn.choices, default=Topic.OptIn.NONE)

    def validate_code(self, code: str) -> str:
        if not is_topic_code(code):
            message = "Write 1 to 64 small letters, digits, hyphens and underscores."
            raise serializers.ValidationError(message)
        return code

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"name": data["code"]} | data


class StanceSerializer(StrictSerializer):
    """What a contact says of a topic."""

    state = serializers.ChoiceField(Consent.State.choices)
    source = Text(max_length=64, required=False)
    evidence = JSONObject(required=False)

    def validate_evidence(self, evidence: dict[str, Any]) -> dict[str, Any]:
        if len(orjson.dumps(evidence)) > MAX_EVIDENCE:
            message = f"Send {MAX_EVIDENCE // 1024} KB of evidence at most."
            raise serializers.ValidationError(message, "too_large")
        return evidence

    def validate(self, data: dict[str, Any]) -> Stance:
        return Stance(**data)


class Stances(serializers.Field):
    """``{topic code: state}``, or a whole stance in the place of the state."""

    def to_internal_value(self, data: Any) -> dict[str, Stance]:
        if not isinstance(data, dict) or len(data) > MAX_TOPICS:
            message = f"Send a JSON object of at most {MAX_TOPICS} topic codes and states."
            raise serializers.ValidationError(message)
        forms = {code: _stance_form(said) for code, said in data.items()}
        wrong = {code: form.errors for code, form in forms.items() if not form.is_valid()}
        if wrong:
            raise serializers.ValidationError(wrong)
        return {code: form.validated_data for code, form in forms.items()}


def _stance_form(said: Any) -> StanceSerializer:
    return StanceSerializer(data=said if isinstance(said, dict) else {"state": said})


def show_stand(topic: Topic, consent: Consent | None) -> dict[str, Any]:
    """Return where a contact stands on the topic; ``allowed`` is whether mail of it may go out."""
    state = consent.state if consent else None
    return {
        "topic": topic.code,
        "topic_id": topic.id,
        "name": topic.name,
        "opt_in": topic.opt_in,
        "state": state,
        "allowed": topic.allows(state),
        "source": consent.source if consent else None,
        "evidence": consent.evidence if consent else None,
        "at": consent.at if consent else None,
    }


class TopicViewSet(ProjectViewSet):
    """What the project's mail is about."""

    resource = "contacts"
    queryset = Topic.objects.all()
    serializer_class = TopicSerializer

    def list(self, request: Request) -> Response:
        page = self.page_of(self.get_queryset())
        return self.paginator.get_paginated_response(self.get_serializer(page, many=True).data)

    def create(self, request: Request) -> Response:
        form = NewTopicSerializer(data=request.data, context=self.get_serializer_context())
        form.is_valid(raise_exception=True)
        topic = make_topic(self.project, **form.validated_data, at=now())
        return self.shown(topic, 201, warnings=form.warnings)

    def retrieve(self, request: Request, pk: str) -> Response:
        return self.shown(self.get_object())

    def partial_update(self, request: Request, pk: str) -> Response:
        topic = self.get_object()
        form = self.checked(instance=topic, partial=True)
        revise_topic(topic, **form.validated_data)
        return self.shown(topic, warnings=form.warnings)

    def destroy(self, request: Request, pk: str) -> Response:
        remove_topic(self.get_object())
        return Response(status=204)
