from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    """Mail sequences and one-time sends."""

    name = "campaigns"

    def ready(self) -> None:
        from campaigns import receivers  # noqa: F401  # Its listeners register as they are defined.
