"""Contacts in the admin, and what is kept of them."""

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
    CustomField,
    Erasure,
    Event,
    Identity,
    ImportedFile,
    Merge,
    Rescoring,
    Suppression,
    Topic,
)
from contacts.operations.merging import merge_contacts
from contacts.operations.restoring import restore_contact
from growth.admin import ProjectModelAdmin, ReadOnlyAdmin
from growth.api.json import dump
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


class Deleted(admin.SimpleListFilter):
    """The living, or those who were deleted and may be restored."""

    title = "deleted"
    parameter_name = "deleted"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        return [("yes", "may be restored")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.restorable() if self.value() == "yes" else queryset.alive()


@admin.register(Contact)
class ContactAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "id", "external_id", "phone", "tags", "project", "created_at")
    list_filter = (LikelyDuplicates, Deleted, "created_at")
    search_fields = ("email_key__istartswith", "external_id__startswith", "phone__startswith")
    list_select_related = ("project",)
    actions = ("remove", "merge", "suppress", "restore")
    fields = (
        ("id", "project"),
        "email",
        ("phone", "external_id"),
        "traits",
        "tags",
        "known_by",
        "segments",
        "consents",
        ("created_at", "updated_at"),
        ("deleted_at", "merged_into"),
    )

    def get_actions(self, request: HttpRequest) -> dict:
        """Return what can be done with the contacts that are listed."""
        actions = super().get_actions(request)
        fitting = (
            ("restore",) if request.GET.get("deleted") == "yes" else ("remove", "merge", "suppress")
        )
        return {name: action for name, action in actions.items() if name in fitting}

    @admin.display
    def known_by(self, contact: Contact) -> str:
        """Return the claims of the contact."""
        claims = contact.identities.order_by("id").values_list("kind", "value")
        return ", ".join(f"{kind} {value}" for kind, value in claims)

    @admin.display
    def segments(self, contact: Contact) -> str:
        """Return the names of the segments that the contact is in."""
        memberships = contact.memberships.filter(project=contact.project_id).order_by("id")
        return ", ".join(memberships.values_list("segment__name", flat=True))

    @admin.display
    def consents(self, contact: Contact) -> str:
        """Return what the contact said of each topic."""
        said = contact.consents.filter(project=contact.project_id).order_by("id")
        return ", ".join(
            f"{code}: {state}" for code, state in said.values_list("topic__code", "state")
        )

    @admin.action(description="Delete, as the API does")
    def remove(self, request: HttpRequest, contacts: QuerySet) -> None:
        """Hide the contacts everywhere."""
        for contact in contacts:
            contact.remove(at=now())
        self.message_user(request, "The contacts are deleted.")

    @admin.action(description="Restore")
    def restore(self, request: HttpRequest, contacts: QuerySet) -> None:
        """Bring the contacts back, and name what others have of theirs by now."""
        for contact in contacts.select_related("project"):
            try:
                taken = restore_contact(contact, at=now())
            except DomainError as error:  # It was erased meanwhile.
                self.message_user(request, f"{contact.id}: {error.message}", messages.ERROR)
                continue
            self.message_user(request, f"{contact.id} is restored.")
            if taken:
                lost = ", ".join(f"{kind} {value}" for kind, value in taken)
                text = f"{contact.id} goes without what others have now: {lost}."
                self.message_user(request, text, messages.WARNING)

    @admin.action(description="Write to their addresses no more")
    def suppress(self, request: HttpRequest, contacts: QuerySet) -> None:
        """Let the addresses get no mail, until staff deletes the suppression."""
        addresses = [(contact.project_key, contact.email_key) for contact in contacts]
        Suppression.objects.suppress(addresses, Suppression.Reason.MANUAL)
        self.message_user(request, "These addresses get no more mail.")

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
        one, other = map(_told, pair)
        context = {
            "title": "Merge two contacts",
            "contacts": list(zip(_SIDES, pair, strict=True)),
            "table": {
                "headers": ["", *_SIDES],
                "rows": [[name, one.get(name, "–"), other.get(name, "–")] for name in one | other],
            },
            "resolutions": _RESOLUTIONS,
        }
        context |= self.admin_site.each_context(request)
        return render(request, "admin/contact_merge.html", context)


_SIDES = ("One", "The other")


_RESOLUTIONS = {
    Merge.Resolution.TARGET: "the value of the one that stays",
    Merge.Resolution.SOURCE: "the value of the one that goes",
    Merge.Resolution.RECENT: "the value of the one that changed last",
}


def _told(contact: Contact) -> dict[str, str]:
    """Return what is known of the contact, trait by trait, as staff read it."""
    fields = contact.snapshot()
    traits = {f"traits.{name}": value for name, value in sorted(fields.pop("traits").items())}
    fields["tags"] = ", ".join(contact.tags)
    return {
        name: (value or "–") if isinstance(value, str | None) else dump(value).decode()
        for name, value in (fields | traits).items()
    }


@admin.register(ContactActivity)
class ContactActivityAdmin(ReadOnlyAdmin):
    list_display = ("contact", "last_activity_at", "engagement", "lead", "decayed_on")
    search_fields = ("contact__email_key", "contact__external_id")
    list_select_related = ("contact",)


@admin.register(Rescoring)
class RescoringAdmin(ReadOnlyAdmin):
    list_display = ("project", "reached")
    list_select_related = ("project",)


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


@admin.register(Merge)
class MergeAdmin(ReadOnlyAdmin):
    list_display = ("source", "target", "project", "resolution", "created_at", "undone_at")
    list_filter = ("created_at", "resolution")
    search_fields = ("target__email_key", "target__external_id", "source__external_id")
    list_select_related = ("source", "target", "project")


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    list_display = ("contact_id", "project", "erased_at", "counts", "due_at")
    list_filter = ("erased_at",)
    search_fields = ("contact__id__exact",)
    list_select_related = ("project",)


@admin.register(ImportedFile)
class ImportedFileAdmin(ReadOnlyAdmin):
    list_display = ("name", "project", "rows_done", "rows_rejected", "created_at", "finished_at")
    search_fields = ("name",)
    list_select_related = ("project",)


@admin.register(CustomField)
class CustomFieldAdmin(ProjectModelAdmin):
    list_display = ("name", "code", "trait", "type", "is_strict", "project", "created_at")
    list_filter = ("type", "is_strict")
    search_fields = ("name", "code__exact", "trait")
    list_select_related = ("project",)
    readonly_fields = ("project", "code", "trait", "created_at")
    fields = ("project", "name", "code", "trait", ("type", "is_strict"), "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # Fields come to be when a client sends one.

    def has_delete_permission(self, request: HttpRequest, obj: CustomField | None = None) -> bool:
        return False  # Values would lose the id by which clients know them.
