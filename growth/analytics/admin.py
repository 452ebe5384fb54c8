"""Funnels and cohorts with their pictures; what is kept of days, to look at."""

import json
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.timezone import now
from unfold.widgets import UnfoldAdminTextareaWidget

from growth.admin import ProjectModelAdmin, ReadOnlyAdmin
from growth.analytics.charts import funnel_chart, retention_chart
from growth.analytics.dashboard import safe
from growth.analytics.grammar import read_cohorts, read_funnel
from growth.analytics.models import (
    Cohort,
    DailyPeople,
    DailyScores,
    DailyTotal,
    DayChange,
    Funnel,
    Report,
    Rollup,
)
from growth.analytics.queries import Question, answer
from growth.errors import DomainError, Invalid


class _Indented(json.JSONEncoder):
    """Writes a definition on many lines."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"indent": 2})


class ReportForm(forms.ModelForm):
    """A name, and a definition that is checked as the API checks it."""

    definition = forms.JSONField(
        encoder=_Indented,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 14, "spellcheck": "false"}),
        help_text="As the API takes it: see the guide on analytics.",
    )
    read: Callable[..., Question]

    def clean_definition(self) -> Any:
        """Return the definition, or say all that is wrong with it."""
        written = self.cleaned_data["definition"]
        try:
            self.read(written, self.instance.project, at=now())
        except Invalid as refusal:
            wrong = [f"{each.field}: {each.message}".lstrip(": ") for each in refusal.violations]
            raise forms.ValidationError(wrong) from None
        return written


class FunnelForm(ReportForm):
    """The form of a funnel."""

    read = staticmethod(read_funnel)


class CohortForm(ReportForm):
    """The form of cohorts."""

    read = staticmethod(read_cohorts)


class ReportAdmin(ProjectModelAdmin):
    """A question with its answer of the usual range, as a picture and as a table."""

    list_display = ("name", "id", "project", "updated_at")
    search_fields = ("name",)
    list_select_related = ("project",)
    fields = ("name", "project", "result", "definition", "created_at", "updated_at")
    readonly_fields = ("project", "result", "created_at", "updated_at")
    table: str

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # The API makes them: it knows of which project.

    def draw(self, report: Report) -> tuple[str, dict[str, Any]]:
        """Return the picture of the answer, and the answer."""
        raise NotImplementedError

    @admin.display
    def result(self, report: Report) -> SafeString:
        """Return the answer: a picture, a way to keep it, and all its numbers."""
        try:
            svg, told = self.draw(report)
        except DomainError as error:
            return SafeString(error.message)
        return render_to_string(self.table, {"svg": safe(svg), "answer": told, "report": report})

    def get_urls(self) -> list[URLPattern]:
        """Add where the picture is fetched."""
        picture = self.admin_site.admin_view(self.picture)
        return [path("<path:object_id>/picture.svg", picture), *super().get_urls()]

    def picture(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer with the picture as a file."""
        report = self.get_object(request, object_id)
        if report is None or not self.has_view_permission(request, report):
            return HttpResponse(status=404)
        svg, _ = self.draw(report)
        headers = {"Content-Disposition": f'attachment; filename="{report.id}.svg"'}
        return HttpResponse(svg, content_type="image/svg+xml", headers=headers)


@admin.register(Funnel)
class FunnelAdmin(ReportAdmin):
    form = FunnelForm
    table = "admin/funnel_result.html"

    def draw(self, report: Report) -> tuple[str, dict[str, Any]]:
        at = now()
        question = read_funnel(report.definition, report.project, at=at)
        told = answer(question, report.project, at=at)
        return funnel_chart(report.name, told["data"]), told


@admin.register(Cohort)
class CohortAdmin(ReportAdmin):
    form = CohortForm
    table = "admin/cohort_result.html"

    def draw(self, report: Report) -> tuple[str, dict[str, Any]]:
        at = now()
        question = read_cohorts(report.definition, report.project, at=at)
        told = answer(question, report.project, at=at)
        return retention_chart(report.name, told["data"]), told


@admin.register(DailyTotal)
class DailyTotalAdmin(ReadOnlyAdmin):
    list_display = ("name", "day", "count", "project")
    search_fields = ("name",)
    list_select_related = ("project",)


@admin.register(DayChange)
class DayChangeAdmin(ReadOnlyAdmin):
    list_display = ("name", "day", "count", "zone", "project")
    search_fields = ("name",)
    list_select_related = ("project",)


@admin.register(DailyPeople)
class DailyPeopleAdmin(ReadOnlyAdmin):
    list_display = ("name", "day", "part", "project")
    search_fields = ("name",)
    list_select_related = ("project",)
    exclude = ("people",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("people")


@admin.register(DailyScores)
class DailyScoresAdmin(ReadOnlyAdmin):
    list_display = ("day", "project")
    list_select_related = ("project",)


@admin.register(Rollup)
class RollupAdmin(ReadOnlyAdmin):
    list_display = ("project", "zone", "built_at")
    list_select_related = ("project",)
