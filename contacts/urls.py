"""Contacts: management, ingest, and public pages."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from contacts.api.contacts import ContactViewSet
from contacts.api.ingestion import BatchView, CallView
from contacts.api.reports import ReportView
from contacts.api.segments import SegmentViewSet
from contacts.api.templates import TemplateViewSet
from contacts.api.topics import TopicViewSet
from contacts.dialects import crm
from contacts.dialects.growthhub import urls as growthhub
from contacts.public import confirmation, link, picture, unsubscription

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("contacts", ContactViewSet)
router.register("segments", SegmentViewSet)
router.register("templates", TemplateViewSet)
router.register("topics", TopicViewSet)

_CALLS = ("identify", "track", "page", "screen", "group", "alias")

# Clients send these with and without a slash; a redirect would lose their bodies.
api = [
    *router.urls,
    *(path(type + end, CallView.as_view(type=type)) for type in _CALLS for end in ("", "/")),
    *(path(name + end, BatchView.as_view()) for name in ("batch", "import") for end in ("", "/")),
    *(path(f"public/mail/<str:provider>{end}", ReportView.as_view()) for end in ("", "/")),
]
dialects = [*growthhub.urlpatterns, *crm.urlpatterns]
public = [
    path("integrations/v1/", include("contacts.dialects.growthgenius.urls")),
    path("o/<str:token>", picture),
    path("l/<str:token>", link),
    path("u/<str:token>", unsubscription),
    path("c/<str:token>", confirmation),
]
