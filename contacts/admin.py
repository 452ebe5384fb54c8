from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.timezone import now
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST

from contacts.mail.compiling import Draft, compile_draft
from contacts.mail.linting import warnings_of
from contacts.mail.liquid import TemplateError
from contacts.mail.preview import preview
from contacts.mail.sending import send_sample
from contacts.mail.templates import revise_template
from contacts.models import (
    Consent,
    ConsentChange,
    Contact,
    ContactActivity,
    ContactScore,
    Email,
    EmailActivity,
    Event,
    Identity,
    ImportedFile,
    MailStream,
    Membership,
    Merge,
    Segment,
    SegmentClock,
    Suppression,
    Template,
    Topic,
)
from contacts.operations.merging import merge_contacts
from growth.admin import ProjectModelAdmin, ReadOnlyAdmin
from growth.errors import DomainError, Invalid

_PREVIEW_POLICY = (
    "sandbox; default-src 'none'; img-src https: data:; style-src 'unsafe-inline' https:;"
    " font-src https:"
)


class LikelyDuplicates(admin.SimpleListFilter):
    """Living contacts that have an address or a phone number in common with another."""

    title = "likely duplicates"
    parameter_name = "same"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        return [("email_key", "same address"), ("phone", "same phone")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if (name := self.value()) not in ("email_key", "phone"):
            return queryset
        return Contact.objects.alike(name)


@admin.register(Contact)
class ContactAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "id", "external_id", "phone", "tags", "project", "created_at")
    list_filter = (LikelyDuplicates, "created_at")
    search_fields = ("email_key__istartswith", "external_id__startswith", "phone__startswith")
    list_select_related = ("project",)
    actions = ("remove", "merge")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).alive()

    @admin.action(description="Delete, as the API does")
    def remove(self, request: HttpRequest, contacts: QuerySet) -> None:
        """Hide the contacts everywhere."""
        for contact in contacts:
            contact.remove(at=now())
        self.message_user(request, "The contacts are deleted.")

    @admin.action(description="Merge two, side by side")
    def merge(self, request: HttpRequest, contacts: QuerySet) -> HttpResponse | None:
        """Show both contacts, and merge them as the API does when one is chosen to stay."""
        pair = list(contacts.select_related("project")[:3])
        if len(pair) != 2 or pair[0].project_id != pair[1].project_id:
            self.message_user(request, "Select two contacts of one project.", messages.ERROR)
            return None
        target = next((each for each in pair if each.id == request.POST.get("target")), None)
        if target is None:
            return self._side_by_side(request, pair)
        (source,) = (each for each in pair if each != target)
        resolution = request.POST.get("resolution")
        if resolution not in Merge.Resolution.values:
            return self._side_by_side(request, pair)
        try:
            merge_contacts(source=source, target=target, resolution=resolution, at=now())
            self.message_user(request, f"{source.id} is a part of {target.id} now.")
        except DomainError as error:  # Somebody else was quicker.
            self.message_user(request, error.message, messages.ERROR)
        return None

    def _side_by_side(self, request: HttpRequest, pair: list[Contact]) -> HttpResponse:
        one, other = (each.snapshot() for each in pair)
        context = {
            "title": "Merge two contacts",
            "contacts": pair,
            "table": {
                "headers": ["", *map(str, pair)],
                "rows": [[name, str(one[name]), str(other[name])] for name in one],
            },
            "resolutions": Merge.Resolution.choices,
        }
        context |= self.admin_site.each_context(request)
        return render(request, "admin/contact_merge.html", context)


@admin.register(ContactActivity)
class ContactActivityAdmin(ReadOnlyAdmin):
    list_display = ("contact", "last_activity_at", "engagement", "lead", "decayed_on")
    search_fields = ("contact__email_key", "contact__external_id")
    list_select_related = ("contact",)


@admin.register(ContactScore)
class ContactScoreAdmin(ReadOnlyAdmin):
    list_display = ("contact", "day", "engagement", "lead")
    search_fields = ("contact__email_key", "contact__external_id")
    list_select_related = ("contact",)


@admin.register(Identity)
class IdentityAdmin(ReadOnlyAdmin):
    list_display = ("kind", "value", "contact", "project")
    list_filter = ("kind",)
    search_fields = ("value__startswith",)
    list_select_related = ("contact", "project")


@admin.register(Topic)
class TopicAdmin(ReadOnlyAdmin):
    list_display = ("code", "name", "opt_in", "project", "created_at")
    list_filter = ("opt_in",)
    search_fields = ("code", "name")
    list_select_related = ("project",)


@admin.register(Consent)
class ConsentAdmin(ReadOnlyAdmin):
    list_display = ("contact", "topic", "state", "source", "at")
    list_filter = ("state",)
    search_fields = ("contact__email_key", "contact__external_id", "topic__code__exact")
    list_select_related = ("contact", "topic")


@admin.register(ConsentChange)
class ConsentChangeAdmin(ReadOnlyAdmin):
    list_display = ("consent", "state", "source", "at")
    list_filter = ("state",)
    search_fields = ("consent__contact__email_key", "consent__contact__external_id")
    list_select_related = ("consent",)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("name", "contact", "timestamp", "received_at", "properties")
    search_fields = ("name__exact", "contact__external_id__exact", "contact__email_key__exact")
    list_select_related = ("contact",)
    ordering = ("-id",)


@admin.register(Segment)
class SegmentAdmin(ReadOnlyAdmin):
    list_display = ("name", "id", "project", "type", "status", "members", "updated_at")
    list_filter = ("type", "status")
    search_fields = ("name",)
    list_select_related = ("project",)

    @admin.display
    def members(self, segment: Segment) -> int:
        """Return how many contacts are in the segment."""
        return segment.memberships.filter(project=segment.project_id).count()


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("segment", "contact", "entered_at")
    search_fields = ("segment__name", "contact__email_key", "contact__external_id")
    list_select_related = ("segment", "contact")


@admin.register(Merge)
class MergeAdmin(ReadOnlyAdmin):
    list_display = ("source", "target", "project", "resolution", "created_at", "undone_at")
    list_filter = ("created_at", "resolution")
    search_fields = ("target__email_key", "target__external_id", "source__external_id")
    list_select_related = ("source", "target", "project")


@admin.register(SegmentClock)
class SegmentClockAdmin(ReadOnlyAdmin):
    list_display = ("segment", "contact", "recheck_at")
    search_fields = ("segment__name",)
    list_select_related = ("segment", "contact")


class TemplateForm(forms.ModelForm):
    """A template, compiled and checked as by the API before it is stored."""

    class Meta:
        model = Template
        fields = ("name", "subject", "preheader", "format", "source", "text_source")

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        written = [data.get(name, "") for name in ("format", "source", "subject", "preheader")]
        try:
            compile_draft(Draft(*written, data.get("text_source", "")))
        except Invalid as refusal:
            for each in refusal.violations:
                self.add_error({"text": "text_source"}.get(each.field, each.field), each.message)
        return data


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
        return redirect("admin:contacts_template_change", pk)

    def _found(self, request: HttpRequest, pk: int) -> Template:
        template = self.get_object(request, str(pk))
        if template is None:
            raise Http404
        if not self.has_change_permission(request, template):
            raise PermissionDenied
        return template


@admin.register(MailStream)
class MailStreamAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind", "project", "paused_at")
    list_filter = ("kind",)
    search_fields = ("name",)
    list_select_related = ("project",)


@admin.register(Email)
class EmailAdmin(ReadOnlyAdmin):
    list_display = ("address", "stream", "step_key", "state", "reason", "created_at", "decided_at")
    list_filter = ("state",)
    search_fields = ("email_key__startswith", "stream__name")
    list_select_related = ("stream",)


@admin.register(EmailActivity)
class EmailActivityAdmin(ReadOnlyAdmin):
    list_display = ("email", "kind", "at", "is_machine", "detail")
    list_filter = ("kind", "is_machine")
    search_fields = ("email__email_key__startswith",)
    list_select_related = ("email",)


@admin.register(Suppression)
class SuppressionAdmin(ProjectModelAdmin):
    list_display = ("email_key", "project", "reason", "created_at")
    list_filter = ("reason",)
    search_fields = ("email_key__startswith",)
    list_select_related = ("project",)
    readonly_fields = ("project", "email_key", "reason", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(ImportedFile)
class ImportedFileAdmin(ReadOnlyAdmin):
    list_display = ("name", "project", "rows_done", "rows_rejected", "created_at", "finished_at")
    search_fields = ("name",)
    list_select_related = ("project",)
