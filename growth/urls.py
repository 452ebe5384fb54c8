"""The whole URL map on one page."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from campaigns import urls as campaigns
from contacts import urls as contacts
from growth import health
from growth.analytics import urls as analytics
from growth.metrics import metrics
from growth.projects import urls as projects
from referrals import urls as referrals
from surveys import urls as surveys
from waitlists import urls as waitlists
from webhooks import urls as webhooks

apps = (contacts, campaigns, referrals, surveys, waitlists, webhooks, analytics, projects)

urlpatterns = [
    path("v1/", include([route for app in apps for route in app.api])),
    path("", RedirectView.as_view(url="/admin/")),
    path("", include("growth.docs.urls")),
    path("", include(contacts.dialects)),
    path("", include("growth.oauth.urls")),
    path("admin/", admin.site.urls),
    path("mailbox/", include("growth.embedded.urls")),
    path("healthz", health.live),
    path("readyz", health.ready),
    path("metrics", metrics),
    *(path("", include(app.public)) for app in apps),
]
handler400 = "growth.api.errors.handler400"
handler403 = "growth.api.errors.handler403"
handler404 = "growth.api.errors.handler404"
handler500 = "growth.api.errors.handler500"
