from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from growth.admin import ActingAdmin, ReadOnlyAdmin
from webhooks.models import Delivery, Endpoint, Replay
from webhooks.models.subscriptions import PING
from webhooks.operations.planning import plan_test


@admin.register(Endpoint)
class EndpointAdmin(ActingAdmin):
    list_display = ("url", "project", "is_on", "disabled_reason", "failures", "created_at")
    list_filter = ("disabled_reason",)
    search_fields = ("url", "description")
    list_select_related = ("project",)
    exclude = ("secret", "previous_secret")
    actions = ("enable", "disable", "send_test")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).filter(deleted_at=None)

    @admin.display(description="enabled", boolean=True)
    def is_on(self, endpoint: Endpoint) -> bool:
        """Return whether events are sent to it."""
        return endpoint.is_enabled

    @admin.action(description="Enable")
    def enable(self, request: HttpRequest, endpoints: QuerySet) -> None:
        """Send what was kept, and what follows."""
        self.each(request, endpoints, lambda each, at: each.revise(is_enabled=True, at=at))

    @admin.action(description="Disable")
    def disable(self, request: HttpRequest, endpoints: QuerySet) -> None:
        """Keep events for the endpoints without sending them."""
        self.each(request, endpoints, lambda each, at: each.revise(is_enabled=False, at=at))

    @admin.action(description="Send a test")
    def send_test(self, request: HttpRequest, endpoints: QuerySet) -> None:
        """Queue a ping."""
        self.each(request, endpoints, lambda each, at: plan_test(each, type=PING, at=at))


@admin.register(Delivery)
class DeliveryAdmin(ActingAdmin):
    list_display = (
        *("id", "endpoint", "type", "status", "http_status", "error", "attempt"),
        *("response_time_ms", "created_at", "delivered_at", "due_at"),
    )
    list_filter = ("status", "is_test", "type")
    search_fields = ("endpoint__url", "type")
    list_select_related = ("endpoint",)
    actions = ("redeliver",)

    @admin.action(description="Redeliver")
    def redeliver(self, request: HttpRequest, deliveries: QuerySet) -> None:
        """Send them again from the start."""
        self.each(request, deliveries.select_related("endpoint"), Delivery.redeliver)


@admin.register(Replay)
class ReplayAdmin(ReadOnlyAdmin):
    list_display = ("id", "endpoint", "which", "since", "until", "queued", "created_at", "due_at")
    list_filter = ("which",)
    search_fields = ("endpoint__url",)
    list_select_related = ("endpoint",)
