from django.apps import AppConfig


class WaitlistsConfig(AppConfig):
    """Queues that people join, and move up in by bringing others."""

    name = "waitlists"

    def ready(self) -> None:
        from waitlists import receivers  # noqa: F401  # Its listeners register as they are defined.
