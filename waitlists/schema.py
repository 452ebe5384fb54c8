"""``/v1/waitlists`` and its public side, for the OpenAPI file and the docs."""

from contacts.schema.shapes import PLACE
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
    number,
    page_of,
    public_id,
    text,
    time,
    whole,
)
from waitlists.api.entrance import EntranceView, StatusView
from waitlists.api.serializers import (
    BatchSerializer,
    JoiningSerializer,
    StrangerSerializer,
    WaitlistSerializer,
)
from waitlists.api.waitlists import WaitlistViewSet
from waitlists.models import Entry

_NAME = text("Pro Plan Early Access")
_SLUG = text("pro-early-access", "Its page is /w/{slug}; without one, made of the name.")
_BOOST = whole(3, "How far a friend moves one up.", minimum=0)
_WELCOME = text("tmpl_wl_welcome", "What is sent to who waits.")
_INVITE = text("tmpl_wl_invite", "What is sent to who is let in.")
_AUTO = flag("Whether who joins is let in at once.", example=False)
_VERIFICATION = flag("Whether strangers confirm their address before they have a place.")
_OPEN = flag("Whether strangers may join.")
_LANDING = maybe(
    text("https://example.com/early-access", "Where share links lead, instead of the page here.")
)
_START = maybe(text("https://example.com/start", "Where the invitation leads."))
_STATUS = choice(Entry.Status.values)
_EMAIL = text("charlie@example.com")
_TRAITS = free({"name": "Charlie Park", "source": "partner_referral"}, "Of the contact.")
_CODE = text("K7P2QX9MWB")
_SHARE = text("https://growth.example/w/pro-early-access?ref=K7P2QX9MWB")
_POSITION = maybe(whole(1, "From the front; null for who does not wait."))
_REFERRALS = whole(12, "Friends who joined by the entry's link and confirmed.")

_WAITLIST = Shape(
    "Waitlist",
    "A queue in which those move up who bring others.",
    {
        "id": public_id("wl"),
        "name": _NAME,
        "slug": _SLUG,
        "referral_boost": _BOOST,
        "auto_approve": _AUTO,
        "welcome_email_template_id": _WELCOME,
        "invite_email_template_id": _INVITE,
        "require_verification": _VERIFICATION,
        "open": _OPEN,
        "landing_url": _LANDING,
        "invite_url": _START,
        "url": text("https://growth.example/w/pro-early-access", "Its page here."),
        "total_entries": whole(3420, "Of every status."),
        "created_at": time(),
        "updated_at": time(),
        "warnings": WARNINGS,
    },
    optional=["warnings"],
)
_ENTRY = PLACE.but(
    "WaitlistEntry",
    "A place in a waitlist.",
    optional=["warnings"],
    referral_url=_SHARE,
    warnings=WARNINGS,
)
_ENTRIES = page_of(_ENTRY, total_entries=whole(3420, "Of every status."))
_LEADER = group(
    entry_id=public_id("wl_entry"),
    contact_id=public_id("cntct"),
    email=maybe(text("alice@example.com")),
    referral_count=_REFERRALS,
    position=_POSITION,
)
_STATS = Shape(
    "WaitlistStats",
    "How many are how far, and what friends brought.",
    {
        "waitlist_id": public_id("wl"),
        "stats": group(
            total_entries=whole(3420),
            pending=whole(210, "They have not confirmed their address."),
            waiting=whole(2900),
            approved=whole(300),
            rejected=whole(10),
            referred=whole(1100, "They came by a friend's link."),
            verified_referrals=whole(960, "Those of them who count for the friend."),
            referral_rate=number(0.322, "Referred, of all."),
            approval_rate=number(0.088),
            top_referrers=list_of(_LEADER),
        ),
        "updated_at": time(),
    },
)
_APPROVED = Shape(
    "WaitlistApproval",
    "Who was let in, in the order of their places.",
    {"approved": whole(50), "data": list_of(_ENTRY)},
)
_ASKED = Shape(
    "WaitlistAsked",
    "The same for everybody, whether on the list already or not.",
    {
        "status": choice(["verify_email", "joined"]),
        "warnings": list_of(text("referral_code: Nobody on this list has this code.")),
    },
    optional=["warnings"],
)
_STANDING = Shape(
    "WaitlistStanding",
    "Where one person stands.",
    {
        "status": _STATUS,
        "position": _POSITION,
        "total": whole(2900, "How many wait."),
        "referral_count": _REFERRALS,
        "referral_code": _CODE,
        "referral_url": _SHARE,
        "joined_at": time(),
    },
)

refine(
    WaitlistSerializer,
    name=_NAME,
    slug=_SLUG,
    referral_boost=_BOOST,
    auto_approve=_AUTO,
    require_verification=_VERIFICATION,
    open=_OPEN,
    welcome_email_template_id=_WELCOME,
    invite_email_template_id=_INVITE,
    landing_url=_LANDING,
    invite_url=_START,
)
_JOINING = {
    "email": _EMAIL,
    "traits": _TRAITS,
    "referral_code": maybe(text("K7P2QX9MWB", "That of the friend who brought them.")),
}
refine(JoiningSerializer, **_JOINING)
refine(
    StrangerSerializer,
    **_JOINING,
    website=maybe(text("", "Leave it empty: a trap for programs that fill in everything.")),
    writeKey=text("gos_wk_live_…", "The write key, where no header can bear it."),
)
refine(
    BatchSerializer,
    count=whole(50, "As many as there are, if fewer wait.", minimum=1),
    order=choice(["position"]),
)

_EXAMPLE = {
    "name": "Pro Plan Early Access",
    "slug": "pro-early-access",
    "referral_boost": 3,
    "auto_approve": False,
    "welcome_email_template_id": "tmpl_wl_welcome",
}
_CHARLIE = {
    "email": "charlie@example.com",
    "traits": {"name": "Charlie Park", "source": "partner_referral"},
}

describe(
    WaitlistViewSet,
    "Waitlists",
    "Queues that people join, and in which they move up by bringing others.",
    list=Operation("List waitlists", "The newest first.", answers=page_of(_WAITLIST)),
    create=Operation(
        "Create a waitlist",
        "Its page is open at once, at the address `url`. A template may be written later.",
        takes=WaitlistSerializer,
        example=_EXAMPLE,
        answers=_WAITLIST,
        status=201,
        refuses=("conflict",),
    ),
    retrieve=Operation("Get a waitlist", answers=_WAITLIST),
    partial_update=Operation(
        "Change a waitlist",
        "Another `referral_boost` moves everybody who brought friends.",
        takes=WaitlistSerializer,
        example={"open": False},
        answers=_WAITLIST,
        refuses=("conflict",),
    ),
    stats=Operation("Get the statistics of a waitlist", answers=_STATS),
    entries=Operation(
        "List the entries of a waitlist",
        "Those who wait, by position; behind them the others, the last changed first. "
        "`total_entries` counts those of every status.",
        answers=_ENTRIES,
        filters={"status": _STATUS},
    ),
    join=Operation(
        "Add an entry",
        "For servers: the contact is made or brought up to date, waits at once and gets the "
        "welcome mail. Who is on the list already is answered with `200`.",
        takes=JoiningSerializer,
        example=_CHARLIE,
        answers=_ENTRY,
        status=(200, 201),
    ),
    entry=Operation("Get an entry", answers=_ENTRY),
    approve=Operation(
        "Approve an entry",
        "It is let in wherever it stands, and gets the invitation. Told twice, it gets one. "
        "One that was rejected may be approved after all.",
        answers=_ENTRY,
        refuses=("conflict", "validation_error"),
    ),
    reject=Operation(
        "Reject an entry",
        "It leaves the queue, and does not count for the friend who brought it any more.",
        answers=_ENTRY,
        refuses=("conflict", "validation_error"),
    ),
    approve_batch=Operation(
        "Approve the first of the queue",
        "At the same time as others, each call lets others in.",
        takes=BatchSerializer,
        example={"count": 50, "order": "position"},
        answers=_APPROVED,
    ),
)
describe(
    EntranceView,
    "Public waitlists",
    "What people's browsers may do: join with a write key, and look at their own place.",
    entries=Operation(
        "Join a waitlist",
        "The answer is the same for who is on the list already. With `require_verification` they "
        "are sent a mail, and have a place when they press its button. Too many from one network "
        "address, or by one code, are `429`.",
        takes=StrangerSerializer,
        example={"email": "dana@example.com", "traits": {"name": "Dana"}},
        answers=_ASKED,
        status=202,
        refuses=("conflict",),
    ),
)
describe(
    StatusView,
    "Public waitlists",
    "What people's browsers may do: join with a write key, and look at their own place.",
    status=Operation(
        "Look at one's place",
        "The token is that of the link in the welcome mail.",
        answers=_STANDING,
        filters={"token": text("1-1.x5Y…", "What the link to the place bears.")},
        refuses=("unauthenticated",),
    ),
)
