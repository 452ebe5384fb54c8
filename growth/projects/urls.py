"""Settings, keys, and the audit log."""

from django.urls import path

from growth.projects.api import AuditViewSet, KeyViewSet, SettingsViewSet

api = [
    path(
        "settings",
        SettingsViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
    ),
    path("settings/keys", KeyViewSet.as_view({"get": "list", "post": "create"})),
    path("settings/keys/<str:pk>", KeyViewSet.as_view({"get": "retrieve", "delete": "destroy"})),
    path("settings/audit", AuditViewSet.as_view({"get": "list"})),
]
public: list = []
