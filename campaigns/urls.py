"""Campaigns: management only."""

from rest_framework.routers import SimpleRouter

from campaigns.api.campaigns import CampaignViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("campaigns", CampaignViewSet)

api = router.urls
public: list = []
