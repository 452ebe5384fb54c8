"""One call of the ingest API, from JSON to what the domain knows."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from typing import Any, NoReturn

from contacts.api.attribution import referral_in
from contacts.api.commands import COMMANDS
from contacts.models.addresses import AddressError
from contacts.models.identity import NO_PERSON, names_nobody
from contacts.operations.calls import HISTORICAL_AGE, Call
from contacts.operations.people import Sighting
from contacts.operations.traits import (
    MAX_IDENTIFIER,
    make_sighting,
    sighting_by_ids,
    traits_violations,
)
from growth.errors import Invalid, Violation

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
MAX_EVENT_NAME = 256
FAST_CLOCK = timedelta(minutes=1)

_SNAKE_CASE = {
    "anonymousId": "anonymous_id",
    "groupId": "group_id",
    "messageId": "message_id",
    "originalTimestamp": "original_timestamp",
    "previousId": "previous_id",
    "sentAt": "sent_at",
    "userId": "user_id",
}
_EVENT_NAMES = {"page": "page", "screen": "screen", "group": "group"}
_TYPES = ("identify", "track", "page", "screen", "group", "alias")


@dataclass(frozen=True)
class Envelope:
    """What a batch says of all its calls, and when it came in."""

    body: dict[str, Any]
    received_at: datetime
    zone: tzinfo = UTC

    @cached_property
    def context(self) -> dict[str, Any]:
        """What is said of where all calls come from."""
        return _objects(self.body, "context")

    @cached_property
    def sent_at(self) -> datetime | None:
        """When the sender believed to have sent it."""
        return _time(self.zone, _in_snake_case(self.body), "sent_at")


def parse_call(item: Any, envelope: Envelope) -> Call:
    """Return what the JSON of one call says.

    :raises Invalid: if it is not a call, or holds what cannot be stored.
    """
    if not isinstance(item, dict):
        _refuse("", "invalid", "Send each call as a JSON object.")
    type = item.get("type")
    if type not in _TYPES:
        _refuse("type", "invalid", f"Name a type: {', '.join(_TYPES)}.")
    item = _in_snake_case(item)
    context = envelope.context | _objects(item, "context")
    warnings: list[str] = []
    timestamp = _timestamp(item, envelope, warnings)
    is_old = envelope.received_at - timestamp > HISTORICAL_AGE
    name = _event_name(type, item)
    properties = _properties(type, item) if name else {}
    is_historical = is_old or context.get("historical") is True
    if name in COMMANDS and is_historical:
        warnings.append(f"event: {name} is too old to be acted on; nothing was done.")
    return Call(
        sighting=_sighting(type, item, warnings),
        name=name,
        properties=properties,
        timestamp=timestamp,
        message_id=_text(item, "message_id", limit=255) or None,
        is_historical=is_historical,
        previous_id=_text(item, "previous_id") if type == "alias" else "",
        referral=referral_in(context, properties),
        is_command=name in COMMANDS,
        warnings=tuple(warnings),
    )


def _sighting(type: str, item: dict[str, Any], warnings: list[str]) -> Sighting:
    user_id, anonymous_id = _ids(item, warnings) if type != "alias" else _aliases(item)
    if type != "identify":
        return sighting_by_ids(user_id, anonymous_id)
    traits = _objects(item, "traits")
    if violations := list(traits_violations(traits)):
        raise Invalid(*violations)
    warnings += [
        f"traits.{name}: An address is not removed by identify; it was ignored."
        for name in ("email", "phone")
        if name in traits and traits[name] in (None, "")
    ]
    try:
        return make_sighting(
            external_id=user_id,
            anonymous_id=anonymous_id,
            email=_text(traits, "email", limit=320, path="traits."),
            phone=_text(traits, "phone", limit=64, path="traits."),
            traits={name: traits[name] for name in traits if name not in ("email", "phone")},
        )
    except AddressError as error:
        raise Invalid(Violation("traits.email", "invalid", str(error))) from None


def _ids(item: dict[str, Any], warnings: list[str]) -> tuple[str, str]:
    """Return by which ids the call names its person; what is no person's own is left out."""
    ids = {"user_id": _text(item, "user_id"), "anonymous_id": _text(item, "anonymous_id")}
    shared = [name for name, id in ids.items() if id and names_nobody(id)]
    for name in shared:
        ids[name] = ""
        warnings.append(f"{name}: {NO_PERSON} It was ignored.")
    user_id, anonymous_id = ids.values()
    if not (user_id or anonymous_id):
        if shared:
            _refuse(shared[0], "blocked", NO_PERSON)
        _refuse("user_id", "required", "Name a user_id or an anonymous_id.")
    return user_id, anonymous_id


def _aliases(item: dict[str, Any]) -> tuple[str, str]:
    user_id = _text(item, "user_id")
    previous_id = _text(item, "previous_id")
    if not previous_id:
        _refuse("previous_id", "required", "Name the previous_id that becomes the user.")
    if not user_id:
        _refuse("user_id", "required", "Name the user_id of the user.")
    for name, id in (("user_id", user_id), ("previous_id", previous_id)):
        if names_nobody(id):
            _refuse(name, "blocked", NO_PERSON)
    return user_id, previous_id


def _event_name(type: str, item: dict[str, Any]) -> str:
    if type != "track":
        return _EVENT_NAMES.get(type, "")
    name = item.get("event")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_EVENT_NAME:
        _refuse("event", "invalid", f"Name the event in 1 to {MAX_EVENT_NAME} characters.")
    if name in COMMANDS:
        COMMANDS[name](_objects(item, "properties"))
    elif name.startswith("$"):
        _refuse("event", "reserved", "Names that begin with $ are the system's own.")
    return name


def _properties(type: str, item: dict[str, Any]) -> dict[str, Any]:
    properties = dict(_objects(item, "properties"))
    for field in ("name", "category") if type in ("page", "screen") else ():
        if field in item:
            properties.setdefault(field, item[field])
    if type == "group":
        properties["group_id"] = _text(item, "group_id")
        properties["traits"] = _objects(item, "traits")
    return properties


def _timestamp(item: dict[str, Any], envelope: Envelope, warnings: list[str]) -> datetime:
    """Return when it happened by our clock: the sender's may be wrong, its differences are not."""
    received_at = envelope.received_at
    zone = envelope.zone
    told = _time(zone, item, "original_timestamp") or _time(zone, item, "timestamp")
    sent = _time(zone, item, "sent_at") or envelope.sent_at
    happened = told or received_at
    if told and sent:
        try:
            happened = received_at - max(sent - told, timedelta())
        except OverflowError:
            _refuse("sent_at", "out_of_range", "Send the time at which the call was sent.")
    if happened < EARLIEST:
        _refuse("timestamp", "out_of_range", f"Send a time after {EARLIEST:%Y-%m-%d}.")
    if happened - received_at > FAST_CLOCK:
        warnings.append("timestamp: It lies in the future; the time of receipt was taken.")
    return min(happened, received_at)


def _time(zone: tzinfo, item: dict[str, Any], name: str) -> datetime | None:
    value = item.get(name)
    if value is None:
        return None
    try:
        time = datetime.fromisoformat(value)
        return (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        _refuse(name, "invalid", "Write times as ISO 8601, such as 2026-02-23T10:00:00Z.")


def _text(item: dict[str, Any], name: str, limit: int = MAX_IDENTIFIER, path: str = "") -> str:
    value = item.get(name)
    if value is None:
        return ""
    if type(value) is int:
        value = str(value)
    if type(value) is not str or len(value) > limit:
        _refuse(path + name, "invalid", f"Send a text of at most {limit} characters.")
    return value.strip()


def _objects(item: dict[str, Any], name: str) -> dict[str, Any]:
    value = item.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        _refuse(name, "invalid", "Send a JSON object.")
    return value


def _in_snake_case(item: dict[str, Any]) -> dict[str, Any]:
    """Return the item with all names in snake_case; what was sent so already comes first."""
    renamed = dict(item)
    for camel in _SNAKE_CASE.keys() & item.keys():
        snake = _SNAKE_CASE[camel]
        if item.get(snake) is None:
            renamed[snake] = item[camel]
    return renamed


def _refuse(field: str, reason: str, message: str) -> NoReturn:
    raise Invalid(Violation(field, reason, message))
