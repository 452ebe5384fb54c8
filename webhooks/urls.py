"""Webhooks: management only, and the feed."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from webhooks.api import EndpointViewSet, FeedViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("webhooks/endpoints", EndpointViewSet)

api = [*router.urls, path("events/feed", FeedViewSet.as_view({"get": "list"}))]
public: list = []
