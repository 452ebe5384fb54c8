"""``/v1/referrals``, for the OpenAPI file and the docs."""

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
from referrals.api.conversions import ConversionViewSet
from referrals.api.links import LinkViewSet
from referrals.api.programs import ProgramViewSet
from referrals.api.serializers import (
    ConversionSerializer,
    LinkSerializer,
    ProgramSerializer,
    PromptSerializer,
    ReversalSerializer,
)
from referrals.api.sharing import ShareView
from referrals.api.standings import LeaderboardViewSet, RewardViewSet
from referrals.models import Conversion, Program, Reward

_CODE = text("ALICE-ACME-7K2", "In any case.")
_AMOUNT = number(20, "In whole units of the currency.")
_CURRENCY = maybe(text("USD", "Without one, the amount is of points or the like.", maxLength=3))
_EVENT = maybe(text("subscription_started", "An event of yours that converts by itself."))
_LANDING = maybe(text("https://acme.example/welcome", "Without one, the domain of the project."))
_TEMPLATE = text("tmpl_referral_prompt", "Of the mail that asks people to share.")
_REFEREE = free(
    {"type": "discount", "amount": 15, "currency": "USD"},
    "What the referred person gets: `type`, `amount`, `currency`, `description`.",
)
_TIERS = list_of(
    group(
        referrals=whole(5, "So many conversions reach it."),
        bonus=number(50, "Paid once it is reached."),
        name=text("bronze", "Without one, tiers are bronze, silver, gold and platinum."),
        optional=["bonus", "name"],
    ),
    "In any order.",
)
_LIMITS = free(
    {"max_referrals_per_contact": 100, "conversion_window_days": 30},
    "`max_referrals_per_contact`: conversions that are rewarded; `conversion_window_days`: 30; "
    "`hold_days`: 0, how long a reward is pending; `max_conversions_per_hour` of one link: 1000.",
)
_PROGRAM = Shape(
    "ReferralProgram",
    "What people get for bringing others.",
    {
        "id": public_id("ref_prog"),
        "name": text("Friend Referral Program"),
        "status": choice(Program.Status.values),
        "reward_type": text("credit"),
        "reward_amount": _AMOUNT,
        "reward_currency": _CURRENCY,
        "referee_reward": maybe(_REFEREE),
        "tiers": _TIERS,
        "limits": _LIMITS,
        "conversion_event": _EVENT,
        "landing_url": _LANDING,
        "template_id": _TEMPLATE,
        "stats": group(
            total_links=whole(12),
            total_conversions=whole(5),
            total_rewards_issued=whole(9),
        ),
        "created_at": time(),
        "updated_at": time(),
        "warnings": WARNINGS,
    },
    optional=["warnings"],
)
_LINK = Shape(
    "ReferralLink",
    "A contact's own link.",
    {
        "id": public_id("ref_link"),
        "code": _CODE,
        "url": text("https://go.acme.example/r/ALICE-ACME-7K2", "What the contact shares."),
        "program_id": public_id("ref_prog"),
        "contact_id": public_id("cntct", "Who shares it."),
        "channel": maybe(text("email")),
        "share_token": text("1-1-0.x5Y…", "Lets the contact's browser show the link."),
        "conversions": whole(3, "That count."),
        "clicks": whole(41, "By people."),
        "created_at": time(),
        "warnings": WARNINGS,
    },
    optional=["warnings"],
)
_CONVERSION = Shape(
    "ReferralConversion",
    "A referred person who did what the program waits for.",
    {
        "id": public_id("ref_conv"),
        "program_id": public_id("ref_prog"),
        "link_code": _CODE,
        "referrer_contact_id": public_id("cntct", "Whose link it was."),
        "referred_contact_id": public_id("cntct", "Who came.", 2),
        "conversion_event": text("subscription_started"),
        "metadata": free({"plan": "growth", "value": 49}),
        "status": choice(Conversion.Status.values),
        "reason": maybe(text("self_referral", "Why it does not count.")),
        "converted_at": time(),
        "warnings": WARNINGS,
    },
    optional=["warnings"],
)
_REWARD = Shape(
    "ReferralReward",
    "One line of the ledger.",
    {
        "id": public_id("ref_rwd"),
        "program_id": public_id("ref_prog"),
        "conversion_id": public_id("ref_conv"),
        "contact_id": public_id("cntct", "Who gets it."),
        "role": choice(Reward.Kind.values, "Why: for referring, for coming, for a tier."),
        "tier": maybe(whole(5, "The conversions that the tier takes.")),
        "type": text("credit"),
        "amount": _AMOUNT,
        "currency": _CURRENCY,
        "status": choice(Reward.Status.values),
        "reason": maybe(text("max_referrals_per_contact", "Why nothing is owed.")),
        "created_at": time(),
        "due_at": maybe(time("When it is issued, unless somebody objects.")),
        "approved_at": maybe(time()),
        "issued_at": maybe(time()),
        "reversed_at": maybe(time()),
    },
)
_PLACE = Shape(
    "LeaderboardPlace",
    "Where a referrer stands.",
    {
        "rank": whole(1),
        "contact_id": public_id("cntct"),
        "email": maybe(text("alice@example.com")),
        "referrals": whole(23, "People who came."),
        "conversions": whole(18, "Those of them who converted."),
        "tier": maybe(text("gold", "The highest that is reached.")),
    },
)

refine(
    ProgramSerializer,
    reward_amount=_AMOUNT,
    reward_currency=_CURRENCY,
    referee_reward=maybe(_REFEREE),
    tiers=_TIERS,
    limits=_LIMITS,
    conversion_event=_EVENT,
    landing_url=_LANDING,
    template_id=_TEMPLATE,
)
refine(LinkSerializer, channel=maybe(text("email", maxLength=64)))
refine(
    ConversionSerializer,
    link_code=_CODE,
    conversion_event=text("subscription_started"),
    metadata=free({"plan": "growth", "value": 49}),
)
refine(ReversalSerializer, reason=text("The customer was refunded."))

describe(
    ProgramViewSet,
    "Referral programs",
    "Who gets what for bringing whom, and under which limits.",
    list=Operation(
        "List programs",
        answers=page_of(_PROGRAM),
        filters={"status": choice(Program.Status.values)},
    ),
    create=Operation(
        "Create a program",
        "A draft, unless `status` says otherwise. What is nested comes back as it was sent.",
        takes=ProgramSerializer,
        example={
            "name": "Friend Referral Program",
            "reward_type": "credit",
            "reward_amount": 20,
            "reward_currency": "USD",
            "referee_reward": {"type": "discount", "amount": 15, "currency": "USD"},
            "tiers": [{"referrals": 5, "bonus": 50}, {"referrals": 10, "bonus": 150}],
            "limits": {"max_referrals_per_contact": 100, "conversion_window_days": 30},
            "status": "active",
        },
        answers=_PROGRAM,
        status=201,
    ),
    retrieve=Operation("Get a program", answers=_PROGRAM),
    partial_update=Operation(
        "Update a program",
        "Rewards that are in the ledger stay as they are.",
        takes=ProgramSerializer,
        example={"reward_amount": 25, "limits": {"max_referrals_per_contact": 50}},
        answers=_PROGRAM,
    ),
    activate=Operation("Activate a program", "Again, it changes nothing.", answers=_PROGRAM),
    pause=Operation(
        "Pause a program",
        "Links still lead on; nothing converts, no mail is sent. What is owed stays owed.",
        answers=_PROGRAM,
    ),
    prompt=Operation(
        "Ask people to share",
        "A mail with the link of each, to one contact or a segment; each is asked once.",
        takes=PromptSerializer,
        example={"contact_id": public_id("cntct")["example"]},
        answers=group(id=public_id("ref_prog"), queued=whole(1, "Who gets the mail.")),
        status=202,
    ),
    links=Operation("List a program's links", answers=page_of(_LINK)),
)
describe(
    LinkViewSet,
    "Referral links",
    "What contacts share. The address leads to the landing page and says by what link one came.",
    create=Operation(
        "Create a link",
        "A contact has one of each `channel`; again, it is answered with 200.",
        takes=LinkSerializer,
        example={
            "program_id": public_id("ref_prog")["example"],
            "contact_id": public_id("cntct")["example"],
            "channel": "email",
        },
        answers=_LINK,
        status=(201, 200),
    ),
    retrieve=Operation("Get a link", answers=_LINK),
    rotate_share_token=Operation(
        "Change the share token",
        "Those that were given out open nothing any more. The code and the address stay.",
        answers=_LINK,
    ),
    conversions=Operation("List a link's conversions", answers=page_of(_CONVERSION)),
)
describe(
    ConversionViewSet,
    "Referral conversions",
    "Referred people who did what a program waits for. Each counts once in a program.",
    create=Operation(
        "Record a conversion",
        "What a `conversion_event` does not find by itself. A person's second one is answered with "
        "200 and the first; a self-referral, a loop and too many in an hour are 422, and are kept.",
        takes=ConversionSerializer,
        example={
            "link_code": "ALICE-ACME-7K2",
            "referred_contact_id": public_id("cntct", number=2)["example"],
            "conversion_event": "subscription_started",
            "metadata": {"plan": "growth", "value": 49.00},
        },
        answers=_CONVERSION,
        status=(201, 200),
    ),
    retrieve=Operation("Get a conversion", answers=_CONVERSION),
    reverse=Operation(
        "Reverse a conversion",
        "It counts no more, and all that is owed for it is reversed, tiers too.",
        takes=ReversalSerializer,
        example={"reason": "The customer was refunded."},
        answers=_CONVERSION,
    ),
)
describe(
    RewardViewSet,
    "Referral rewards",
    "What is owed for conversions, and what became of it.",
    list=Operation(
        "List rewards",
        "Latest first.",
        answers=page_of(_REWARD),
        filters={
            "program_id": public_id("ref_prog"),
            "contact_id": public_id("cntct"),
            "conversion_id": public_id("ref_conv"),
            "status": choice(Reward.Status.values),
        },
    ),
)
describe(
    LeaderboardViewSet,
    "Referral leaderboard",
    "Who brought the most: by conversions, then referrals, then who had them first.",
    list=Operation(
        "Get the leaderboard",
        answers=page_of(_PLACE, program_id=public_id("ref_prog")),
        filters={"program_id": public_id("ref_prog", "Needed.")},
    ),
)

describe(
    ShareView,
    "Public referrals",
    "What the browser of somebody who shares may see.",
    link=Operation(
        "Look at one's link",
        "The token is `share_token` of the link, which your server gives to the page of its "
        "contact. It opens nothing else, and says nothing of who came.",
        answers=Shape(
            "SharedLink",
            "A link as the one sees it whose it is.",
            {
                "code": _CODE,
                "url": text("https://go.acme.example/r/ALICE-ACME-7K2", "What is shared."),
                "active": flag("Whether the program runs."),
                "clicks": whole(41, "By people."),
                "conversions": whole(3, "That count."),
            },
        ),
        filters={"token": text("1-1-0.x5Y…", "The share_token of the link.")},
        refuses=("unauthenticated",),
    ),
)
