"""``/v1/contacts``."""

from contacts.api.contacts import (
    ContactSerializer,
    ContactViewSet,
    MergeSerializer,
    NewContactSerializer,
    SourceSerializer,
    TagsSerializer,
)
from contacts.api.topics import StanceSerializer
from contacts.models import Consent
from contacts.schema.shapes import (
    CLAIMS,
    CONTACT,
    EVENT,
    MEMBERSHIP,
    PROFILE,
    STAND,
    STORED,
    TAGS,
    TRAITS,
)
from growth.api.descriptions import Operation, describe, refine
from growth.api.refusals import ERROR
from growth.api.shapes import (
    Shape,
    choice,
    day,
    flag,
    free,
    group,
    list_of,
    page_of,
    public_id,
    text,
    time,
    whole,
)

_STANCE = {
    "anyOf": [
        choice(Consent.State.values),
        group(
            optional=["source", "evidence"],
            state=choice(Consent.State.values),
            source=text("signup form"),
            evidence=free({"ip": "203.0.113.7"}),
        ),
    ]
}
_VERDICT = Shape(
    "ContactVerdict",
    "What became of one contact of a batch: an id, or an error.",
    {
        "index": whole(0, "Its place in the batch."),
        "status": whole(201),
        "success": flag(),
        "id": public_id("cntct"),
        "created": flag(),
        "conflicts": STORED.fields["conflicts"],
        "warnings": list_of(text("id: This field is read-only and was ignored.")),
        "error": ERROR.fields["error"],
    },
    optional=["id", "created", "conflicts", "warnings", "error"],
)
_BATCH = Shape(
    "ContactBatch",
    "Up to 1,000 contacts.",
    {
        "contacts": list_of(
            {"type": "object", "example": {"email": "alice@example.com"}},
            "Each as POST /v1/contacts takes it.",
            maxItems=1000,
        )
    },
)
_SCORE = group(
    score=whole(82),
    contributions=list_of(
        group(because=text("events.login"), count=whole(3), points=whole(12)),
        "The parts of the sum.",
    ),
)
_EXPLAINED = Shape(
    "ScoresExplained",
    "What the scores are the sum of.",
    {
        "engagement": _SCORE,
        "lead": _SCORE,
        "history": list_of(group(day=day(), engagement=whole(82), lead=whole(65))),
    },
)
_EXPORT = Shape(
    "Export",
    "Everything that is held of a person.",
    {
        "exported_at": time(),
        "contact": CONTACT,
        "activity": {"type": ["object", "null"], "example": {"engagement": 82, "lead": 65}},
        "referral_stats": group(referrals_made=whole(7), conversions=whole(3)),
        "referrals": free({"links": []}, "What it shared, by whom it came, and what it is owed."),
        **{
            name: list_of({"type": "object", "example": {}})
            for name in (
                *("merged_contacts", "claims", "consents", "suppressions"),
                *("waitlists", "segments", "scores", "emails", "messages", "events"),
                *("survey_responses", "survey_invitations"),
            )
        },
    },
)
_RECEIPT = Shape(
    "ErasureReceipt",
    "What was erased; keep it as your proof.",
    {
        "id": public_id("cntct"),
        "erased_at": time(),
        "counts": free({"contacts.Event": 12}, "Rows by table.", {"type": "integer"}),
    },
)

refine(ContactSerializer, **CLAIMS, traits=TRAITS, tags=TAGS)
refine(
    NewContactSerializer,
    consent=free({"news": "granted"}, "What it says of topics, by their codes.", _STANCE),
)
refine(TagsSerializer, add=TAGS, remove=TAGS)

describe(
    ContactViewSet,
    "Contacts",
    "The people of your project: who they are, what they did, and what they agreed to.",
    list=Operation(
        "List contacts",
        "Newest first.",
        answers=page_of(CONTACT),
        filters={
            "segment_id": public_id("seg", "Only the members of this segment."),
            "tag": text("enterprise", "Only those who bear this tag."),
            "email": text("alice@example.com", "Only whoever has this address, in any case."),
            "external_id": text("user_123", "Only whoever has this id of yours."),
            "q": text("alice acme", "Words of name, title, company or address, each by its start."),
            "created_after": time("Only those who came later.", "2026-01-01T00:00:00Z"),
            "created_before": time("Only those who came earlier.", "2099-01-01T00:00:00Z"),
        },
    ),
    create=Operation(
        "Create or update a contact",
        "Whoever has the `external_id`, else the `email`, else the `phone` is updated; if there is "
        "nobody, a contact is made. Identifiers that belong to somebody else are not stored: "
        "`conflicts` names them.",
        takes=NewContactSerializer,
        example={
            "email": "alice@example.com",
            "external_id": "user_123",
            "traits": {"name": "Alice Chen", "plan": "trial"},
            "tags": ["enterprise"],
        },
        answers=STORED,
        status=(201, 200),
    ),
    batch=Operation(
        "Create or update many contacts",
        "Up to 1,000, each with its own verdict; those that are right are stored whatever the "
        "others are.",
        takes=_BATCH,
        example={"contacts": [{"email": "alice@example.com"}, {"email": "no address"}]},
        answers=Shape("ContactVerdicts", "The verdicts, in order.", {"items": list_of(_VERDICT)}),
    ),
    retrieve=Operation(
        "Get a contact",
        "The whole profile. A contact that was merged is 404 with `merged_into`.",
        answers=PROFILE,
    ),
    partial_update=Operation(
        "Update a contact",
        "JSON Merge Patch: `traits` merge and null removes one; `tags` are replaced.",
        takes=ContactSerializer,
        example={
            "traits": {"plan": "scale", "company_size": 50},
            "tags": ["enterprise", "active", "upgraded"],
        },
        answers=PROFILE,
    ),
    destroy=Operation(
        "Delete a contact",
        "It is hidden everywhere at once, and erased after thirty days.",
        status=204,
    ),
    tags=Operation(
        "Add and remove tags",
        takes=TagsSerializer,
        example={"add": ["vip"], "remove": ["trial"]},
        answers=PROFILE,
    ),
    merge=Operation(
        "Merge another contact into this one",
        "All that the other has moves here; where both have a value, `conflict_resolution` says "
        "whose stays.",
        takes=MergeSerializer,
        example={
            "source_contact_id": CONTACT.fields["id"]["example"],
            "conflict_resolution": "prefer_target",
        },
        answers=PROFILE,
    ),
    unmerge=Operation(
        "Undo a merge",
        "For thirty days after it.",
        takes=SourceSerializer,
        example={"source_contact_id": CONTACT.fields["id"]["example"]},
        answers=PROFILE,
        refuses=("gone",),
    ),
    events=Operation(
        "List a contact's events",
        "Latest first.",
        answers=page_of(EVENT),
        filters={
            "event": text("login", "Only events of this name."),
            "from": time("Only those from then on.", "2026-01-01T00:00:00Z"),
            "to": time("Only those before then.", "2099-01-01T00:00:00Z"),
        },
    ),
    segments=Operation("List a contact's segments", answers=page_of(MEMBERSHIP)),
    consents=Operation("List a contact's consents", "One for each topic.", answers=page_of(STAND)),
    consent=Operation(
        "Record a consent",
        "Sent again, it changes nothing.",
        takes=StanceSerializer,
        example={"state": "granted", "source": "signup form", "evidence": {"ip": "203.0.113.7"}},
        answers=STAND,
    ),
    scores=Operation("Explain a contact's scores", answers=_EXPLAINED),
    export=Operation(
        "Export a contact",
        "Everything held of the person, and of those who became part of it.",
        answers=_EXPORT,
    ),
    erase=Operation(
        "Erase a contact",
        "For good: afterwards no row names the person. Statistics stay, and so does a suppression, "
        "as a digest. Works on deleted contacts too.",
        answers=_RECEIPT,
    ),
)
