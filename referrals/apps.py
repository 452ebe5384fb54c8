from django.apps import AppConfig


class ReferralsConfig(AppConfig):
    """People who bring their friends, and what both get for it."""

    name = "referrals"

    def ready(self) -> None:
        from referrals import receivers  # noqa: F401  # Its listeners register as they are defined.
