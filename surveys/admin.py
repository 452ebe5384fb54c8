from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import now

from growth.admin import ReadOnlyAdmin
from growth.errors import DomainError
from surveys.models import Invitation, Response, Survey
from surveys.operations.surveys import activate, send_test
from surveys.queries import stats


@admin.register(Survey)
class SurveyAdmin(ReadOnlyAdmin):
    list_display = ("name", "type", "status", "question", "segment", "created_at")
    list_filter = ("type", "status")
    search_fields = ("name", "question")
    actions = ("activate", "pause", "test")
    list_select_related = ("segment",)
    fields = (
        *("name", "type", "status", "results", "question", "follow_up", "questions", "trigger"),
        *("segment", "frequency_cap", "template_code", "activated_at", "created_at"),
    )
    readonly_fields = ("results",)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).alive()

    @admin.display
    def results(self, survey: Survey) -> SafeString:
        """Return how many answered, and what."""
        counts = {name: value for name, value in _flat(stats(survey)) if value is not None}
        shown = ((name.replace("_", " "), value) for name, value in counts.items())
        return format_html_join(" · ", "{} {}", shown)

    @admin.action(description="Activate")
    def activate(self, request: HttpRequest, surveys: QuerySet) -> None:
        """Let the surveys ask, or go on."""
        self._each(request, surveys, activate)

    @admin.action(description="Pause")
    def pause(self, request: HttpRequest, surveys: QuerySet) -> None:
        """Let the surveys ask nobody for now."""
        self._each(request, surveys, Survey.pause)

    @admin.action(description="Send me a test")
    def test(self, request: HttpRequest, surveys: QuerySet) -> None:
        """Send the invitations to the address of whoever is signed in."""
        if not request.user.email:
            message = "Your user has no email address; add one to send yourself a test."
            self.message_user(request, message, messages.ERROR)
            return

        def send(survey: Survey, *, at: datetime) -> None:
            send_test(survey, email=request.user.email, at=at)

        self._each(request, surveys, send)

    def _each(self, request: HttpRequest, surveys: QuerySet, change: Callable[..., None]) -> None:
        for survey in surveys.select_related("project", "stream"):
            try:
                change(survey, at=now())
            except DomainError as refusal:
                self.message_user(request, f"{survey}: {refusal.message}", messages.ERROR)


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    list_display = (
        *("id", "survey", "contact", "entry", "state", "reason"),
        *("due_at", "asked_at", "sent_at", "answered_at"),
    )
    list_filter = ("state", "reason")
    search_fields = ("contact__email_key", "contact__external_id")
    list_select_related = ("survey", "contact")


@admin.register(Response)
class ResponseAdmin(ReadOnlyAdmin):
    list_display = ("id", "survey", "contact", "score", "category", "comment", "responded_at")
    list_filter = ("category",)
    search_fields = ("contact__email_key", "contact__external_id")
    list_select_related = ("survey", "contact")


def _flat(told: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the single numbers among the statistics."""
    inner = told.get("breakdown", {})
    return [(n, v) for n, v in {**told, **inner}.items() if not isinstance(v, dict | list)]
