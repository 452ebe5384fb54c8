"""Segments in the admin: what would change is shown before it is saved."""

import json

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.timezone import now

from contacts.models import (
    Membership,
    Segment,
    SegmentClock,
)
from contacts.operations.segments import require_sound_looks, revise_segment
from contacts.queries import estimate
from contacts.rules import parse
from growth.admin import ProjectModelAdmin, ReadOnlyAdmin
from growth.errors import Invalid, TooSlow


class SegmentForm(forms.ModelForm):
    """A segment's name and rule. What an edit of the rule would change is shown before it is saved;
    ``shown`` holds the rule of which it was.
    """

    shown = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Segment
        fields = ("name", "rules")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["rules"].required = self.instance.is_dynamic

    def clean_rules(self) -> dict | None:
        written, segment = self.cleaned_data["rules"], self.instance
        if not segment.is_dynamic:
            return None
        try:
            self.rule = parse(written, zone=segment.project.zone)
            require_sound_looks(segment, self.rule)
        except Invalid as refusal:
            wrong = refusal.violations[0]
            raise forms.ValidationError(f"{wrong.field}: {wrong.message}") from None
        return written

    def clean(self) -> None:
        if "rules" in self.changed_data and not self.errors and self.instance.is_dynamic:
            written = json.dumps(self.cleaned_data["rules"], sort_keys=True)
            if self.cleaned_data["shown"] != written:
                self.data = self.data.copy()
                self.data["shown"] = written
                self.add_error("rules", self._changes())

    def _changes(self) -> str:
        try:
            told = estimate(self.instance.project, self.rule, segment=self.instance, at=now())
        except TooSlow as error:
            return f"{error.message} Save again to do it all the same."
        enter, leave = told["changes"]["enter"], told["changes"]["leave"]
        return f"{enter:,} contacts would enter, and {leave:,} leave. Save again to do it."


@admin.register(Segment)
class SegmentAdmin(ProjectModelAdmin):
    form = SegmentForm
    fields = ("name", "rules", "shown", "project", "type", "status", "members", "updated_at")
    readonly_fields = ("project", "type", "status", "members", "updated_at")
    list_display = ("name", "id", "project", "type", "status", "members", "updated_at")
    list_filter = ("type", "status")
    search_fields = ("name",)
    list_select_related = ("project",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Segment | None = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, segment: Segment, form: SegmentForm, change: bool
    ) -> None:
        """Change the segment as the API does."""
        stored = Segment.objects.select_related("project").get(pk=segment.pk)
        rules = segment.rules if "rules" in form.changed_data else None
        revise_segment(stored, name=segment.name, rules=rules, at=now())

    @admin.display
    def members(self, segment: Segment) -> int:
        """Return how many contacts are in the segment."""
        return segment.memberships.filter(project=segment.project_id).count()


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("segment", "contact", "entered_at")
    search_fields = ("segment__name", "contact__email_key", "contact__external_id")
    list_select_related = ("segment", "contact")


@admin.register(SegmentClock)
class SegmentClockAdmin(ReadOnlyAdmin):
    list_display = ("segment", "contact", "recheck_at")
    search_fields = ("segment__name",)
    list_select_related = ("segment", "contact")
