"""``/v1/campaigns``."""

from typing import Any

from django.db.models import QuerySet
from django.utils.timezone import now
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.models import Campaign
from campaigns.operations.campaigns import (
    activate,
    create_campaign,
    revise_campaign,
    send_test,
    unknown_templates,
)
from campaigns.queries import stats
from contacts.mail.templates import subject_fault
from contacts.models import Email, Segment
from growth import durations
from growth.api.fields import InProject, JSONObject, StrictSerializer, Text
from growth.api.json import merge_patch
from growth.api.viewsets import ProjectViewSet


class Subject(Text):
    """A subject line in Liquid."""

    def __init__(self) -> None:
        super().__init__(required=False, allow_null=True, max_length=500)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if fault := subject_fault(text):
            raise serializers.ValidationError(fault)
        return text


class StepSerializer(StrictSerializer):
    """One mail of a campaign."""

    id = serializers.CharField(required=False)
    delay = Text(required=False)
    subject = Subject()
    template_id = serializers.RegexField(r"^[a-z][a-z0-9_]{1,63}$", source="template_code")

    def validate_delay(self, text: str) -> str:
        try:
            durations.parse(text)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None
        return text


class CampaignSerializer(StrictSerializer):
    """What may be said of a campaign. A broadcast may be written flat, or with one step."""

    id = serializers.CharField(read_only=True)
    name = Text(max_length=200)
    type = serializers.ChoiceField(Campaign.Type.choices)
    status = serializers.CharField(read_only=True)
    trigger = JSONObject(required=False, allow_null=True)
    segment_id = InProject(
        queryset=Segment.objects.all(), source="segment", required=False, allow_null=True
    )
    subject = Subject()
    template_id = serializers.RegexField(
        r"^[a-z][a-z0-9_]{1,63}$", source="template_code", required=False
    )
    scheduled_at = serializers.DateTimeField(required=False, allow_null=True)
    send_at_local_time = serializers.BooleanField(required=False)
    steps = StepSerializer(many=True, required=False)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def validate_trigger(self, trigger: dict | None) -> dict | None:
        for name in trigger or {}:
            if name not in ("event", "segment_id"):
                raise serializers.ValidationError({name: ["There is no such field."]})
        event = (trigger or {}).get("event")
        if event is not None and not (isinstance(event, str) and 0 < len(event) <= 256):
            raise serializers.ValidationError({"event": ["Name the event in 1 to 256 characters."]})
        return trigger

    def validate_steps(self, steps: list[dict]) -> list[dict]:
        if len(steps) > 100:
            raise serializers.ValidationError("A campaign has 100 steps at most.")
        return steps

    def validate(self, data: dict) -> dict:
        kind = self.instance.type if self.instance else data["type"]
        trigger = data.get("trigger") or {}
        if trigger.get("segment_id") is not None:
            field = self.fields["segment_id"]
            data["segment"] = _nested("trigger.segment_id", field, trigger["segment_id"])
        if kind == Campaign.Type.BROADCAST:
            return self._validate_broadcast(data)
        return self._validate_lifecycle(data)

    def _validate_broadcast(self, data: dict) -> dict:
        if len(data.get("steps", [])) > 1:
            raise serializers.ValidationError({"steps": ["A broadcast has one step."]})
        flat = {n: data.pop(n) for n in ("subject", "template_code") if n in data}
        if flat:
            first = (data.get("steps") or [self._first_step()])[0]
            data["steps"] = [first | flat]
        if any("template_code" not in step for step in data.get("steps", [])):
            raise serializers.ValidationError({"template_id": ["Name the template to send."]})
        if self._said(data, "send_at_local_time") and not self._said(data, "scheduled_at"):
            message = "Say in scheduled_at at which time of the clock to send."
            raise serializers.ValidationError({"scheduled_at": [message]})
        return data

    def _said(self, data: dict, name: str) -> Any:
        return data[name] if name in data else getattr(self.instance, name, None)

    def _validate_lifecycle(self, data: dict) -> dict:
        for name in ("subject", "template_code", "scheduled_at", "send_at_local_time"):
            if data.pop(name, None) is not None:
                shown = "template_id" if name == "template_code" else name
                raise serializers.ValidationError({shown: ["Only a broadcast has this field."]})
        if not self.instance and not data.get("trigger"):
            raise serializers.ValidationError(
                {"trigger": ["Name the event or the segment_id that starts the sequence."]}
            )
        return data

    def _first_step(self) -> dict:
        step = self.instance and self.instance.steps.order_by("position").first()
        return {"subject": step.subject, "template_code": step.template_code} if step else {}


def _nested(path: str, field: serializers.Field, value: Any) -> Any:
    try:
        return field.run_validation(value)
    except serializers.ValidationError as error:
        raise serializers.ValidationError({path: error.detail}) from None


class TestSerializer(StrictSerializer):
    """Where a test goes, and which step."""

    email = serializers.EmailField()
    step_index = serializers.IntegerField(required=False, default=0, min_value=0, max_value=99)


class CampaignViewSet(ProjectViewSet):
    """The campaigns of the project."""

    resource = "campaigns"
    queryset = Campaign.objects.prefetch_related("steps").select_related("project", "stream")
    serializer_class = CampaignSerializer

    def list(self, request: Request) -> Response:
        page = self.page_of(self._filtered(self.get_queryset()))
        return self.paginator.get_paginated_response([_shown(campaign) for campaign in page])

    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(_shown(self.get_object()))

    def create(self, request: Request) -> Response:
        form = self.checked()
        steps = form.validated_data.pop("steps", [])
        campaign = create_campaign(self.project, steps=steps, **form.validated_data)
        return self._answer(campaign, form, 201)

    def partial_update(self, request: Request, pk: str) -> Response:
        campaign = self.get_object()
        body = dict(request.data) if isinstance(request.data, dict) else request.data
        if isinstance(body, dict) and isinstance(body.get("trigger"), dict):
            body["trigger"] = merge_patch(campaign.trigger or {}, body["trigger"])
        form = self.get_serializer(campaign, data=body, partial=True)
        form.fields["type"].read_only = True
        form.is_valid(raise_exception=True)
        revise_campaign(campaign, **form.validated_data)
        return self._answer(campaign, form, 200)

    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: str) -> Response:
        campaign = self.get_object()
        activate(campaign, at=now())
        return Response(_shown(campaign))

    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        campaign = self.get_object()
        campaign.pause(at=now())
        return Response(_shown(campaign))

    @action(detail=True, methods=["post"], serializer_class=TestSerializer)
    def test(self, request: Request, pk: str) -> Response:
        campaign = self.get_object()
        form = self.checked()
        send_test(campaign, at=now(), **form.validated_data)
        return Response({"id": campaign.id, "status": "sent"}, 202)

    @action(detail=True)
    def stats(self, request: Request, pk: str) -> Response:
        campaign = self.get_object()
        return Response(
            {
                "campaign_id": campaign.id,
                "status": campaign.status,
                "stats": stats(campaign),
                "updated_at": now(),
            }
        )

    @action(detail=True)
    def sends(self, request: Request, pk: str) -> Response:
        mails = Email.objects.filter(project=self.project, stream=self.get_object().stream_id)
        if status := request.query_params.get("status"):
            if status not in Email.State.values:
                raise ParseError(f"status: Send one of {', '.join(Email.State.values)}.")
            mails = mails.filter(state=status)
        page = self.page_of(mails)
        return self.paginator.get_paginated_response([_shown_send(mail) for mail in page])

    def _filtered(self, campaigns: QuerySet) -> QuerySet:
        for name, choices in (("type", Campaign.Type), ("status", Campaign.Status)):
            if value := self.request.query_params.get(name):
                if value not in choices.values:
                    raise ParseError(f"{name}: Send one of {', '.join(choices.values)}.")
                campaigns = campaigns.filter(**{name: value})
        return campaigns

    def _answer(self, campaign: Campaign, form: StrictSerializer, status: int) -> Response:
        fresh = self.get_queryset().get(pk=campaign.pk)
        warnings = form.warnings + [
            f"steps: There is no template {code} yet; make it before you activate."
            for code in unknown_templates(fresh)
        ]
        data = _shown(fresh) | ({"warnings": warnings} if warnings else {})
        return Response(data, status)


def _shown(campaign: Campaign) -> dict[str, Any]:
    steps = sorted(campaign.steps.all(), key=lambda step: step.position)
    data = {
        "id": campaign.id,
        "name": campaign.name,
        "type": campaign.type,
        "status": campaign.status,
        "trigger": campaign.trigger,
        "steps": [step.as_dict() for step in steps],
        "created_at": campaign.created_at,
        "updated_at": campaign.updated_at,
    }
    if campaign.type == Campaign.Type.BROADCAST:
        first = steps[0] if steps else None
        data |= {
            "segment_id": campaign.segment_id,
            "subject": first and first.subject,
            "template_id": first and first.template_code,
            "scheduled_at": campaign.scheduled_at,
            "send_at_local_time": campaign.send_at_local_time,
        }
    return data


def _shown_send(mail: Email) -> dict[str, Any]:
    return {
        "contact_id": mail.contact_id,
        "email": mail.address or None,
        "step_id": mail.step_key,
        "status": mail.state,
        "reason": mail.reason or None,
        "created_at": mail.created_at,
        "decided_at": mail.decided_at,
    }
