"""``/v1/referrals/programs``."""

from typing import Any

from django.utils.timezone import now
from rest_framework.decorators import action
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.mail.templates import known_codes
from growth.api.fields import StrictSerializer
from growth.api.json import merge_patch
from growth.api.viewsets import ProjectViewSet
from referrals.api.links import shown_link
from referrals.api.serializers import ProgramSerializer, PromptSerializer
from referrals.models import Link, Program
from referrals.operations.programs import create_program, prompt, revise_program
from referrals.queries import counted_links, stats_of


class ProgramViewSet(ProjectViewSet):
    """The referral programs of the project."""

    resource = "referrals"
    queryset = Program.objects.select_related("project", "stream")
    serializer_class = ProgramSerializer

    def list(self, request: Request) -> Response:
        programs = self.get_queryset()
        if status := request.query_params.get("status"):
            if status not in Program.Status.values:
                raise ParseError(f"status: Send one of {', '.join(Program.Status.values)}.")
            programs = programs.filter(status=status)
        page = self.page_of(programs, "status")
        stats = stats_of(page)
        return self.paginator.get_paginated_response([_shown(p, stats[p.id]) for p in page])

    def retrieve(self, request: Request, pk: str) -> Response:
        return self._answer(self.get_object())

    def create(self, request: Request) -> Response:
        form = self.checked()
        program = create_program(self.project, at=now(), **form.validated_data)
        return self._answer(program, form, 201)

    def partial_update(self, request: Request, pk: str) -> Response:
        program = self.get_object()
        body = dict(request.data) if isinstance(request.data, dict) else request.data
        for name in ("limits", "referee_reward"):
            if isinstance(body, dict) and isinstance(body.get(name), dict):
                body[name] = merge_patch(getattr(program, name) or {}, body[name])
        form = self.get_serializer(program, data=body, partial=True)
        form.fields["status"].read_only = True
        form.is_valid(raise_exception=True)
        revise_program(program, **form.validated_data)
        return self._answer(program, form)

    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: str) -> Response:
        program = self.get_object()
        self.refuse_body()
        program.activate(at=now())
        return self._answer(program)

    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        program = self.get_object()
        self.refuse_body()
        program.pause(at=now())
        return self._answer(program)

    @action(detail=True, methods=["post"], serializer_class=PromptSerializer)
    def prompt(self, request: Request, pk: str) -> Response:
        program = self.get_object()
        said = self.checked().validated_data
        contacts = [said["contact"]] if "contact" in said else []
        queued = prompt(program, contacts=contacts, segment=said.get("segment"), at=now())
        return Response({"id": program.id, "queued": queued}, 202)

    @action(detail=True)
    def links(self, request: Request, pk: str) -> Response:
        program = self.get_object()
        links = Link.objects.filter(project=self.project, program=program)
        page = self.page_of(counted_links(links).select_related("project"))
        return self.paginator.get_paginated_response([shown_link(link) for link in page])

    def _answer(
        self, program: Program, form: StrictSerializer | None = None, status: int = 200
    ) -> Response:
        data = _shown(program, stats_of([program])[program.id])
        if form and (warnings := form.warnings + _advice(program)):
            data["warnings"] = warnings
        return Response(data, status)


def _advice(program: Program) -> list[str]:
    if known_codes(program.project, [program.template_code]):
        return []
    code = program.template_code
    return [f"template_id: There is no template {code} yet; make it before you send prompts."]


def _shown(program: Program, stats: dict[str, int]) -> dict[str, Any]:
    return {
        "id": program.id,
        "name": program.name,
        "status": program.status,
        "reward_type": program.reward_type,
        "reward_amount": program.reward_amount,
        "reward_currency": program.reward_currency or None,
        "referee_reward": program.referee_reward,
        "tiers": program.tiers,
        "limits": program.limits,
        "conversion_event": program.conversion_event or None,
        "landing_url": program.landing_url or None,
        "template_id": program.template_code,
        "stats": stats,
        "created_at": program.created_at,
        "updated_at": program.updated_at,
    }
