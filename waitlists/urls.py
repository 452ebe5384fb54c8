"""Waitlists: management, the entrance for strangers, and public pages."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from waitlists.api.entrance import EntranceView, StatusView
from waitlists.api.waitlists import WaitlistViewSet
from waitlists.public import confirmation, joining_page, status

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("waitlists", WaitlistViewSet)

# Clients send these with and without a slash; a redirect would lose their bodies.
api = [
    *router.urls,
    *(
        path(f"public/waitlists/<slug:slug>/{name}{end}", view.as_view())
        for name, view in (("entries", EntranceView), ("status", StatusView))
        for end in ("", "/")
    ),
]
public = [
    path("w/<slug:slug>", joining_page),
    path("w/<slug:slug>/status", status),
    path("w/<slug:slug>/confirm", confirmation),
]
