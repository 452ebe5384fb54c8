"""``/v1/analytics``, for the OpenAPI file and the docs: a module for each kind of resource."""

from growth.analytics.schema import queries, reports

__all__ = ["queries", "reports"]
