"""``/v1/webhooks/endpoints`` and the feed of the same events."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet
from django.utils.timezone import now
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ErrorDetail, NotFound, ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from growth.api.fields import PlainDigits, StrictSerializer, Text
from growth.api.pagination import read_limit
from growth.api.viewsets import ProjectViewSet, require_spelling
from growth.models import DomainEvent
from webhooks import signing
from webhooks.http import destinations
from webhooks.models import Delivery, Endpoint, Replay
from webhooks.models.delivery import KEPT
from webhooks.models.endpoint import OVERLAP, EndpointQuerySet
from webhooks.models.subscriptions import PING, TYPES, UnknownEvent, canonical, types_of
from webhooks.operations.endpoints import create_endpoint
from webhooks.operations.planning import plan_test
from webhooks.operations.replaying import begin_replay
from webhooks.queries import NoSuchEvent, fed, payload

_UNKNOWN = "There is no event {name!r}; there are {known}, and wildcards such as contact.* and *."


def _unknown(name: object) -> ErrorDetail:
    return ErrorDetail(_UNKNOWN.format(name=name, known=", ".join((*TYPES, PING))), "unknown_event")


class EventName(Text):
    """The name of one event, as we or others spell it."""

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        try:
            found = canonical(name)
        except UnknownEvent:
            found = None
        if found is None or found.endswith("*"):
            raise serializers.ValidationError([_unknown(name)])
        return found


class Secret(Text):
    """A signing secret of the customer's own."""

    def __init__(self) -> None:
        super().__init__(required=False, trim_whitespace=False, min_length=16, max_length=256)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not (text.isascii() and text.isprintable()) or " " in text:
            raise serializers.ValidationError("Use visible ASCII characters without spaces.")
        return text


class EndpointSerializer(StrictSerializer):
    """What may be said of an endpoint. The secret is taken here and never shown."""

    id = serializers.CharField(read_only=True)
    url = Text(trim_whitespace=False)
    description = Text(required=False, allow_blank=True, max_length=500)
    events = serializers.ListField(child=Text(max_length=64), allow_empty=False, max_length=100)
    secret = Secret()
    enabled = serializers.BooleanField(source="is_enabled", required=False)
    disabled_at = serializers.DateTimeField(read_only=True)
    disabled_reason = serializers.CharField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def validate_url(self, text: str) -> str:
        try:
            destinations.check(text, settings.WEBHOOK_ALLOW_NETS)
        except destinations.BadDestination as refusal:
            raise serializers.ValidationError(str(refusal)) from None
        return text

    def validate_events(self, names: list[str]) -> list[str]:
        unknown = [name for name in names if not _is_known(name)]
        if unknown:
            raise serializers.ValidationError([_unknown(name) for name in unknown])
        return names

    def validate(self, data: dict) -> dict:
        if self.instance and "secret" in data:
            message = "Change the secret by POST …/rotate-secret, so that both work for a day."
            raise serializers.ValidationError({"secret": [message]})
        if "events" in data:
            data["types"] = sorted({canonical(name) for name in data["events"]} - {None})
        return data


def _is_known(name: str) -> bool:
    try:
        canonical(name)
    except UnknownEvent:
        return False
    return True


class RotationSerializer(StrictSerializer):
    """The new secret, if it is not to be made up."""

    secret = Secret()


class PingSerializer(StrictSerializer):
    """Which event a test is to look like."""

    event = EventName(required=False, default=PING)


class ProjectTime(PlainDigits, serializers.DateTimeField):
    """A time; without a zone it is meant in the project's."""

    def default_timezone(self) -> ZoneInfo:
        return self.context["zone"]

    def to_internal_value(self, data: Any) -> datetime:
        try:
            return super().to_internal_value(data).astimezone(UTC)
        except OverflowError:  # an end of the calendar
            self.fail("overflow")


class ReplaySerializer(StrictSerializer):
    """Which events an endpoint is to get again."""

    since = ProjectTime()
    until = ProjectTime(required=False)
    status = serializers.ChoiceField(
        Replay.Which.choices, source="which", default=Replay.Which.MISSING
    )

    def validate(self, data: dict) -> dict:
        at: datetime = self.context["at"]
        data.setdefault("until", at)
        if data["since"] >= data["until"]:
            raise serializers.ValidationError({"since": ["This must be before until."]})
        if data["since"] < at - KEPT - timedelta(minutes=1):
            raise serializers.ValidationError({"since": ["Events are kept for 30 days."]})
        return data


class EndpointViewSet(ProjectViewSet):
    """The addresses that are told of the project's events."""

    resource = "webhooks"
    secret_actions = ("create", "rotate_secret")
    queryset: EndpointQuerySet = Endpoint.objects.alive().select_related("project")
    serializer_class = EndpointSerializer

    def list(self, request: Request) -> Response:
        page = self.page_of(self.get_queryset())
        return self.paginator.get_paginated_response([_shown(each) for each in page])

    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(_shown(self.get_object()))

    def create(self, request: Request) -> Response:
        form = self.checked()
        endpoint = create_endpoint(self.project, at=now(), **form.validated_data)
        return _answer(endpoint, form, 201, secret=endpoint.secret)

    def partial_update(self, request: Request, pk: str) -> Response:
        endpoint = self.get_object()
        form = self.get_serializer(endpoint, data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        endpoint.revise(at=now(), **form.validated_data)
        return _answer(endpoint, form, 200)

    def destroy(self, request: Request, pk: str) -> Response:
        self.get_object().remove(at=now())
        return Response(status=204)

    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, pk: str) -> Response:
        endpoint = self.get_object()
        form = self.checked_as(RotationSerializer)
        at = now()
        endpoint.rotate(form.validated_data.get("secret") or signing.new_secret(), at=at)
        return _answer(
            endpoint, form, 200, secret=endpoint.secret, previous_secret_expires_at=at + OVERLAP
        )

    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> Response:
        endpoint = self.get_object()
        form = self.checked_as(PingSerializer)
        delivery = plan_test(endpoint, type=form.validated_data["event"], at=now())
        return Response({"id": delivery.id, "status": delivery.status}, 202)

    @action(detail=True, methods=["post"])
    def replay(self, request: Request, pk: str) -> Response:
        endpoint, at = self.get_object(), now()
        form = self.checked_as(ReplaySerializer, at=at, zone=self.project.zone)
        replay = begin_replay(endpoint, at=at, **form.validated_data)
        body = {"id": replay.id, "status": "pending", "since": replay.since, "until": replay.until}
        return Response(body, 202)

    @action(detail=True)
    def logs(self, request: Request, pk: str) -> Response:
        deliveries = self._deliveries(self.get_object())
        page = self.page_of(self._chosen(deliveries), "status", "event")
        return self.paginator.get_paginated_response([each.as_dict() for each in page])

    @action(detail=True, methods=["post"], url_path="logs/<str:log>/redeliver")
    def redeliver(self, request: Request, pk: str, log: str) -> Response:
        endpoint = self.get_object()
        require_spelling(Delivery, log)
        delivery = self._deliveries(endpoint).filter(pk=log).first()
        if delivery is None:
            raise NotFound("There is no such thing in this project.")
        delivery.redeliver(at=now())
        return Response({"id": delivery.id, "status": delivery.status}, 202)

    def checked_as(self, form_class: type[StrictSerializer], **context: Any) -> StrictSerializer:
        """Return the form of this class, holding the valid body of the request."""
        form = form_class(data=self.request.data, context=context)
        form.is_valid(raise_exception=True)
        return form

    def _deliveries(self, endpoint: Endpoint) -> QuerySet:
        return endpoint.deliveries.in_project(self.project)

    def _chosen(self, deliveries: QuerySet) -> QuerySet:
        if status := self.request.query_params.get("status"):
            if status not in Delivery.Status.values:
                raise ParseError(f"status: Send one of {', '.join(Delivery.Status.values)}.")
            deliveries = deliveries.filter(status=status)
        if event := self.request.query_params.get("event"):
            deliveries = deliveries.filter(type__in=_types("event", event))
        return deliveries


def _types(parameter: str, text: str) -> list[str]:
    """Return the types that the comma-separated names stand for.

    :raises ParseError: if one of them is no event's.
    """
    names = [name.strip() for name in text.split(",")]
    try:
        patterns = [canonical(name) for name in names]
    except UnknownEvent as unknown:
        raise ParseError(f"{parameter}: {_unknown(unknown.args[0])}") from None
    found = types_of([pattern for pattern in patterns if pattern])
    return found + [PING] * (PING in patterns)


def _shown(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "description": endpoint.description,
        "events": endpoint.events,
        "enabled": endpoint.is_enabled,
        "disabled_at": endpoint.disabled_at,
        "disabled_reason": endpoint.disabled_reason or None,
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
    }


def _answer(endpoint: Endpoint, form: StrictSerializer, status: int, **shown: Any) -> Response:
    names = form.validated_data.get("events", [])
    warnings = form.warnings + [
        f"events: {name} is accepted, and is never sent."
        for name in names
        if canonical(name) is None
    ]
    body = _shown(endpoint) | shown | ({"warnings": warnings} if warnings else {})
    return Response(body, status)


class FeedViewSet(ProjectViewSet):
    """The events of the last 30 days, as webhooks tell them, in an order that stays."""

    resource = "events"
    queryset = DomainEvent.objects.all()

    def list(self, request: Request) -> Response:
        params = request.query_params
        for name in sorted(params.keys() - {"after", "types", "limit"}):
            raise ParseError(f"{name}: There is no such parameter; there are after, types, limit.")
        limit = read_limit(request)
        types = _types("types", params["types"]) if params.get("types") else []
        if params.get("types") and not types:
            return Response({"data": [], "has_more": False, "next_cursor": None})
        after = params.get("after", "")
        try:
            events = fed(self.project, after=after, types=types, count=limit + 1, at=now())
        except NoSuchEvent:
            raise ParseError(
                "after: There is no such event in this project; send the id of one that the feed"
                " has shown."
            ) from None
        page = events[:limit]
        has_more = len(events) > limit
        return Response(
            {
                "data": [payload(event) for event in page],
                "has_more": has_more,
                "next_cursor": page[-1].id if has_more else None,
            }
        )
