"""The routes of the dialect, with and without a slash at their ends."""

from django.urls import path

from contacts.dialects.growthgenius.contacts import ContactViewSet
from contacts.dialects.growthgenius.developers import developers
from contacts.dialects.growthgenius.messages import MessageViewSet
from contacts.dialects.growthgenius.team import StageViewSet, UserViewSet

_LIST = {"get": "list"}
_MANY = {"get": "list", "post": "create"}
_ONE = {
    "get": "retrieve",
    "patch": "partial_update",
    "post": "partial_update",  # as the older documents write it
    "delete": "destroy",
}
_VIEWS = {
    "users": UserViewSet.as_view(_LIST),
    "contact_stages": StageViewSet.as_view(_LIST),
    "contacts": ContactViewSet.as_view(_MANY),
    "contacts/search": ContactViewSet.as_view({"post": "search"}),
    "contacts/<str:pk>": ContactViewSet.as_view(_ONE),
    "messages": MessageViewSet.as_view(_MANY),
    "messages/search": MessageViewSet.as_view({"post": "search"}),
    "messages/<str:pk>": MessageViewSet.as_view(_ONE),
    "developers": developers,
}

urlpatterns = [path(route + end, view) for route, view in _VIEWS.items() for end in ("", "/")]
