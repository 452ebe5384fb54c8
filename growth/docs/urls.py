"""The published contract."""

from django.urls import path
from django.views.generic import RedirectView

from growth.docs import views

urlpatterns = [
    path("openapi.json", views.openapi, name="openapi"),
    path("docs", RedirectView.as_view(pattern_name="docs")),
    path("docs/", views.index, name="docs"),
    path("docs/api/", views.explorer, name="docs-explorer"),
    path("docs/components/demo", views.demo, name="docs-demo"),
    path("docs/reference/<slug:slug>", views.resource, name="docs-resource"),
    path("docs/<slug:slug>", views.guide, name="docs-guide"),
]
