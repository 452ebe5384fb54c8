from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import now

from growth.admin import ReadOnlyAdmin
from growth.errors import DomainError
from waitlists.models import Bucket, Entry, Waitlist
from waitlists.operations.deciding import approve, approve_first, reject
from waitlists.queries import Row, row_of

BATCH = 50


@admin.register(Waitlist)
class WaitlistAdmin(ReadOnlyAdmin):
    list_display = (
        *("name", "slug", "pending_count", "waiting_count", "approved_count", "rejected_count"),
        *("referral_boost", "is_open", "created_at"),
    )
    list_filter = ("is_open", "auto_approve")
    search_fields = ("name", "slug")
    actions = ("approve_first",)
    fields = (
        *("name", "page", "progress", "referral_boost", "auto_approve", "require_verification"),
        *("is_open", "welcome_template_code", "invite_template_code", "landing_url", "invite_url"),
        *("created_at", "updated_at"),
    )
    readonly_fields = ("page", "progress")

    @admin.display
    def page(self, waitlist: Waitlist) -> SafeString:
        """Return a link to the page where people join."""
        return format_html('<a href="{0}">{0}</a>', waitlist.url)

    @admin.display
    def progress(self, waitlist: Waitlist) -> SafeString:
        """Return how many are how far."""
        shown = ((name, count) for name, count in waitlist.counts.items() if count)
        return format_html_join(" · ", "{} {}", shown) or SafeString("nobody yet")

    @admin.action(description=f"Approve the first {BATCH}")
    def approve_first(self, request: HttpRequest, waitlists: QuerySet) -> None:
        """Let the first of each list in."""
        for waitlist in waitlists.select_related("project"):
            count = len(approve_first(waitlist, BATCH, at=now()))
            self.message_user(request, f"{waitlist}: {count} were let in.")


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    list_display = (
        *("id", "contact", "waitlist", "status", "referral_count", "joined_at", "approved_at"),
    )
    list_filter = ("status", "reason", "waitlist")
    search_fields = ("contact__email_key", "code")
    list_select_related = ("contact", "waitlist")
    actions = ("approve", "reject")
    fields = (
        *("id", "waitlist", "contact", "status", "reason", "position", "referral_count", "code"),
        *("referred_by", "joined_at", "verified_at", "approved_at", "changed_at"),
    )
    readonly_fields = ("position",)

    @admin.display
    def position(self, entry: Entry) -> int | str:
        """Return its place in the queue."""
        return row_of(entry).position or "–"

    @admin.action(description="Approve")
    def approve(self, request: HttpRequest, entries: QuerySet) -> None:
        """Let these in."""
        self._each(request, entries, approve)

    @admin.action(description="Reject")
    def reject(self, request: HttpRequest, entries: QuerySet) -> None:
        """Take these out of the queue."""
        self._each(request, entries, reject)

    def _each(self, request: HttpRequest, entries: QuerySet, decide: Callable[..., Row]) -> None:
        for entry in entries.select_related("waitlist__project", "contact"):
            try:
                decide(entry.waitlist, entry, at=now())
            except DomainError as refusal:
                self.message_user(request, f"{entry.contact}: {refusal.message}", messages.ERROR)


@admin.register(Bucket)
class BucketAdmin(ReadOnlyAdmin):
    list_display = ("waitlist", "number", "count")
    search_fields = ("waitlist__name",)
    list_select_related = ("waitlist",)
