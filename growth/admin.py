"""The base of every model's page in the admin, and the pages of the project's own models."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Q, QuerySet
from django.forms import ModelChoiceField, ModelForm, MultipleChoiceField
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.timezone import now
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from growth import ids
from growth.errors import DomainError
from growth.models import (
    ApiKey,
    AuditEntry,
    DomainEvent,
    IdempotencyKey,
    ListenerFailure,
    Member,
    OAuthClient,
    OAuthToken,
    Project,
    PublicIdField,
    SweepSlot,
    User,
)
from growth.models.api_key import SCOPES


class EstimatingPaginator(Paginator):
    """Asks the planner how many rows a whole table has: to count a million takes seconds."""

    @cached_property
    def count(self) -> int:
        if self.object_list.query.where:
            return self.object_list.order_by()[:10_000].count()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT coalesce(sum(reltuples), 0)::bigint FROM pg_class WHERE oid IN"
                " (SELECT %s::regclass UNION SELECT inhrelid FROM pg_inherits"
                "  WHERE inhparent = %s::regclass)",
                [self.object_list.model._meta.db_table] * 2,
            )
            estimate = cursor.fetchone()[0]
        return estimate if estimate > 10_000 else self.object_list.order_by().count()


class ProjectModelAdmin(ModelAdmin):
    """Finds, shows and repairs rows of any number; births belong to the API.

    A public id in the search box finds its row at once.
    """

    show_full_result_count = False
    paginator = EstimatingPaginator
    list_per_page = 50
    ordering = ("-pk",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        """Search for the public id that the term is, else as the fields say."""
        if "\0" in search_term:
            return queryset.none(), False
        key = self.model._meta.pk
        if isinstance(key, PublicIdField) and search_term.startswith(f"{key.prefix}_"):
            return queryset.filter(pk=search_term.strip()), False
        return super().get_search_results(request, queryset, search_term)


class ReadOnlyAdmin(ProjectModelAdmin):
    """Rows that only the system writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ActingAdmin(ReadOnlyAdmin):
    """Rows that staff do something with, one by one."""

    def each(self, request: HttpRequest, rows: QuerySet, change: Callable[..., object]) -> None:
        """Do it to every row; a refusal is shown and stops no other."""
        for row in rows:
            try:
                change(row, at=now())
            except DomainError as refusal:
                self.message_user(request, f"{row}: {refusal.message}", messages.ERROR)


@admin.register(Project)
class ProjectAdmin(ProjectModelAdmin):
    list_display = ("name", "id", "domain", "timezone", "default_from_email", "created_at")
    search_fields = ("name", "domain")
    readonly_fields = ("id", "created_at")
    fieldsets = (
        (None, {"fields": ("id", "name", "domain", "timezone", "created_at")}),
        ("GrowthHub", {"fields": ("allow_duplicate_contacts",)}),
        (
            "Mail",
            {
                "fields": (
                    "default_from_email",
                    "mail_rate",
                    ("mail_cap_count", "mail_cap_window"),
                    ("quiet_from", "quiet_to"),
                )
            },
        ),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Member)
class MemberAdmin(ProjectModelAdmin):
    list_display = ("user", "project", "integrations_enabled", "email_bcc", "reporting_email")
    list_filter = ("integrations_enabled",)
    search_fields = ("user__username", "user__email", "project__name")
    list_select_related = ("user", "project")
    autocomplete_fields = ("user",)
    readonly_fields = ("project",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # Users become members on their own page, project by project.


class MembershipInline(TabularInline):
    """The projects that a user works on."""

    model = Member
    extra = 0
    fields = ("project", "integrations_enabled", "email_bcc", "reporting_email")


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ("name", "project", "type", "key_hint", "scopes", "last_used_at", "revoked_at")
    list_filter = ("type",)
    search_fields = ("name", "key_hint")
    list_select_related = ("project",)


class OAuthClientForm(ModelForm):
    """What staff say of a client; its scopes are those of its key."""

    project = ModelChoiceField(Project.objects.all())
    scopes = MultipleChoiceField(choices=[(scope, scope) for scope in SCOPES])

    class Meta:
        model = OAuthClient
        fields = ("name", "redirect_uris")

    def clean_redirect_uris(self) -> list[str]:
        uris = self.cleaned_data["redirect_uris"]
        if any(not uri.startswith(("https://", "http://")) for uri in uris):
            raise ValidationError("Begin each with https:// or http://.")
        return uris


@admin.register(OAuthClient)
class OAuthClientAdmin(ProjectModelAdmin):
    list_display = ("name", "id", "project", "secret_hint", "opens", "revoked_at", "created_at")
    search_fields = ("name", "secret_hint")
    list_select_related = ("project", "api_key")
    actions = ("revoke",)

    def get_form(self, request: HttpRequest, obj: Any = None, **options: Any) -> type[ModelForm]:
        return super().get_form(request, obj, **options) if obj else OAuthClientForm

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj:
            return ("id", "name", "project", "opens", "redirect_uris", "secret_hint", "created_at")
        return ("project", "name", "scopes", "redirect_uris")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("id", "project", "opens", "secret_hint", "created_at") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # It is revoked, as keys are: what it did stays its own.

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Register a new client, and show its secret this once."""
        if change:
            super().save_model(request, obj, form, change)
            return
        client, secret = OAuthClient.objects.register(**form.cleaned_data)
        obj.pk, obj.project = client.pk, client.project
        text = f"Keep the secret of {client.id} now, it is not shown again: {secret}"
        self.message_user(request, text)

    @admin.display(description="scopes")
    def opens(self, client: OAuthClient) -> str:
        """Return what its tokens may open."""
        return ", ".join(client.scopes)

    @admin.display(description="revoked", ordering="api_key__revoked_at")
    def revoked_at(self, client: OAuthClient) -> Any:
        """Return when it was revoked."""
        return client.api_key.revoked_at

    @admin.action(description="Revoke at once")
    def revoke(self, request: HttpRequest, clients: QuerySet) -> None:
        """End the clients and all their tokens."""
        for client in clients.select_related("api_key"):
            client.api_key.revoke(at=now(), immediate=True)
        self.message_user(request, "These clients, and their tokens, open nothing any more.")


@admin.register(OAuthToken)
class OAuthTokenAdmin(ReadOnlyAdmin):
    list_display = ("id", "client", "kind", "user", "created_at", "used_at", "expires_at")
    list_filter = ("kind",)
    search_fields = ("client__name",)
    list_select_related = ("client", "user")


@admin.register(DomainEvent)
class DomainEventAdmin(ReadOnlyAdmin):
    list_display = ("id", "project", "type", "subject_id", "hops", "created_at", "position")
    list_filter = ("type",)
    search_fields = ("type",)
    list_select_related = ("project",)

    @admin.display(description="contact")
    def subject_id(self, event: DomainEvent) -> str:
        """Return the public id of the contact that the event speaks of."""
        return ids.encode("cntct", event.subject) if event.subject else "–"


@admin.register(ListenerFailure)
class ListenerFailureAdmin(ReadOnlyAdmin):
    list_display = ("listener", "project", "error", "attempts", "due_at", "parked_at")
    search_fields = ("listener", "error")
    list_select_related = ("project",)
    actions = ("try_again",)

    @admin.action(description="Try again")
    def try_again(self, request: HttpRequest, failures: QuerySet) -> None:
        """Give parked failures another ten attempts."""
        count = failures.filter(~Q(parked_at=None)).update(parked_at=None, attempts=0)
        self.message_user(request, f"{count} failures will be tried again.")


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("id", "project", "at", "api_key", "method", "path", "request_id")
    list_filter = ("method",)
    search_fields = ("path", "request_id")
    list_select_related = ("project", "api_key")


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnlyAdmin):
    list_display = ("key", "project", "route", "status", "created_at")
    search_fields = ("key", "route")
    list_select_related = ("project",)
    exclude = ("answer", "fingerprint")


@admin.register(SweepSlot)
class SweepSlotAdmin(ReadOnlyAdmin):
    list_display = ("sweep", "number", "leased_until")
    search_fields = ("sweep",)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = (MembershipInline,)
