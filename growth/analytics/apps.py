from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    """Counts, funnels and cohorts over the one stream of events."""

    name = "growth.analytics"
    label = "analytics"
