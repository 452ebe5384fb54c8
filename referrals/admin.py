from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from growth.admin import ActingAdmin, ReadOnlyAdmin
from referrals.models import Click, Conversion, Link, Program, Referral, Reward, Standing
from referrals.operations.conversions import accept_conversion, reverse_conversion
from referrals.operations.rewards import approve_reward, reject_reward
from referrals.queries import stats_of


@admin.register(Program)
class ProgramAdmin(ActingAdmin):
    list_display = ("name", "project", "status", "conversion_event", "created_at")
    list_filter = ("status",)
    search_fields = ("name", "conversion_event")
    list_select_related = ("project",)
    actions = ("activate", "pause")
    readonly_fields = ("reward", "progress")
    exclude = ("reward_minor", "reward_currency")

    @admin.display
    def reward(self, program: Program) -> str:
        """Return what the referrer gets for each conversion."""
        return f"{program.reward_amount} {program.reward_currency}".strip()

    @admin.display
    def progress(self, program: Program) -> SafeString:
        """Return how much has come of it."""
        counts = stats_of([program])[program.id].items()
        return format_html_join(" · ", "{} {}", ((n.replace("_", " "), c) for n, c in counts))

    @admin.action(description="Activate")
    def activate(self, request: HttpRequest, programs: QuerySet) -> None:
        """Record conversions from now on."""
        self.each(request, programs, Program.activate)

    @admin.action(description="Pause")
    def pause(self, request: HttpRequest, programs: QuerySet) -> None:
        """Record no more conversions for now."""
        self.each(request, programs, Program.pause)


@admin.register(Link)
class LinkAdmin(ActingAdmin):
    list_display = ("code", "project", "program", "contact", "channel", "created_at")
    search_fields = ("=code", "=contact__email_key")
    list_select_related = ("project", "program", "contact")
    actions = ("rotate_share_tokens",)

    @admin.action(description="Change the share token")
    def rotate_share_tokens(self, request: HttpRequest, links: QuerySet) -> None:
        """Let the share tokens that were given out open nothing any more."""
        for link in links:
            link.rotate_share_token()


@admin.register(Click)
class ClickAdmin(ReadOnlyAdmin):
    list_display = ("id", "link", "clicked_at", "is_machine")
    list_filter = ("is_machine",)
    search_fields = ("=link__code",)
    list_select_related = ("link",)


@admin.register(Referral)
class ReferralAdmin(ReadOnlyAdmin):
    list_display = ("id", "program", "link", "contact", "seen_at", "created_at")
    search_fields = ("=link__code", "=contact__email_key")
    list_select_related = ("program", "link", "contact")


@admin.register(Conversion)
class ConversionAdmin(ActingAdmin):
    list_display = ("id", "link", "referrer", "contact", "status", "reason", "converted_at")
    list_filter = ("status",)
    search_fields = ("=link__code", "=contact__email_key", "=referrer__email_key")
    list_select_related = ("project", "program__project", "link", "referrer", "contact")
    actions = ("accept", "reverse")

    @admin.action(description="Accept what was rejected")
    def accept(self, request: HttpRequest, conversions: QuerySet) -> None:
        """Let the conversions count after all."""
        self.each(request, conversions, accept_conversion)

    @admin.action(description="Reverse")
    def reverse(self, request: HttpRequest, conversions: QuerySet) -> None:
        """Take the conversions back, and what is owed for them."""
        self.each(request, conversions, reverse_conversion)


@admin.register(Standing)
class StandingAdmin(ReadOnlyAdmin):
    list_display = (
        *("id", "program", "contact", "conversions", "referrals", "reached_at", "is_stale"),
    )
    list_filter = ("is_stale",)
    search_fields = ("=contact__email_key",)
    list_select_related = ("program", "contact")


@admin.register(Reward)
class RewardAdmin(ActingAdmin):
    list_display = ("id", "program", "contact", "kind", "type", "owed", "status", "due_at")
    list_filter = ("status", "kind")
    search_fields = ("=contact__email_key", "=conversion__link__code")
    list_select_related = ("program", "contact")
    actions = ("approve", "reject")

    @admin.display(ordering="minor")
    def owed(self, reward: Reward) -> str:
        """Return how much of what is owed."""
        return f"{reward.amount} {reward.currency}".strip()

    @admin.action(description="Approve")
    def approve(self, request: HttpRequest, rewards: QuerySet) -> None:
        """Issue the rewards before they are held to their end."""
        self.each(request, rewards, approve_reward)

    @admin.action(description="Reject")
    def reject(self, request: HttpRequest, rewards: QuerySet) -> None:
        """Do not issue the rewards."""
        self.each(request, rewards, reject_reward)
