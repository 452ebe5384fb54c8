"""``/v1/settings``, for the OpenAPI file and the docs."""

from growth.api.descriptions import Operation, describe, refine
from growth.api.shapes import (
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
from growth.models import ApiKey, Project
from growth.models.api_key import SCOPES
from growth.projects.api import AuditViewSet, KeyViewSet, SettingsViewSet
from growth.projects.serializers import NewKeySerializer, SettingsSerializer

_SCOPES = list_of(choice(SCOPES), "What it opens.")
_SCORING = free(
    {"engagement": {"events": {"login": 10}}},
    "What earns how many points, where it is otherwise than usual.",
)
_MAIL_CAP = group(
    "How many mails a contact gets in how long.",
    count=whole(3, minimum=1, maximum=1000),
    window=text("7d"),
)
_QUIET_HOURS = {
    "type": "object",
    "properties": {"from": text("22:00"), "to": text("08:00")},
    "required": ["from", "to"],
    "description": "Between which times of each contact's clock promotional mail waits.",
}
_SETTINGS = Shape(
    "Settings",
    "The settings of the project.",
    {
        "project_id": public_id("proj"),
        "name": text("Acme"),
        "domain": text("acme.example"),
        "timezone": text("Europe/Berlin", "A name of the IANA database."),
        "default_from_email": text("hello@acme.example", "Whom mail comes from."),
        "week_start": choice(Project.WeekStart.values),
        "referral_domain": text("go.acme.example"),
        "allow_duplicate_contacts": flag(example=False),
        "duplicate_check_priority": list_of(choice(["email", "phone"])),
        "scoring": _SCORING,
        "mail_rate": maybe(whole(500, "Mails of campaigns a minute at most.", minimum=1)),
        "mail_cap": maybe(_MAIL_CAP),
        "quiet_hours": maybe(_QUIET_HOURS),
        "plan": choice(reversed(Project.Plan.values), "Changed by whoever runs the server."),
        "created_at": time(),
        "warnings": WARNINGS,
    },
    optional=["warnings"],
)
_KEY = Shape(
    "Key",
    "A key, without what opens anything.",
    {
        "id": public_id("key"),
        "name": text("Backend"),
        "type": choice(ApiKey.Type.values),
        "key_hint": text("...x7Qd", "Its last four characters."),
        "scopes": _SCOPES,
        "created_at": time(),
        "last_used_at": maybe(time("Exact to a minute.")),
        "revoked_at": maybe(time()),
        "usable_until": maybe(time("The end of its day of grace.")),
    },
)
_NEW_KEY = _KEY.but(
    "NewKey",
    "A key that was made.",
    key=text("gos_sk_live_…", "The key itself. It is shown this once."),
)
_ENTRY = Shape(
    "AuditEntry",
    "A call that changed something.",
    {
        "id": public_id("audit"),
        "at": time(),
        "request_id": text("req_5f0c1b9a7d3e4f6081a2b3c4"),
        "key_id": maybe(public_id("key")),
        "key_name": maybe(text("Backend")),
        "method": text("PATCH"),
        "path": text("/v1/settings"),
        "before": free({"name": "Acme"}, "What was so before."),
        "after": free({"name": "Acme Inc"}, "And afterwards; of people, only names of fields."),
    },
)

_REFINED = ("name", "domain", "timezone", "mail_cap", "quiet_hours")

refine(
    SettingsSerializer,
    scoring=_SCORING,
    **{name: _SETTINGS.fields[name] for name in _REFINED},
)
refine(NewKeySerializer, name=text("Backend"), scopes=list_of(text("contacts:read")))

describe(
    SettingsViewSet,
    "Settings",
    "The project, its keys, and what was changed by whom.",
    retrieve=Operation("Get the settings", answers=_SETTINGS),
    partial_update=Operation(
        "Update the settings",
        takes=SettingsSerializer,
        example={"timezone": "Europe/Berlin", "default_from_email": "hello@acme.example"},
        answers=_SETTINGS,
    ),
)
describe(
    KeyViewSet,
    "Keys",
    "Secret keys for servers, write keys for browsers and apps.",
    list=Operation("List keys", "Those that still work.", answers=page_of(_KEY)),
    create=Operation(
        "Create a key",
        "A key gives no scope that the calling key lacks.",
        takes=NewKeySerializer,
        example={"name": "Backend", "type": "secret", "scopes": ["contacts:read"]},
        answers=_NEW_KEY,
        status=201,
    ),
    retrieve=Operation("Get a key", answers=_KEY),
    destroy=Operation(
        "Revoke a key",
        "It works for another 24 hours, so that you can change over; with `immediate` it ends at "
        "once. The last key with `settings:write` stays.",
        status=204,
        filters={"immediate": flag("End it at once.")},
        refuses=("conflict",),
    ),
)
describe(
    AuditViewSet,
    "Audit log",
    "Every call of the management API that changed something.",
    list=Operation("List changes", "Latest first.", answers=page_of(_ENTRY)),
)
