"""``/v1/campaigns``."""

from typing import Any

from django.db.models import QuerySet
from django.utils.timezone import now
from rest_framework.decorators import action
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api.sends import FILTERS, read_contact, sends_of, shown_send
from campaigns.api.serializers import (
    CampaignSerializer,
    PreviewSerializer,
    SimulationSerializer,
    TestSerializer,
)
from campaigns.models import Campaign
from campaigns.operations.advice import advice_on
from campaigns.operations.campaigns import (
    activate,
    create_campaign,
    remove_campaign,
    revise_campaign,
    send_test,
    unknown_templates,
)
from campaigns.operations.previews import preview_step
from campaigns.operations.simulation import chosen, simulate
from campaigns.queries import stats
from campaigns.standings import standing
from growth.api.fields import StrictSerializer
from growth.api.json import merge_patch
from growth.api.viewsets import ProjectViewSet


class CampaignViewSet(ProjectViewSet):
    """The campaigns of the project."""

    resource = "campaigns"
    reading_actions = ("preview", "simulate")
    queryset = (
        Campaign.objects.alive()
        .prefetch_related("steps")
        .select_related("project", "stream__topic", "segment")
    )
    serializer_class = CampaignSerializer

    def list(self, request: Request) -> Response:
        page = self.page_of(self._filtered(self.get_queryset()), "type", "status")
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
        for name in ("trigger", "goal"):
            if isinstance(body, dict) and isinstance(body.get(name), dict):
                body[name] = merge_patch(getattr(campaign, name) or {}, body[name])
        form = self.get_serializer(campaign, data=body, partial=True)
        form.fields["type"].read_only = True
        form.is_valid(raise_exception=True)
        revise_campaign(campaign, at=now(), **form.validated_data)
        return self._answer(campaign, form, 200)

    def destroy(self, request: Request, pk: str) -> Response:
        remove_campaign(self.get_object(), at=now())
        return Response(status=204)

    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: str) -> Response:
        campaign = self.get_object()
        self.refuse_body()
        activate(campaign, at=now())
        advice = advice_on(campaign, at=now())
        return Response(_shown(campaign) | ({"warnings": advice} if advice else {}))

    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        campaign = self.get_object()
        self.refuse_body()
        campaign.pause(at=now())
        return Response(_shown(campaign))

    @action(detail=True, methods=["post"], serializer_class=TestSerializer)
    def test(self, request: Request, pk: str) -> Response:
        campaign = self.get_object()
        form = self.checked()
        send_test(campaign, at=now(), **form.validated_data)
        return Response({"id": campaign.id, "status": "sent"}, 202)

    @action(detail=True, methods=["post"], serializer_class=PreviewSerializer)
    def preview(self, request: Request, pk: str) -> Response:
        campaign = self.get_object()
        look, warnings = preview_step(campaign, at=now(), **self.checked().validated_data)
        return Response(look.as_dict() | {"warnings": warnings})

    @action(detail=True, methods=["post"], serializer_class=SimulationSerializer)
    def simulate(self, request: Request, pk: str) -> Response:
        campaign = self.get_object()
        asked = self.checked().validated_data
        at = asked.pop("at", None) or now()
        contacts = chosen(campaign, asked.pop("contact", None), asked.pop("sample", 0), at=at)
        return Response(simulate(campaign, contacts, at=at, **asked))

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
        campaign = self.get_object()
        contact = read_contact(request)
        mails = sends_of(campaign, request, contact)
        shown = [shown_send(mail, campaign) for mail in self.page_of(mails, *FILTERS)]
        page = self.paginator.envelope(shown)
        if contact:
            page["contact"] = standing(campaign, contact)
        return Response(page)

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
        warnings += advice_on(fresh, at=now())
        data = _shown(fresh) | ({"warnings": warnings} if warnings else {})
        return Response(data, status)


def _shown(campaign: Campaign) -> dict[str, Any]:
    steps = sorted(campaign.steps.all(), key=lambda step: step.position)
    data = {
        "id": campaign.id,
        "name": campaign.name,
        "type": campaign.type,
        "status": campaign.status,
        "status_reason": campaign.status_reason or None,
        "trigger": campaign.trigger,
        "topic": campaign.stream.topic and campaign.stream.topic.code,
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
            "start_within": campaign.start_within,
            "send_at_local_time": campaign.send_at_local_time,
        }
    else:
        data |= {
            "reentry": campaign.reentry,
            "delay_from": campaign.delay_from,
            "goal": campaign.goal,
            "exit_on_segment_leave": campaign.exit_on_segment_leave,
        }
    return data
