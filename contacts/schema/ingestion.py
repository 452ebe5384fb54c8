"""The ingest API: what clients send."""

from typing import Any

from contacts.api.ingestion import MAX_CALLS, BatchView, CallView
from growth.api.descriptions import Operation, describe
from growth.api.refusals import ERROR
from growth.api.shapes import (
    TIME,
    Schema,
    Shape,
    choice,
    flag,
    free,
    group,
    list_of,
    maybe,
    text,
    time,
    whole,
)

_TRAITS = maybe(free({"email": "alice@example.com", "plan": "trial"}, "Null removes one."))
_ENVELOPE: dict[str, Schema] = {
    "userId": maybe(text("user_123", "Your own id of the person.")),
    "anonymousId": maybe(text("a7c1f0", "Of a visitor who is not known yet.")),
    "messageId": maybe(text("msg-1001", "Sent twice, the call counts once.")),
    "timestamp": maybe(time("When it happened.")),
    "sentAt": maybe(time("When the client sent it, by its own clock.")),
    "context": maybe(free({"historical": True}, "What is historical triggers nothing.")),
}
_CONFLICTS = list_of(
    group(
        identifier=choice(["external_id", "email", "phone", "anonymous_id"]),
        action=choice(["ignored"]),
    ),
    "Identifiers that belong to somebody else, and were not stored.",
)
_KEPT_BACK = {"conflicts": _CONFLICTS, "warnings": list_of(text("user_id: It was ignored."))}

_ACCEPTED = Shape(
    "Accepted",
    "It is stored.",
    {
        "success": flag(),
        "request_id": ERROR.fields["request_id"],
        **_KEPT_BACK,
    },
    optional=_KEPT_BACK,
)
_VERDICT = Shape(
    "CallVerdict",
    "What became of one call of a batch.",
    {
        "index": whole(0, "Its place in the batch."),
        "status": whole(202),
        "success": flag(),
        **_KEPT_BACK,
        "error": ERROR.fields["error"],
    },
    optional=[*_KEPT_BACK, "error"],
)
_VERDICTS = Shape(
    "CallVerdicts",
    "What became of each call.",
    {
        "success": flag(),
        "request_id": ERROR.fields["request_id"],
        "items": list_of(_VERDICT),
    },
)
_ABOUT = (
    "Names may be snake_case or camelCase; Segment's and RudderStack's clients work by changing "
    "the host. The body may be gzipped. `202` means that it is stored."
)


def _call(type: str, about: str, required: tuple[str, ...] = (), /, **fields: Schema) -> Shape:
    optional = [each for each in (*_ENVELOPE, *fields) if each not in required]
    return Shape(f"{type}Call", about, {**_ENVELOPE, **fields}, optional)


def _operation(summary: str, takes: Shape, **example: Any) -> Operation:
    return Operation(
        summary,
        _ABOUT,
        takes=takes,
        example={"userId": "user_123", **example},
        answers=_ACCEPTED,
        status=202,
    )


_PAGE = {
    "name": text("Pricing"),
    "category": text("Docs"),
    "properties": maybe(free({"url": "https://example.com/pricing"})),
}

describe(
    CallView,
    "Ingest",
    "What your apps and sites tell as it happens. Takes write keys, which are safe in a browser.",
    identify=_operation(
        "Say who somebody is",
        _call("Identify", "Who somebody is.", traits=_TRAITS),
        traits={"email": "alice@example.com", "plan": "trial"},
    ),
    track=_operation(
        "Say what somebody did",
        _call(
            "Track",
            "What somebody did.",
            ("event",),
            event=text("purchase", maxLength=256),
            properties=maybe(free({"amount": 49, "currency": "EUR"})),
        ),
        event="purchase",
        properties={"amount": 49, "currency": "EUR"},
        messageId="msg-1001",
    ),
    page=_operation(
        "Say which page somebody looked at",
        _call("Page", "A page that somebody looked at.", **_PAGE),
        name="Pricing",
    ),
    screen=_operation(
        "Say which screen somebody looked at",
        _call("Screen", "A screen of an app that somebody looked at.", **_PAGE),
        name="Checkout",
    ),
    group=_operation(
        "Say which group somebody belongs to",
        _call(
            "Group",
            "A company or team that somebody belongs to.",
            groupId=maybe(text("company_7")),
            traits=maybe(free({"name": "Acme Inc"})),
        ),
        groupId="company_7",
        traits={"name": "Acme Inc"},
    ),
    alias=_operation(
        "Say that two ids are one person",
        _call(
            "Alias",
            "Two ids of one person.",
            ("previousId", "userId"),
            previousId=text("a7c1f0", "The id that becomes the user."),
            userId=text("user_123", "The user."),
        ),
        previousId="a7c1f0",
    ),
)

_BATCH = Shape(
    "Batch",
    "Calls of all types.",
    {
        "batch": list_of(
            {
                "type": "object",
                "example": {"type": "track", "userId": "user_123", "event": "login"},
            },
            "Each as its own route takes it, with its type.",
            maxItems=MAX_CALLS,
        ),
        "sentAt": _ENVELOPE["sentAt"],
        "context": _ENVELOPE["context"],
        "writeKey": text("gos_wk_live_…", "The key, for clients that cannot send headers."),
    },
    optional=["sentAt", "context", "writeKey"],
)
_BATCH_OPERATION = Operation(
    "Send many calls",
    f"Up to {MAX_CALLS:,} calls or 500 KB, each with its own verdict; those that are right are "
    "stored whatever the others are.",
    takes=_BATCH,
    example={
        "batch": [
            {"type": "identify", "userId": "user_123", "traits": {"plan": "trial"}},
            {"type": "track", "userId": "user_123", "event": "login", "timestamp": TIME},
        ],
        "sentAt": TIME,
    },
    answers=_VERDICTS,
    status=202,
)
describe(
    BatchView,
    "Ingest",
    "What your apps and sites tell as it happens. Takes write keys, which are safe in a browser.",
    batch=_BATCH_OPERATION,
    **{"import": _BATCH_OPERATION},
)
