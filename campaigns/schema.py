"""``/v1/campaigns``, for the OpenAPI file and the docs."""

from campaigns.api import (
    CampaignSerializer,
    CampaignViewSet,
    PreviewSerializer,
    StepSerializer,
    TestSerializer,
)
from campaigns.models import Campaign
from contacts.models import Email
from growth.api.schema import Operation, describe, refine
from growth.api.shapes import (
    WARNINGS,
    Shape,
    choice,
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

_TRIGGER = free(
    {"event": "signup_completed"},
    "The event, the segment, or both that start the sequence.",
)
_SUBJECT = text("Welcome to Acme!", "In Liquid; without it, the template's own.")
_TEMPLATE = text("tmpl_welcome_01")
_STEP = Shape(
    "Step",
    "One mail of a campaign.",
    {
        "id": public_id("step"),
        "delay": text("2d", "After the start of the sequence."),
        "subject": _SUBJECT,
        "template_id": _TEMPLATE,
    },
    optional=["delay", "subject"],
)
_CAMPAIGN = Shape(
    "Campaign",
    "A sequence that events and segments start, or one mail to a segment.",
    {
        "id": public_id("cmpgn"),
        "name": text("Onboarding sequence"),
        "type": choice(Campaign.Type.values),
        "status": choice(Campaign.Status.values),
        "trigger": maybe(_TRIGGER),
        "steps": list_of(_STEP),
        "created_at": time(),
        "updated_at": time(),
        "segment_id": maybe(public_id("seg", "Of a broadcast: to whom it goes.")),
        "subject": maybe(_SUBJECT),
        "template_id": maybe(_TEMPLATE),
        "scheduled_at": maybe(time("Of a broadcast: when it goes.")),
        "warnings": WARNINGS,
    },
    optional=["segment_id", "subject", "template_id", "scheduled_at", "warnings"],
)
_RATES = {
    "open_rate": number(0.48, "Of those delivered; so are the next."),
    "click_rate": number(0.2),
    "bounce_rate": number(0.009, "Of those sent."),
    "unsubscribe_rate": number(0.003),
}
_STATS = Shape(
    "CampaignStats",
    "What became of a campaign's mails: people, not hits.",
    {
        "campaign_id": public_id("cmpgn"),
        "status": choice(Campaign.Status.values),
        "stats": group(
            sent=whole(4520, "Accepted, or refused for good."),
            delivered=whole(4480),
            opened=whole(2150),
            clicked=whole(890),
            bounced=whole(40),
            unsubscribed=whole(12),
            **_RATES,
            suppressed=whole(31),
            failed=whole(0),
            in_doubt=whole(0, "Nobody can know whether the server took them; never sent again."),
            waiting=whole(0),
        ),
        "updated_at": time(),
    },
)
_SEND = Shape(
    "Send",
    "One mail to one person.",
    {
        "contact_id": maybe(public_id("cntct")),
        "email": maybe(text("alice@example.com")),
        "step_id": text("step_0123456789"),
        "status": choice(Email.State.values),
        "reason": maybe(text("unsubscribed")),
        "created_at": time(),
        "decided_at": maybe(time()),
    },
)
_TEST = Shape(
    "TestMail",
    "A mail that is on its way to you.",
    {"id": public_id("cmpgn"), "status": choice(["sent"])},
)
_LOOK = Shape(
    "MailPreview",
    "A mail exactly as it would arrive.",
    {
        "subject": text("Welcome to Acme!"),
        "preheader": text("This is how to begin."),
        "html": text("<p>Hi Ada</p>"),
        "text": text("Hi Ada"),
        "from": text("hello@acme.example"),
        "headers": free({"Subject": "Welcome to Acme!"}),
        "warnings": WARNINGS,
    },
)

refine(StepSerializer, subject=maybe(_SUBJECT), template_id=_TEMPLATE)
refine(
    CampaignSerializer,
    trigger=maybe(_TRIGGER),
    subject=maybe(_SUBJECT),
    template_id=_TEMPLATE,
)

describe(
    CampaignViewSet,
    "Campaigns",
    "Sequences of mail that follow what people do, and single mails to a segment.",
    list=Operation(
        "List campaigns",
        answers=page_of(_CAMPAIGN),
        filters={
            "type": choice(Campaign.Type.values),
            "status": choice(Campaign.Status.values),
        },
    ),
    create=Operation(
        "Create a campaign",
        "A draft, which sends nothing before it is activated. A broadcast takes `segment_id`, "
        "`subject`, `template_id` and `scheduled_at` in the place of trigger and steps.",
        takes=CampaignSerializer,
        example={
            "name": "Onboarding sequence",
            "type": "lifecycle",
            "trigger": {"event": "signup_completed"},
            "steps": [
                {"delay": "0m", "subject": "Welcome to Acme!", "template_id": "tmpl_welcome_01"},
                {"delay": "2d", "subject": "Getting started", "template_id": "tmpl_onboard_02"},
            ],
        },
        answers=_CAMPAIGN,
        status=201,
    ),
    retrieve=Operation("Get a campaign", answers=_CAMPAIGN),
    partial_update=Operation(
        "Update a campaign",
        "Steps are replaced as a whole; those that name their `id` keep it.",
        takes=CampaignSerializer,
        example={"name": "Onboarding sequence v2"},
        answers=_CAMPAIGN,
        refuses=("conflict",),
    ),
    activate=Operation(
        "Activate a campaign",
        "Again, it changes nothing. After a pause it goes on where it stood.",
        answers=_CAMPAIGN,
    ),
    pause=Operation(
        "Pause a campaign",
        "Mails that are being handed over end; no more start.",
        answers=_CAMPAIGN,
    ),
    test=Operation(
        "Send a test",
        "It counts nowhere.",
        takes=TestSerializer,
        example={"email": "test@acme.example", "step_index": 0},
        answers=_TEST,
        status=202,
    ),
    preview=Operation(
        "Preview a mail",
        "For a contact, or for a made-up one.",
        takes=PreviewSerializer,
        example={"step_index": 0},
        answers=_LOOK,
    ),
    stats=Operation("Get a campaign's statistics", answers=_STATS),
    sends=Operation(
        "List a campaign's mails",
        "Each with what became of it.",
        answers=page_of(_SEND),
        filters={"status": choice(Email.State.values)},
    ),
)
