from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.timezone import now

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
    MailGate,
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
from growth.errors import DomainError


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


@admin.register(Template)
class TemplateAdmin(ReadOnlyAdmin):
    list_display = ("code", "project", "name", "subject", "format", "updated_at")
    list_filter = ("format",)
    search_fields = ("code", "name", "subject")
    list_select_related = ("project",)


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


@admin.register(MailGate)
class MailGateAdmin(ReadOnlyAdmin):
    list_display = ("name", "open_at", "failures")
    search_fields = ("name",)


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
