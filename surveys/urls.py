"""Surveys: management, and the page of an invitation."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from surveys.api import SurveyViewSet
from surveys.public import answer_page

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("surveys", SurveyViewSet)

api = router.urls
public = [path("s/<str:token>", answer_page)]
