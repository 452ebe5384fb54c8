"""Analytics: management only."""

from rest_framework.routers import SimpleRouter

from growth.analytics.api.queries import AnalyticsViewSet
from growth.analytics.api.reports import CohortViewSet, FunnelViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("analytics/funnels", FunnelViewSet)
router.register("analytics/cohorts", CohortViewSet)
router.register("analytics", AnalyticsViewSet, basename="analytics")

api = router.urls
public: list = []
