"""``/v1/segments``."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.timezone import now
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.api.contacts import shown
from contacts.listing import NEWEST_FIRST, contact_rows
from contacts.models import Contact, Segment
from contacts.operations.segments import (
    add_members,
    create_segment,
    remove_members,
    remove_segment,
    revise_segment,
)
from contacts.queries import count_members, estimate, explain, members
from contacts.rules import Group, parse
from growth.api.fields import JSONObject, StrictSerializer, Text
from growth.api.json import merge_patch
from growth.api.viewsets import ProjectViewSet, require_spelling
from growth.errors import Invalid

MAX_CONTACTS = 1000


class RuleReader(StrictSerializer):
    """A serializer that reads rules."""

    def parse(self, data: dict[str, Any]) -> Group:
        """Return the rule that the JSON writes.

        :raises ValidationError: naming its first wrong part.
        """
        zone = self.context["request"].auth.project.zone
        try:
            return parse(data, zone=zone, path="")
        except Invalid as refusal:
            raise serializers.ValidationError(
                {
                    wrong.field or "non_field_errors": [
                        serializers.ErrorDetail(wrong.message, wrong.reason)
                    ]
                    for wrong in refusal.violations
                }
            ) from None


class RulesSerializer(RuleReader):
    """Rules alone, as an estimate takes them."""

    rules = JSONObject()

    def validate_rules(self, data: dict[str, Any]) -> Group:
        return self.parse(data)


class EditSerializer(RulesSerializer):
    """Rules, and the segment whose rules they may become."""

    segment_id = Text(max_length=64, allow_null=True, default=None)

    def validate_segment_id(self, sent: str | None) -> Segment | None:
        if sent is None:
            return None
        segments = Segment.objects.in_project(self.context["request"].auth.project)
        segment = segments.select_related("project").filter(pk=sent).first()
        if segment is None:
            message = "There is no such segment in this project."
            raise serializers.ValidationError(message, "unknown_id")
        if not segment.is_dynamic:
            raise serializers.ValidationError("A static segment has no rules.", "invalid")
        return segment


class SegmentSerializer(RuleReader):
    """A segment, as it is shown and revised."""

    id = serializers.CharField(read_only=True)
    name = Text(max_length=200)
    type = serializers.ChoiceField(Segment.Type.choices, read_only=True)
    status = serializers.CharField(read_only=True)
    rules = JSONObject(required=False)
    contact_count = serializers.IntegerField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def validate_rules(self, data: dict[str, Any]) -> dict[str, Any]:
        if self.instance and not self.instance.is_dynamic:
            raise serializers.ValidationError("A static segment has no rules.", "invalid")
        self.parse(merge_patch(self.instance.rules, data) if self.instance else data)
        return data


class NewSegmentSerializer(SegmentSerializer):
    """A segment that is to be made."""

    type = serializers.ChoiceField(Segment.Type.choices, default=Segment.Type.DYNAMIC)
    rules = JSONObject(default=None, allow_null=True)

    def validate_rules(self, data: dict[str, Any] | None) -> dict[str, Any] | None:
        return None if data is None else super().validate_rules(data)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        is_dynamic = data.pop("type") == Segment.Type.DYNAMIC
        has_rules = data["rules"] is not None
        if is_dynamic and not has_rules:
            message = "Send rules, or the type static."
            raise serializers.ValidationError({"rules": [message]}, "required")
        if not is_dynamic and has_rules:
            raise serializers.ValidationError({"rules": ["A static segment has no rules."]})
        return data


class MembersSerializer(StrictSerializer):
    """Contacts by their ids."""

    contact_ids = serializers.ListField(
        child=Text(max_length=64), allow_empty=False, max_length=MAX_CONTACTS
    )

    def validate_contact_ids(self, sent: list[str]) -> list[Contact]:
        project = self.context["request"].auth.project
        found = Contact.objects.in_project(project).alive().in_bulk(sent)
        unknown = [index for index, id in enumerate(sent) if id not in found]
        if unknown:
            message = "There is no such contact in this project."
            error = serializers.ErrorDetail(message, "unknown_id")
            raise serializers.ValidationError({index: [error] for index in unknown})
        return list(found.values())


class SegmentViewSet(ProjectViewSet):
    """The segments of the project."""

    resource = "segments"
    reading_actions = ("estimate", "estimate_rules")
    queryset = Segment.objects.select_related("project")
    serializer_class = SegmentSerializer

    def list(self, request: Request) -> Response:
        page = self._counted(self.page_of(self.get_queryset()))
        return self.paginator.get_paginated_response(self.get_serializer(page, many=True).data)

    def create(self, request: Request) -> Response:
        form = NewSegmentSerializer(data=request.data, context=self.get_serializer_context())
        form.is_valid(raise_exception=True)
        segment = create_segment(self.project, **form.validated_data, at=now())
        return self._shown(segment, form, status=201)

    def retrieve(self, request: Request, pk: str) -> Response:
        return self._shown(self.get_object())

    def partial_update(self, request: Request, pk: str) -> Response:
        segment = self.get_object()
        form = self.checked(instance=segment, partial=True)
        revise_segment(segment, **form.validated_data, at=now())
        return self._shown(segment, form)

    def destroy(self, request: Request, pk: str) -> Response:
        remove_segment(self.get_object())
        return Response(status=204)

    @action(detail=True, methods=["get"])
    def contacts(self, request: Request, pk: str) -> Response:
        fetch = partial(contact_rows, self.project, members(self.get_object(), at=now()))
        page = self.paginator.paginate(fetch, request, NEWEST_FIRST)
        return self.paginator.get_paginated_response([shown(row) for row in page])

    @contacts.mapping.post
    def add_contacts(self, request: Request, pk: str) -> Response:
        segment = self.get_object()
        add_members(segment, self._named_contacts(), at=now())
        return self._shown(segment)

    @contacts.mapping.delete
    def remove_contacts(self, request: Request, pk: str) -> Response:
        segment = self.get_object()
        remove_members(segment, self._named_contacts(), at=now())
        return self._shown(segment)

    @action(detail=True, url_path="contacts/<str:contact_id>")
    def explanation(self, request: Request, pk: str, contact_id: str) -> Response:
        require_spelling(Contact, contact_id)
        contact = get_object_or_404(Contact.objects.in_project(self.project).alive(), pk=contact_id)
        return Response(explain(self.get_object(), contact, at=now()))

    @action(detail=True, methods=["post"])
    def estimate(self, request: Request, pk: str) -> Response:
        segment = self.get_object()
        rule = self._read(RulesSerializer)["rules"] if request.data else None
        compared = segment if rule is None or segment.is_dynamic else None
        return Response(estimate(self.project, rule, segment=compared, at=now()))

    @action(detail=False, methods=["post"], url_path="estimate", url_name="estimate-rules")
    def estimate_rules(self, request: Request) -> Response:
        named = self._read(EditSerializer)
        segment = named["segment_id"]
        return Response(estimate(self.project, named["rules"], segment=segment, at=now()))

    def _named_contacts(self) -> Sequence[Contact]:
        return self._read(MembersSerializer)["contact_ids"]

    def _read(self, serializer: type[StrictSerializer]) -> dict[str, Any]:
        form = serializer(data=self.request.data, context=self.get_serializer_context())
        form.is_valid(raise_exception=True)
        return form.validated_data

    def _counted(self, segments: Sequence[Segment] | QuerySet) -> Sequence[Segment]:
        counts = count_members(segments, at=now())
        for segment in segments:
            segment.contact_count = counts[segment.id]
        return segments

    def _shown(
        self, segment: Segment, form: StrictSerializer | None = None, status: int = 200
    ) -> Response:
        self._counted([segment])
        return self.shown(segment, status, warnings=form.warnings if form else None)
