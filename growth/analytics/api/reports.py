"""``/v1/analytics/funnels`` and ``/v1/analytics/cohorts``: questions that are kept."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils.timezone import now
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from growth.analytics.api.ranges import sent_range
from growth.analytics.grammar import read_cohorts, read_funnel
from growth.analytics.models import Cohort, Funnel, Report
from growth.analytics.queries import Question, answer
from growth.api.fields import Text
from growth.api.json import merge_patch
from growth.api.viewsets import ProjectViewSet
from growth.errors import Invalid

Read = Callable[..., Question]


class ReportSerializer(serializers.Serializer):
    """A question with a name: beside the name, the fields of the question as they were sent."""

    READ_ONLY = ("id", "created_at", "updated_at")
    read: Read

    name = Text(max_length=200)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError({"non_field_errors": ["Send a JSON object."]})
        found: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        try:
            if "name" in data or not self.partial:
                found = super().to_internal_value({k: data[k] for k in ("name",) if k in data})
        except serializers.ValidationError as error:
            errors |= error.detail
        sent = {k: v for k, v in data.items() if k not in ("name", *self.READ_ONLY)}
        stored = self.instance.definition if self.instance else {}
        found["definition"] = merge_patch(stored, sent)
        try:
            self.read(found["definition"], self.context["request"].auth.project, at=now())
        except Invalid as refusal:
            for each in refusal.violations:
                errors.setdefault(each.field, []).append(ErrorDetail(each.message, each.reason))
        if errors:
            raise serializers.ValidationError(errors)
        return found

    def to_representation(self, report: Report) -> dict[str, Any]:
        return {
            "id": report.id,
            "name": report.name,
            **report.definition,
            "created_at": report.created_at,
            "updated_at": report.updated_at,
        }

    @property
    def warnings(self) -> list[str]:
        """Sentences about what was sent and had no effect."""
        return [
            f"{name}: This field is read-only and was ignored."
            for name in self.initial_data
            if name in self.READ_ONLY
        ]


class FunnelSerializer(ReportSerializer):
    """A funnel, as it is shown and revised."""

    read = staticmethod(read_funnel)


class CohortSerializer(ReportSerializer):
    """Cohorts, as they are shown and revised."""

    read = staticmethod(read_cohorts)


class ReportViewSet(ProjectViewSet):
    """Questions of the project that are kept; ``result`` is what their answer is called."""

    resource = "analytics"
    result: str

    def list(self, request: Request) -> Response:
        page = self.page_of(self.get_queryset())
        return self.paginator.get_paginated_response(self.get_serializer(page, many=True).data)

    def create(self, request: Request) -> Response:
        form = self.checked()
        report = self.queryset.model.objects.create(project=self.project, **form.validated_data)
        return self.shown(report, 201, warnings=form.warnings)

    def retrieve(self, request: Request, pk: str) -> Response:
        report, at = self.get_object(), now()
        if request.method != "GET":  # The audit log asks what it was.
            return Response(self.get_serializer(report).data)
        return Response(self._answered(report, sent_range(request), at))

    def partial_update(self, request: Request, pk: str) -> Response:
        report = self.get_object()
        report.lock()
        form = self.checked(instance=report, partial=True)
        for name, value in form.validated_data.items():
            setattr(report, name, value)
        report.save()
        return self.shown(report, warnings=form.warnings)

    def destroy(self, request: Request, pk: str) -> Response:
        self.get_object().delete()
        return Response(status=204)

    def _answered(self, report: Report, span: dict[str, str], at: datetime) -> dict[str, Any]:
        """Return the definition, and its answer in this range."""
        try:
            asked = {**report.definition, **span}
            question = self.serializer_class.read(asked, self.project, at=at)
        except Invalid as refusal:
            if not span:
                raise
            wrong = refusal.violations[0]
            raise ParseError(f"{wrong.field}: {wrong.message}") from None
        told = answer(question, self.project, at=at)
        told[self.result] = told.pop("data")
        told.pop("type")
        return {
            **self.get_serializer(report).data,
            "definition": report.definition,
            "from": question.span.first,
            "to": question.span.last,
            **told,
        }


class FunnelViewSet(ReportViewSet):
    """The funnels of the project."""

    queryset = Funnel.objects.select_related("project")
    serializer_class = FunnelSerializer
    result = "steps"


class CohortViewSet(ReportViewSet):
    """The cohorts of the project."""

    queryset = Cohort.objects.select_related("project")
    serializer_class = CohortSerializer
    result = "cohorts"
