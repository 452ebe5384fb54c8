"""``/v1/webhooks/endpoints`` and the feed, for the OpenAPI file and the docs."""

from growth.api.descriptions import Operation, describe, refine
from growth.api.shapes import (
    TIME,
    WARNINGS,
    Shape,
    choice,
    flag,
    free,
    group,
    list_of,
    maybe,
    page_of,
    public_id,
    text,
    time,
    whole,
)
from webhooks.api import (
    EndpointSerializer,
    EndpointViewSet,
    FeedViewSet,
    PingSerializer,
    ReplaySerializer,
    RotationSerializer,
)
from webhooks.models import Delivery
from webhooks.models.endpoint import Endpoint
from webhooks.models.subscriptions import PING, TYPES

_URL = text("https://example.com/hooks", "Plain http only where the server allows it.")
_EVENTS = list_of(text("contact.created"), "Names, contact.* and the like, or *.")
_SECRET = text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "Shown here and never again.")
_FIELDS = {
    "id": public_id("whep"),
    "url": _URL,
    "description": text("CRM"),
    "events": _EVENTS,
    "enabled": flag(),
    "disabled_at": maybe(time()),
    "disabled_reason": maybe(choice(Endpoint.Reason.values)),
    "created_at": time(),
    "updated_at": time(),
    "warnings": WARNINGS,
}

_ENDPOINT = Shape("Endpoint", "An address that is told of events.", _FIELDS, ["warnings"])
_NEW_ENDPOINT = _ENDPOINT.but("NewEndpoint", "An endpoint, and its secret.", secret=_SECRET)
_ROTATED = _NEW_ENDPOINT.but(
    "RotatedEndpoint",
    "An endpoint, and its new secret.",
    previous_secret_expires_at=time("Until then deliveries bear signatures of both."),
)
_DELIVERY = Shape(
    "Delivery",
    "One event on its way to one endpoint.",
    {
        "id": public_id("wh_log"),
        "event": choice([*TYPES, PING]),
        "event_id": maybe(public_id("evt")),
        "status": choice(Delivery.Status.values),
        "http_status": maybe(whole(200)),
        "attempt": whole(1),
        "delivered_at": maybe(time()),
        "response_time_ms": maybe(whole(142)),
        "response_body": maybe(text("ok", "Its first kilobyte.")),
        "error": maybe(text("The connection was refused.")),
        "test": flag(example=False),
        "created_at": time(),
        "next_retry_at": maybe(time("While it will be tried again.")),
    },
    optional=["next_retry_at"],
)
_UNDER_WAY = Shape(
    "DeliveryUnderWay",
    "A delivery that was planned.",
    {"id": public_id("wh_log"), "status": choice(Delivery.Status.values)},
)
_REPLAY = Shape(
    "Replay",
    "Events that will be delivered again.",
    {
        "id": public_id("wh_replay"),
        "status": choice(["pending"]),
        "since": time(),
        "until": time(),
    },
)
_DOMAIN_EVENT = Shape(
    "WebhookEvent",
    "What happened, as webhooks and the feed tell it.",
    {
        "id": public_id("evt", "The same in every delivery, and in the feed."),
        "type": choice(TYPES),
        "created_at": time(),
        "timestamp": time("The same."),
        "project_id": public_id("proj"),
        "tenant_id": public_id("proj", "The same."),
        "data": free({"id": "cntct_4g2th2bz2j"}),
        "idempotency_key": text("idk_0123456789"),
    },
)

refine(EndpointSerializer, url=_URL, events=_EVENTS, secret=text(_SECRET["example"]))
refine(RotationSerializer, secret=text(_SECRET["example"]))
refine(PingSerializer, event=text("contact.created", "Any that can be subscribed to."))
refine(ReplaySerializer, since=time(), until=time())

describe(
    EndpointViewSet,
    "Webhooks",
    "Addresses of yours that are told of events, signed, at least once each.",
    list=Operation("List endpoints", answers=page_of(_ENDPOINT)),
    create=Operation(
        "Create an endpoint",
        "Without a `secret` one is made up; the answer shows it this once.",
        takes=EndpointSerializer,
        example={"url": _URL["example"], "events": ["contact.created", "contact.updated"]},
        answers=_NEW_ENDPOINT,
        status=201,
    ),
    retrieve=Operation("Get an endpoint", answers=_ENDPOINT),
    partial_update=Operation(
        "Update an endpoint",
        "With `enabled` it is switched off and on; what happened meanwhile is delivered then.",
        takes=EndpointSerializer,
        example={"events": ["contact.*"]},
        answers=_ENDPOINT,
    ),
    destroy=Operation("Delete an endpoint", status=204),
    rotate_secret=Operation(
        "Change the secret",
        "For a day, deliveries bear signatures of both.",
        takes=RotationSerializer,
        example={},
        answers=_ROTATED,
    ),
    test=Operation(
        "Send a test event",
        takes=PingSerializer,
        example={"event": "contact.created"},
        answers=_UNDER_WAY,
        status=202,
    ),
    replay=Operation(
        "Deliver events of a time again",
        "All of them, those that failed, or those that are missing.",
        takes=ReplaySerializer,
        example={"since": TIME, "status": "missing"},
        answers=_REPLAY,
        status=202,
    ),
    logs=Operation(
        "List deliveries",
        "Latest first.",
        answers=page_of(_DELIVERY),
        filters={
            "status": choice(Delivery.Status.values),
            "event": text("contact.created", "Names or wildcards, with commas between."),
        },
    ),
    redeliver=Operation("Deliver one event again", answers=_UNDER_WAY, status=202),
)
describe(
    FeedViewSet,
    "Event feed",
    "What webhooks tell, to be read: the same ids and bodies, in an order that stays.",
    list=Operation(
        "Read the feed",
        "Oldest first, for 30 days; send the last id you have as `after`. An older one is 410.",
        answers=group(
            data=list_of(_DOMAIN_EVENT),
            has_more=flag("Whether there are more now.", example=False),
            next_cursor=maybe(public_id("evt", "Send it as after.")),
        ),
        filters={
            "after": public_id("evt", "Only what came after this event."),
            "types": text("contact.*", "Names or wildcards, with commas between."),
        },
        refuses=("gone",),
    ),
)
