"""Single calls as a good Django developer writes them on the first day: they do and answer the same
as ours, by a ModelSerializer for each thing, the ORM, and Django REST framework's own means.
"""

from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.cache import cache
from django.core.cache.backends.redis import RedisCache
from django.db import transaction
from django.db.models import QuerySet
from django.utils.timezone import now
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.generics import RetrieveUpdateAPIView
from rest_framework.parsers import JSONParser
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from contacts.models import (
    Consent,
    Contact,
    ContactActivity,
    Event,
    EventReceipt,
    Identity,
    Membership,
)
from contacts.scores import explain_scores
from growth.api.json import merge_patch
from growth.models import ApiKey, AuditEntry, DomainEvent, DomainEventType
from growth.models.api_key import digest
from referrals.models import Conversion, Referral
from surveys.models import Response as SurveyResponse
from waitlists.models import Entry


class HashedKey(BaseAuthentication):
    """Looks the key up by its digest."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey]:
        scheme, _, text = get_authorization_header(request).decode().partition(" ")
        keys = ApiKey.objects.usable(now()).select_related("project")
        key = keys.filter(digest=digest(text)).first()
        if scheme.lower() != "bearer" or key is None:
            raise AuthenticationFailed
        return None, key


class HasScope(BasePermission):
    """Asks the key for the scope of contacts."""

    def has_permission(self, request: Request, view: Any) -> bool:
        right = "read" if request.method in SAFE_METHODS else "write"
        return request.auth.allows(f"contacts:{right}")


class KeyThrottle(SimpleRateThrottle):
    """Counts in the cache, as Django REST framework does."""

    scope = "key"
    rate = "100/second"
    cache = (
        RedisCache(settings.BROKER_URL, {}) if settings.BROKER_URL.startswith("redis:") else cache
    )

    def get_cache_key(self, request: Request, view: Any) -> str:
        return self.cache_format % {"scope": self.scope, "ident": request.auth.pk}


class MembershipSerializer(serializers.ModelSerializer):
    class Meta:
        model = Membership
        fields = ("segment_id",)

    def to_representation(self, membership: Membership) -> str:
        return membership.segment_id


class ConsentSerializer(serializers.ModelSerializer):
    topic = serializers.CharField(source="topic.code")

    class Meta:
        model = Consent
        fields = ("topic", "state", "source", "at")


class EventSerializer(serializers.ModelSerializer):
    id = serializers.CharField()
    event = serializers.CharField(source="name")
    contact_id = serializers.CharField()

    class Meta:
        model = Event
        fields = (
            *("id", "event", "properties", "timestamp", "received_at", "message_id"),
            "contact_id",
        )


class SurveyResponseSerializer(serializers.ModelSerializer):
    id = serializers.CharField()
    survey_id = serializers.CharField()
    survey_name = serializers.CharField(source="survey.name")

    class Meta:
        model = SurveyResponse
        fields = (
            *("survey_id", "survey_name", "id", "score", "comment", "category", "answers"),
            *("responded_at", "edited_at"),
        )


class EntrySerializer(serializers.ModelSerializer):
    id = serializers.CharField()
    waitlist_id = serializers.CharField()
    position = serializers.SerializerMethodField()

    class Meta:
        model = Entry
        fields = (
            *("id", "waitlist_id", "status", "position", "referral_count", "code", "joined_at"),
            *("verified_at", "approved_at"),
        )

    def get_position(self, entry: Entry) -> int | None:
        if entry.status != Entry.Status.WAITING:
            return None
        before = Entry.objects.filter(waitlist=entry.waitlist_id, status=Entry.Status.WAITING)
        return before.filter(sort_key__lte=entry.sort_key).count()


class ProfileSerializer(serializers.ModelSerializer):
    id = serializers.CharField(read_only=True)
    scores = serializers.SerializerMethodField()
    segments = serializers.SerializerMethodField()
    consents = serializers.SerializerMethodField()
    recent_events = serializers.SerializerMethodField()
    referral_stats = serializers.SerializerMethodField()
    survey_responses = serializers.SerializerMethodField()
    waitlists = serializers.SerializerMethodField()

    class Meta:
        model = Contact
        fields = (
            *("id", "email", "external_id", "phone", "traits", "tags", "created_at", "updated_at"),
            *("scores", "segments", "consents", "recent_events", "referral_stats"),
            *("survey_responses", "waitlists"),
        )
        read_only_fields = ("created_at", "updated_at")

    def get_scores(self, contact: Contact) -> dict[str, int]:
        return {name: each["score"] for name, each in explain_scores(contact, at=now()).items()}

    def get_segments(self, contact: Contact) -> list:
        return MembershipSerializer(_own(Membership, contact).order_by("id"), many=True).data

    def get_consents(self, contact: Contact) -> list:
        said = _own(Consent, contact).select_related("topic").order_by("id")
        return ConsentSerializer(said, many=True).data

    def get_recent_events(self, contact: Contact) -> list:
        latest = _own(Event, contact).order_by("-timestamp", "-id")[:10]
        return EventSerializer(latest, many=True).data

    def get_referral_stats(self, contact: Contact) -> dict[str, int]:
        project = contact.project_id
        came = Referral.objects.filter(project=project, link__contact=contact)
        converted = Conversion.objects.filter(project=project, referrer=contact).standing()
        conversions = list(converted.values_list("contact_id", flat=True))
        people = {*came.exclude(contact=contact).values_list("contact_id", flat=True)}
        return {
            "referrals_made": len(people.union(conversions)),
            "conversions": len(conversions),
        }

    def get_survey_responses(self, contact: Contact) -> list:
        latest = _own(SurveyResponse, contact).select_related("survey").order_by("-pk")[:10]
        return SurveyResponseSerializer(latest, many=True).data

    def get_waitlists(self, contact: Contact) -> list:
        return EntrySerializer(_own(Entry, contact).order_by("id"), many=True).data

    def update(self, contact: Contact, data: dict[str, Any]) -> Contact:
        before = dict(contact.traits)
        data["traits"] = merge_patch(contact.traits, data.get("traits", {}))
        contact = super().update(contact, data | {"updated_at": now()})
        request = self.context["request"]
        changed = [name for name in contact.traits if contact.traits[name] != before.get(name)]
        AuditEntry.objects.create(
            project=request.auth.project,
            at=now(),
            request_id=uuid4().hex,
            api_key=request.auth,
            method=request.method,
            path=request.path,
            after={"fields": sorted(request.data)},
        )
        _tell(contact, DomainEventType.CONTACT_UPDATED, contact.snapshot() | {"changed": changed})
        changes = {f"traits.{name}": [contact.key] for name in changed}
        _tell(contact, DomainEventType.EVENTS_RECORDED, {"changes": changes, "events": []})
        return contact


def _own(model: Any, contact: Contact) -> QuerySet:
    return model.objects.filter(project=contact.project_id, contact=contact)


def _tell(contact: Contact, type: DomainEventType, data: dict[str, Any]) -> None:
    DomainEvent.objects.create(
        project_id=contact.project_id, type=type, data=data, subject=contact.key, created_at=now()
    )


class PlainView(APIView):
    """What the plain views share."""

    authentication_classes = (HashedKey,)
    permission_classes = (HasScope,)
    throttle_classes = (KeyThrottle,)
    parser_classes = (JSONParser,)
    renderer_classes = (JSONRenderer,)


class ContactView(PlainView, RetrieveUpdateAPIView):
    serializer_class = ProfileSerializer

    def get_queryset(self) -> QuerySet:
        found = Contact.objects.alive().filter(project=self.request.auth.project)
        return found if self.request.method in SAFE_METHODS else found.select_for_update()

    @transaction.atomic
    def patch(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().patch(request, *args, **kwargs)


class TrackSerializer(serializers.Serializer):
    user_id = serializers.CharField(max_length=255)
    event = serializers.CharField(max_length=256)
    properties = serializers.JSONField(default=dict)
    timestamp = serializers.DateTimeField(default=now)
    message_id = serializers.CharField(max_length=255, required=False)


class TrackView(PlainView):
    @transaction.atomic
    def post(self, request: Request) -> Response:
        form = TrackSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        data, project, at = form.validated_data, request.auth.project, now()
        message_id = data.get("message_id")
        if message_id and not self._is_first(message_id):
            return Response({"success": True}, 202)
        contact = self._contact(data["user_id"])
        event = Event.objects.create(
            project=project,
            contact=contact,
            name=data["event"],
            properties=data["properties"],
            timestamp=data["timestamp"],
            received_at=at,
            message_id=message_id,
        )
        ContactActivity.objects.update_or_create(
            project=project, contact=contact, defaults={"last_activity_at": event.timestamp}
        )
        changes = {f"events.{event.name}": [contact.key]}
        events = [[event.key, event.timestamp.isoformat()]]
        _tell(contact, DomainEventType.EVENTS_RECORDED, {"changes": changes, "events": events})
        return Response({"success": True, "request_id": uuid4().hex}, 202)

    def _is_first(self, message_id: str) -> bool:
        _, is_first = EventReceipt.objects.get_or_create(
            project=self.request.auth.project,
            message_id=message_id,
            defaults={"received_at": now()},
        )
        return is_first

    def _contact(self, user_id: str) -> Contact:
        project = self.request.auth.project
        known = Identity.objects.filter(project=project, kind="external_id", value=user_id)
        if identity := known.select_related("contact").first():
            return identity.contact
        at = now()
        contact = Contact.objects.create(
            project=project, external_id=user_id, created_at=at, updated_at=at
        )
        Identity.objects.create(project=project, kind="external_id", value=user_id, contact=contact)
        return contact
