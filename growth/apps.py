from django.apps import AppConfig


class GrowthConfig(AppConfig):
    """The project itself: tenants, keys, staff, and the outbox."""

    name = "growth"

    def ready(self) -> None:
        from growth import celery  # noqa: F401  # Wake-ups go through this app in every process.
