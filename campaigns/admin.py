from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.timezone import now

from campaigns.models import Campaign, Enrollment, Step
from campaigns.operations.campaigns import activate
from growth.admin import ReadOnlyAdmin
from growth.errors import DomainError


@admin.register(Campaign)
class CampaignAdmin(ReadOnlyAdmin):
    list_display = ("name", "type", "status", "segment", "scheduled_at", "created_at")
    list_filter = ("type", "status")
    search_fields = ("name",)
    actions = ("activate", "pause")
    list_select_related = ("segment",)

    @admin.action(description="Activate")
    def activate(self, request: HttpRequest, campaigns: QuerySet) -> None:
        """Start the campaigns, or let them go on."""
        self._each(request, campaigns, activate)

    @admin.action(description="Pause")
    def pause(self, request: HttpRequest, campaigns: QuerySet) -> None:
        """Let the campaigns send nothing more for now."""
        self._each(request, campaigns, Campaign.pause)

    def _each(self, request: HttpRequest, campaigns: QuerySet, change: Callable[..., None]) -> None:
        for campaign in campaigns:
            try:
                change(campaign, at=now())
            except DomainError as refusal:
                self.message_user(request, f"{campaign}: {refusal.message}", messages.ERROR)


@admin.register(Step)
class StepAdmin(ReadOnlyAdmin):
    list_display = ("id", "campaign", "position", "delay", "subject", "template_code")
    search_fields = ("campaign__name", "template_code", "subject")
    list_select_related = ("campaign",)


@admin.register(Enrollment)
class EnrollmentAdmin(ReadOnlyAdmin):
    list_display = ("id", "campaign", "contact", "state", "position", "enrolled_at", "due_at")
    list_filter = ("state",)
    search_fields = ("contact__email_key", "contact__external_id")
    list_select_related = ("campaign", "contact")
