"""Surveys: management, what the invited may do, and the page of an invitation."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from surveys.api.answering import AnswersView, InvitationView
from surveys.api.surveys import SurveyViewSet
from surveys.public import answer_page

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("surveys", SurveyViewSet)

# Clients send these with and without a slash; a redirect would lose their bodies.
api = [
    *router.urls,
    *(
        path(f"public/surveys/{name}{end}", view.as_view())
        for name, view in (("invitation", InvitationView), ("answers", AnswersView))
        for end in ("", "/")
    ),
]
public = [path("s/<str:token>", answer_page)]
