"""GrowthHub's contacts. Some clients send a slash; a redirect would lose their bodies."""

from django.urls import path

from contacts.dialects.growthhub.errors import tell
from contacts.dialects.growthhub.search import CollectionView, SearchView
from contacts.dialects.growthhub.views import ContactViewSet
from growth.api.errors import speak

speak("/contacts", tell)

_ROUTES = (
    ("contacts", CollectionView, {"get": "list", "post": "create"}),
    ("contacts/upsert", ContactViewSet, {"post": "upsert"}),
    ("contacts/search", SearchView, {"post": "search"}),
    ("contacts/search/duplicate", ContactViewSet, {"get": "duplicate"}),
    (
        "contacts/<str:pk>",
        ContactViewSet,
        {"get": "retrieve", "put": "update", "delete": "destroy"},
    ),
    ("contacts/<str:pk>/tags", ContactViewSet, {"post": "add_tags", "delete": "remove_tags"}),
)

urlpatterns = [
    path(route + end, view.as_view(actions))
    for route, view, actions in _ROUTES
    for end in ("", "/")
]
