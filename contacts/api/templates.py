"""``/v1/templates``."""

from typing import Any

from django.db.models import QuerySet
from django.utils.timezone import now
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.mail.linting import warnings_of
from contacts.mail.liquid import MAX_SOURCE
from contacts.mail.preview import preview
from contacts.mail.samples import send_sample
from contacts.mail.starters import starters
from contacts.mail.templates import (
    find_template,
    remove_template,
    revise_template,
    store_template,
)
from contacts.models import Contact, Template
from growth.api.fields import InProject, JSONObject, StrictSerializer, Text
from growth.api.pagination import KeysetPagination, read_limit
from growth.api.viewsets import ProjectViewSet

CODE = r"\Atmpl_[a-z0-9_]{1,58}\Z"


class TemplateSerializer(StrictSerializer):
    """A template, as it is shown and revised."""

    id = serializers.CharField(source="code", read_only=True)
    name = Text(max_length=200, required=False, allow_blank=True, allow_null=True)
    subject = Text(max_length=500, required=False, allow_blank=True, allow_null=True)
    preheader = Text(max_length=500, required=False, allow_blank=True, allow_null=True)
    format = serializers.ChoiceField(Template.Format.choices)
    source = Text(max_length=MAX_SOURCE, trim_whitespace=False)
    text = Text(
        max_length=MAX_SOURCE,
        required=False,
        allow_blank=True,
        allow_null=True,
        trim_whitespace=False,
    )
    created_at = serializers.DateTimeField(format=None, read_only=True)
    updated_at = serializers.DateTimeField(format=None, read_only=True)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        """Name the fields as the template does; null takes a text away."""
        known = {name: "" if value is None else value for name, value in data.items()}
        if "text" in known:
            known["text_source"] = known.pop("text")
        return known


class NewTemplateSerializer(TemplateSerializer):
    """A template that is to be stored. MJML is known by its tag."""

    id = serializers.RegexField(
        CODE,
        source="code",
        required=False,
        error_messages={
            "invalid": "Write tmpl_ and up to 58 small letters, digits and underscores."
        },
    )
    format = serializers.ChoiceField(Template.Format.choices, required=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        formats = Template.Format
        likely = formats.MJML if "<mjml" in data["source"] else formats.HTML
        return {"format": likely} | super().validate(data)


class RenderSerializer(StrictSerializer):
    """Whom to render for: a contact, or a sample of what the template speaks of."""

    contact_id = InProject(queryset=Contact.objects.alive(), source="contact", required=False)
    sample = JSONObject(required=False)


class TemplateTestSerializer(StrictSerializer):
    """Where a test goes."""

    email = serializers.EmailField()


class TemplatePagination(KeysetPagination):
    """Pages by code, with the starters between the stored templates."""

    def paginate_queryset(self, queryset: QuerySet, request: Request, view: Any = None) -> list:
        stored = super().paginate_queryset(queryset, request, view)
        start = (self._after(request) or [""])[0]
        replaced = set(queryset.filter(code__in=starters()).values_list("code", flat=True))
        others = [
            starter for code, starter in starters().items() if code > start and code not in replaced
        ]
        merged = sorted([*stored, *others], key=lambda template: template.code)
        limit = read_limit(request)
        self._has_more = self._has_more or len(merged) > limit
        self._page = merged[:limit]
        return self._page


class TemplateViewSet(ProjectViewSet):
    """The templates of the project, among them the starters that it has not made its own."""

    resource = "templates"
    reading_actions = ("render",)
    queryset = Template.objects.all()
    serializer_class = TemplateSerializer
    pagination_class = TemplatePagination
    lookup_field = "code"
    keyset = ("code",)

    def get_object(self) -> Template:
        template = find_template(self.project, self.kwargs["code"])
        if template is None:
            raise NotFound("There is no such template in this project.")
        return template

    def list(self, request: Request) -> Response:
        page = self.page_of(self.get_queryset())
        return self.paginator.get_paginated_response(self.get_serializer(page, many=True).data)

    def create(self, request: Request) -> Response:
        form = NewTemplateSerializer(data=request.data, context=self.get_serializer_context())
        form.is_valid(raise_exception=True)
        template = store_template(self.project, **form.validated_data)
        return self._shown(template, form, status=201)

    def retrieve(self, request: Request, code: str) -> Response:
        return self.shown(self.get_object())

    def partial_update(self, request: Request, code: str) -> Response:
        template = self.get_object()
        form = self.checked(instance=template, partial=True)
        revised = revise_template(self.project, template, **form.validated_data)
        return self._shown(revised, form)

    def destroy(self, request: Request, code: str) -> Response:
        remove_template(self.get_object())
        return Response(status=204)

    @action(detail=True, methods=["post"])
    def render(self, request: Request, code: str) -> Response:
        template = self.get_object()
        form = RenderSerializer(data=request.data, context=self.get_serializer_context())
        form.is_valid(raise_exception=True)
        letter = preview(template, **form.validated_data)
        return Response(
            {
                "subject": letter.subject,
                "html": letter.html,
                "text": letter.text,
                "warnings": warnings_of(template),
            }
        )

    @action(detail=True, methods=["post"])
    def test(self, request: Request, code: str) -> Response:
        template = self.get_object()
        form = TemplateTestSerializer(data=request.data, context=self.get_serializer_context())
        form.is_valid(raise_exception=True)
        send_sample(template, self.project, address=form.validated_data["email"], at=now())
        return Response({"id": template.code, "status": "sent"}, 202)

    def _shown(self, template: Template, form: StrictSerializer, status: int = 200) -> Response:
        return self.shown(template, status, warnings=[*form.warnings, *warnings_of(template)])
