"""Templates in the admin: edited, looked at and tried as by the API."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.timezone import now
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminTextareaWidget

from contacts.mail.compiling import Draft, compile_draft
from contacts.mail.linting import warnings_of
from contacts.mail.liquid import TemplateError
from contacts.mail.preview import preview
from contacts.mail.samples import send_sample
from contacts.mail.templates import require_removable, revise_template
from contacts.models import Template
from contacts.signals import template_changing
from growth.admin import ProjectModelAdmin
from growth.errors import Conflict, DomainError, Invalid

_MONOSPACE = "font-family: monospace; max-width: 100%"
_PREVIEW_POLICY = (
    "sandbox; default-src 'none'; img-src https: data:; style-src 'unsafe-inline' https:;"
    " font-src https:"
)


class TemplateForm(forms.ModelForm):
    """A template, compiled and checked as by the API before it is stored."""

    class Meta:
        model = Template
        fields = ("name", "subject", "preheader", "format", "source", "text_source")
        labels = {"text_source": "Plain text"}
        help_texts = {"text_source": "Made from the source where this is empty."}
        widgets = {
            "source": UnfoldAdminTextareaWidget({"rows": 24, "style": _MONOSPACE}),
            "text_source": UnfoldAdminTextareaWidget({"rows": 6, "style": _MONOSPACE}),
        }

    def clean_source(self) -> str:
        return _with_plain_lines(self.cleaned_data["source"])

    def clean_text_source(self) -> str:
        return _with_plain_lines(self.cleaned_data["text_source"])

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        written = [data.get(name, "") for name in ("format", "source", "subject", "preheader")]
        try:
            compiled = compile_draft(Draft(*written, data.get("text_source", "")))
            found = self.instance
            draft = Template(project=found.project, code=found.code, **asdict(compiled))
            template_changing.send(Template, template=draft)
        except Invalid as refusal:
            for each in refusal.violations:
                self.add_error({"text": "text_source"}.get(each.field, each.field), each.message)
        return data


def _protected_by(templates: Iterable[Template]) -> Iterator[str]:
    for template in templates:
        try:
            require_removable(template)
        except Conflict as refusal:
            yield refusal.message


def _with_plain_lines(text: str) -> str:
    return text.replace("\r\n", "\n")  # Browsers send the other ends of lines.


@admin.register(Template)
class TemplateAdmin(ProjectModelAdmin):
    list_display = ("code", "project", "name", "subject", "format", "updated_at")
    list_filter = ("format",)
    search_fields = ("code", "name", "subject")
    list_select_related = ("project",)
    form = TemplateForm
    change_form_outer_after_template = "admin/template_preview.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # A new one comes by the API, which gives it its code.

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/preview", wrap(self.preview), name="template-preview"),
            path("<int:pk>/test", wrap(self.send_test), name="template-test"),
            *super().get_urls(),
        ]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any) -> HttpResponse:
        template = self.get_object(request, object_id)
        try:
            advice = warnings_of(template) if template else []
        except TemplateError as error:  # It was not stored by this program.
            advice = [str(error)]
        return super().change_view(request, object_id, *args, extra_context={"advice": advice})

    def save_model(self, request: HttpRequest, obj: Template, form: Any, change: bool) -> None:
        """Store what was changed, and nothing that somebody else changed meanwhile."""
        changed = {name: form.cleaned_data[name] for name in form.changed_data}
        revise_template(obj.project, obj, **changed)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple:
        """Name what sends one of these, as what protects it."""
        deleted, counts, needed, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, needed, [*protected, *_protected_by(objs)]

    @method_decorator(xframe_options_sameorigin)
    def preview(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the mail to a sample contact, and let it do nothing."""
        try:
            letter = preview(self._found(request, pk))
        except Invalid as refusal:
            return HttpResponse(refusal.message, "text/plain; charset=utf-8", 422)
        page = letter.html or format_html("<pre>{}</pre>", letter.text)
        return HttpResponse(page, headers={"Content-Security-Policy": _PREVIEW_POLICY})

    @method_decorator(require_POST)
    def send_test(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send a sample to an address of the team, as the API does."""
        template = self._found(request, pk)
        address = request.POST.get("address", "")
        try:
            send_sample(template, template.project, address=address, at=now())
            self.message_user(request, f"A sample is on its way to {address}.")
        except DomainError as refusal:
            self.message_user(request, refusal.message, messages.ERROR)
        return redirect("admin:contacts_template_change", quote(pk))

    def _found(self, request: HttpRequest, pk: int) -> Template:
        template = self.get_object(request, str(pk))
        if template is None:
            raise Http404
        if not self.has_change_permission(request, template):
            raise PermissionDenied
        return template
