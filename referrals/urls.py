"""Referrals: management, and the links that people share."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from referrals import public as pages
from referrals.api.conversions import ConversionViewSet
from referrals.api.links import LinkViewSet
from referrals.api.programs import ProgramViewSet
from referrals.api.sharing import ShareView
from referrals.api.standings import LeaderboardViewSet, RewardViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("referrals/programs", ProgramViewSet)
router.register("referrals/links", LinkViewSet)
router.register("referrals/conversions", ConversionViewSet)

api = [
    *router.urls,
    path("referrals/rewards", RewardViewSet.as_view({"get": "list"})),
    path("referrals/leaderboard", LeaderboardViewSet.as_view({"get": "list"})),
    path("public/referrals/link", ShareView.as_view()),
    path("public/referrals/link/", ShareView.as_view()),
]
public = [
    path("r/<str:code>", pages.link),
    path("r/<str:code>/welcome", pages.welcome),
]
