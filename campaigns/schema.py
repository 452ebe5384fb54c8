"""``/v1/campaigns``, for the OpenAPI file and the docs."""

from campaigns.api.campaigns import CampaignViewSet
from campaigns.api.serializers import (
    CampaignSerializer,
    PreviewSerializer,
    SimulationSerializer,
    StepSerializer,
    TestSerializer,
)
from campaigns.models import Campaign
from contacts.models import Email
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

_TRIGGER = free(
    {"event": "signup_completed"},
    "The event, the segment, or both that start the sequence.",
)
_SUBJECT = text("Welcome to Acme!", "In Liquid; without it, the template's own.")
_TEMPLATE = text("tmpl_welcome_01")
_TOPIC = text("news", "The topic of its mail, by its code.")
_GOAL = free({"event": "purchase", "window": "7d"}, "The event that ends a journey and counts.")
_OF_SEQUENCES = {
    "reentry": choice(Campaign.Reentry.values, "When a contact gets another journey."),
    "delay_from": choice(Campaign.DelayFrom.values, "From when the delay of a step counts."),
    "goal": maybe(_GOAL),
    "exit_on_segment_leave": flag(
        "Whether who leaves the segment leaves the sequence.", example=False
    ),
}
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
        "status_reason": maybe(text("no_unsubscribe_link", "Why it stands still, if it does.")),
        "trigger": maybe(_TRIGGER),
        "topic": maybe(_TOPIC),
        "steps": list_of(_STEP),
        "created_at": time(),
        "updated_at": time(),
        "segment_id": maybe(public_id("seg", "Of a broadcast: to whom it goes.")),
        "subject": maybe(_SUBJECT),
        "template_id": maybe(_TEMPLATE),
        "scheduled_at": maybe(time("Of a broadcast: when it goes.")),
        "start_within": text("24h", "Of a broadcast: how late it may start after an outage."),
        "send_at_local_time": flag("Of a broadcast: at that time of each contact's clock."),
        **_OF_SEQUENCES,
        "warnings": WARNINGS,
    },
    optional=[
        *("segment_id", "subject", "template_id", "scheduled_at", "start_within"),
        *("send_at_local_time", "warnings", *_OF_SEQUENCES),
    ],
)
_RATES = {
    "open_rate": number(0.48, "Of those delivered; so are the next."),
    "click_rate": number(0.2),
    "bounce_rate": number(0.009, "Of those sent."),
    "unsubscribe_rate": number(0.003),
}
_JOURNEYS = {
    "enrolled": whole(1800, "Contacts of a sequence."),
    "active": whole(240),
    "completed": whole(1400),
    "exited": whole(160),
    "conversions": whole(320, "Contacts who reached the goal."),
    "conversion_rate": number(0.178),
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
            opened_machine=whole(310, "By gateways and proxies, counted nowhere else."),
            clicked_machine=whole(22),
            suppressed=whole(31),
            failed=whole(0),
            in_doubt=whole(0, "Nobody can know whether the server took them; never sent again."),
            waiting=whole(0),
            **_JOURNEYS,
            optional=_JOURNEYS,
        ),
        "updated_at": time(),
    },
)
_SEND = Shape(
    "Send",
    "The decision on one mail to one person.",
    {
        "contact_id": maybe(public_id("cntct")),
        "email": maybe(text("alice@example.com")),
        "step_id": text("step_0123456789"),
        "entry": whole(0, "Which of the contact's journeys."),
        "status": choice(Email.State.values),
        "reason": maybe(text("unsubscribed", "A word for why.")),
        "explanation": text("The address has unsubscribed."),
        "created_at": time(),
        "due_at": maybe(time()),
        "decided_at": maybe(time()),
    },
)
_ON_JOURNEY = {
    "entry": whole(0),
    "enrolled_at": time(),
    "next_step_id": maybe(public_id("step")),
    "due_at": maybe(time()),
    "ended_at": maybe(time()),
    "converted_at": maybe(time()),
}
_STANDING = Shape(
    "Standing",
    "Where a contact stands in a campaign, and why.",
    {
        "contact_id": public_id("cntct"),
        "state": text("active"),
        "reason": text("waiting", "A word for why."),
        "explanation": text("The contact is on its way and waits for its next step."),
        **_ON_JOURNEY,
    },
    optional=_ON_JOURNEY,
)
_SENDS = group(
    optional=["contact"],
    **page_of(_SEND)["properties"],
    contact=_STANDING,
)
_PLAYED = Shape(
    "PlayedMail",
    "A mail that would be sent, or would not.",
    {
        "at": time(),
        "contact_id": maybe(public_id("cntct")),
        "email": maybe(text("alice@example.com")),
        "step_id": public_id("step"),
        "template_id": _TEMPLATE,
        "subject": maybe(_SUBJECT),
        "entry": whole(0),
        "status": choice(Email.State.values),
        "reason": maybe(text("unsubscribed")),
        "explanation": text("The address has unsubscribed."),
    },
)
_SIMULATION = Shape(
    "Simulation",
    "What a campaign would do.",
    {
        "campaign_id": public_id("cmpgn"),
        "from": time(),
        "to": time(),
        "totals": group(contacts=whole(1), sent=whole(2), suppressed=whole(0), left_out=whole(0)),
        "data": list_of(_PLAYED),
        "contacts": list_of(_STANDING),
        "warnings": WARNINGS,
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

refine(
    CampaignSerializer,
    trigger=maybe(_TRIGGER),
    topic=maybe(_TOPIC),
    subject=maybe(_SUBJECT),
    template_id=_TEMPLATE,
    scheduled_at=maybe(text("2026-03-01T09:00:00Z", "Without a zone, in the project's.")),
    start_within=text("24h"),
    goal=maybe(_GOAL),
)
refine(StepSerializer, delay=text("2d"), subject=maybe(_SUBJECT), template_id=_TEMPLATE)
refine(SimulationSerializer, at=text("2026-03-01T09:00:00Z"))

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
    destroy=Operation(
        "Delete a campaign",
        "Journeys end, and what waits is not sent.",
        status=204,
    ),
    simulate=Operation(
        "Play a campaign",
        "What it would send a contact, or a sample of them, in the next days: nothing is sent and "
        "nothing stays.",
        takes=SimulationSerializer,
        example={"contact_id": public_id("cntct")["example"], "days": 14},
        answers=_SIMULATION,
    ),
    stats=Operation("Get a campaign's statistics", answers=_STATS),
    sends=Operation(
        "List a campaign's mails",
        "Each with what became of it.",
        answers=_SENDS,
        filters={
            "status": choice(Email.State.values),
            "contact_id": public_id("cntct", "Of one contact; `contact` then says how it stands."),
        },
    ),
)
