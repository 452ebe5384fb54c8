from django.apps import AppConfig


class SurveysConfig(AppConfig):
    """Questions to contacts, and their answers."""

    name = "surveys"

    def ready(self) -> None:
        from surveys import receivers  # noqa: F401  # Its listeners register as they are defined.
