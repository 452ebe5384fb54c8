"""The plainest way to serve the same rows with Django REST framework."""

from functools import cache

from django.db.models import QuerySet
from django.urls import include, path
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.generics import ListAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from contacts.api.contacts import ContactViewSet
from contacts.models import Contact, Event
from growth.management.bench.plain import ContactView, TrackView
from growth.models import ApiKey


class EventSerializer(serializers.ModelSerializer):
    contact_id = serializers.CharField()

    class Meta:
        model = Event
        fields = ("contact_id", "name", "properties", "timestamp", "received_at", "message_id")


class EventsView(APIView):
    permission_classes = ()

    def post(self, request: Request) -> Response:
        form = EventSerializer(data=request.data["events"], many=True)
        form.is_valid(raise_exception=True)
        form.save(project=request.auth.project)
        return Response({"success": True}, 202)


class ContactSerializer(serializers.ModelSerializer):
    id = serializers.CharField()

    class Meta:
        model = Contact
        fields = (
            "id", "email", "external_id", "phone", "traits", "tags", "created_at", "updated_at",
        )  # fmt: skip


class ContactPages(CursorPagination):
    page_size = 100
    ordering = ("-created_at", "-id")


class ContactsView(ListAPIView):
    permission_classes = ()
    queryset = Contact.objects.alive()
    serializer_class = ContactSerializer
    pagination_class = ContactPages
    renderer_classes = (JSONRenderer,)

    def get_queryset(self) -> QuerySet:
        return super().get_queryset().filter(project=self.request.auth.project)


class AnyKey(BaseAuthentication):
    """Takes everybody for the first key that there is."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey]:
        return None, _first_key()


@cache
def _first_key() -> ApiKey:
    return ApiKey.objects.select_related("project").order_by("pk")[0]


class OpenContactViewSet(ContactViewSet):
    """Ours, without asking who calls, what the key may do, and how often it has called."""

    authentication_classes = (AnyKey,)
    permission_classes = ()
    throttle_classes = ()


naive = [
    path("contacts/<str:pk>", ContactView.as_view()),
    path("track", TrackView.as_view()),
    path("events", EventsView.as_view()),
    path("contacts", ContactsView.as_view()),
]
urlpatterns = [
    path("naive/", include(naive)),
    path("open/contacts/<str:pk>", OpenContactViewSet.as_view({"get": "retrieve"})),
    path("", include("growth.urls")),
]
