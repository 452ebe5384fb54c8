"""Mail in the admin: every decision, and what became of it."""

from django.contrib import admin
from django.http import HttpRequest

from contacts.models import (
    Email,
    EmailActivity,
    MailGate,
    MailStream,
    Suppression,
)
from growth.admin import ProjectModelAdmin, ReadOnlyAdmin


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
    list_display = ("email", "kind", "at", "is_machine", "detail", "told_at")
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
