from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import now
from unfold.admin import TabularInline

from campaigns.models import Campaign, Enrollment, Step
from campaigns.operations.campaigns import activate
from campaigns.queries import stats
from growth.admin import ReadOnlyAdmin
from growth.errors import DomainError


class StepInline(TabularInline):
    """The mails of the campaign, in their order."""

    model = Step
    fields = ("position", "delay", "subject", "template_code")
    readonly_fields = fields
    ordering = ("position",)
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        return False


@admin.register(Campaign)
class CampaignAdmin(ReadOnlyAdmin):
    list_display = ("name", "type", "status", "segment", "scheduled_at", "created_at")
    list_filter = ("type", "status")
    search_fields = ("name",)
    actions = ("activate", "pause")
    list_select_related = ("segment",)
    inlines = (StepInline,)
    fields = (
        *("name", "type", "status", "status_reason", "progress", "trigger", "segment", "topic"),
        *("reentry", "delay_from", "goal", "exit_on_segment_leave", "scheduled_at"),
        *("start_within", "activated_at", "started_at", "completed_at", "created_at"),
    )
    readonly_fields = ("progress", "topic")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).alive()

    @admin.display
    def progress(self, campaign: Campaign) -> SafeString:
        """Return how many mails and contacts are how far."""
        counts = {name: value for name, value in stats(campaign).items() if value}
        shown = ((name.replace("_", " "), value) for name, value in counts.items())
        return format_html_join(" · ", "{} {}", shown) or SafeString("nothing yet")

    @admin.display
    def topic(self, campaign: Campaign) -> str:
        """Return what the mails are about."""
        return str(campaign.stream.topic or "–")

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
    list_display = (
        *("id", "campaign", "contact", "entry", "state", "reason", "position"),
        *("enrolled_at", "due_at", "converted_at"),
    )
    list_filter = ("state", "reason")
    search_fields = ("contact__email_key", "contact__external_id")
    list_select_related = ("campaign", "contact")
