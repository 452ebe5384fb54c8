from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """Events told to the customer's own servers, and the feed of the same events."""

    name = "webhooks"

    def ready(self) -> None:
        from webhooks import receivers  # noqa: F401  # Its listeners register as they are defined.
