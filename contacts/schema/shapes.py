"""What answers about people are made of."""

from contacts.models import Consent, Segment, Topic
from growth.api.shapes import (
    Shape,
    choice,
    flag,
    free,
    group,
    list_of,
    maybe,
    public_id,
    text,
    time,
    whole,
)

TRAITS = free(
    {"name": "Alice Chen", "plan": "growth"},
    "Whatever you know of the person, by names of yours.",
)
TAGS = list_of(text("enterprise"), "Labels.")
CLAIMS = {
    "email": maybe(text("alice@example.com", "Unique in the project, in any case.")),
    "external_id": maybe(text("user_123", "Your own id of the person, unique in the project.")),
    "phone": maybe(text("+4930901820", "E.164 where it is a valid number, else as it was sent.")),
}

CONTACT = Shape(
    "Contact",
    "A person, as lists show it.",
    {
        "id": public_id("cntct"),
        **CLAIMS,
        "traits": TRAITS,
        "tags": TAGS,
        "created_at": time(),
        "updated_at": time(),
    },
)
EVENT = Shape(
    "Event",
    "Something a contact did, or that was done to it; names that begin with $ are the system's.",
    {
        "id": public_id("evnt"),
        "event": text("purchase"),
        "properties": free({"amount": 49, "currency": "EUR"}),
        "timestamp": time("When it happened."),
        "received_at": time("When we heard of it."),
        "message_id": maybe(text("msg-1001", "Sent twice, it counts once.")),
        "contact_id": public_id("cntct"),
    },
)
SCORES = group(
    "From 0 to 100.",
    engagement=whole(82, "What the contact did lately."),
    lead=whole(65, "How near it is to buying."),
)
PLACE = Shape(
    "WaitlistPlace",
    "A contact's place in a waitlist.",
    {
        "id": public_id("wl_entry"),
        "contact_id": public_id("cntct"),
        "email": maybe(text("alice@example.com")),
        "position": maybe(whole(1, "From the front; null for who does not wait.")),
        "referral_count": whole(12, "Friends who joined by the entry's link and confirmed."),
        "status": choice(["pending", "waiting", "approved", "rejected"]),
        "joined_at": time(),
        "waitlist_id": public_id("wl"),
        "referral_code": text("K7P2QX9MWB"),
        "verified_at": maybe(time("When its address was confirmed.")),
        "approved_at": maybe(time()),
        "reason": maybe(choice(["staff", "deleted", "merged"], "Why it was rejected.")),
    },
)
PROFILE = CONTACT.but(
    "Profile",
    "All that is known of a person.",
    optional=["warnings"],
    scores=SCORES,
    segments=list_of(public_id("seg"), "The segments it is in."),
    consents=list_of(
        group(
            topic=text("news"),
            state=choice(Consent.State.values),
            source=text("signup form"),
            at=time(),
        ),
        "What it said of topics.",
    ),
    recent_events=list_of(EVENT, "The latest ten."),
    referral_stats=group(referrals_made=whole(7), conversions=whole(3)),
    waitlists=list_of(PLACE, "Its places in waitlists."),
    survey_responses=list_of(
        free({"survey_name": "Post-Trial NPS", "score": 9}), "The latest ten answers to surveys."
    ),
    warnings=list_of(text("id: This field is read-only and was ignored.")),
)
CONFLICT = Shape(
    "Conflict",
    "An identifier that belongs to somebody else, and was therefore not stored.",
    {
        "identifier": choice(["external_id", "email", "phone", "anonymous_id"]),
        "value_hint": text("….com"),
        "contact_id": public_id("cntct", "Whose it is.", number=2),
        "action": choice(["ignored"]),
    },
)
STORED = PROFILE.but(
    "StoredProfile",
    "A person who was made or updated.",
    created=flag("Whether it is new."),
    conflicts=list_of(CONFLICT),
)
MEMBERSHIP = Shape(
    "ContactSegment",
    "A segment that a contact is in.",
    {
        "id": public_id("seg"),
        "name": text("Active trial users"),
        "type": choice(Segment.Type.values),
        "entered_at": time(),
    },
)
STAND = Shape(
    "Stand",
    "Where a contact stands on a topic.",
    {
        "topic": text("news"),
        "topic_id": public_id("topic"),
        "name": text("News"),
        "opt_in": choice(Topic.OptIn.values),
        "state": maybe(choice(Consent.State.values, "Null if it never said anything.")),
        "allowed": flag("Whether mail of this topic may go out."),
        "source": maybe(text("signup form")),
        "evidence": maybe(free({"ip": "203.0.113.7"}, "What proves it, as you sent it.")),
        "at": maybe(time()),
    },
)
TOPIC = Shape(
    "Topic",
    "What mail can be about.",
    {
        "id": public_id("topic"),
        "code": text("product-news", "How calls speak of it."),
        "name": text("Product news"),
        "opt_in": choice(Topic.OptIn.values, "double: nobody gets it unasked."),
        "created_at": time(),
        "warnings": list_of(text("id: This field is read-only and was ignored.")),
    },
    optional=["warnings"],
)
