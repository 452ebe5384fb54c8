"""``/v1/analytics``: questions, the people behind the answers, and the stream."""

from contacts.schema.segments import SEGMENT
from contacts.schema.shapes import CONTACT, EVENT
from growth.analytics.api.queries import AnalyticsViewSet
from growth.analytics.grammar.picks import Outcome
from growth.analytics.questions import QueryType
from growth.analytics.schema.shapes import BEGUN, COHORT, DAYS, FUNNEL, MEAN, MEASURED
from growth.api.descriptions import Operation, describe
from growth.api.shapes import (
    Shape,
    choice,
    day,
    free,
    group,
    list_of,
    maybe,
    number,
    page_of,
    text,
    whole,
)

_QUERY_FIELDS = {
    "type": choice(QueryType),
    **FUNNEL,
    **COHORT,
    "interval": choice(("hour", "day", "week", "month")),
    **DAYS,
}
_QUERY = Shape(
    "AnalyticsQuery",
    "A question. See the guide on analytics.",
    _QUERY_FIELDS,
    optional=[name for name in _QUERY_FIELDS if name != "type"],
)
_BUCKET = group(
    "A bucket.",
    optional=["count", "groups"],
    date=text("2026-02-01", "Its first day; of an hour, its first moment."),
    count=whole(86),
    groups=free({"organic": 45, "referral": 23}, "Without group_by it is a count.", whole(45)),
)
_ANSWER = Shape(
    "AnalyticsAnswer",
    "What was asked for: buckets, steps, or cohorts.",
    {
        "type": choice(QueryType),
        "data": {
            "type": "array",
            "items": {"anyOf": [_BUCKET, MEASURED, BEGUN]},
        },
        "total": whole(1420, "Events, or people of the whole range."),
        "totals": free({"organic": 845, "referral": 403}, "By group.", whole(845)),
        "incomplete": list_of(text("2026-02-23"), "Dates whose bucket is cut or not over."),
        "mean": MEAN,
        "groups": list_of(free({"group": "organic", "data": [], "total": 845})),
    },
    optional=["totals", "incomplete", "mean", "groups"],
)
_PICK = {
    "query": _QUERY,
    "date": day("Of a bucket or a cohort.", example="2026-02-01"),
    "group": text("organic"),
    "step": whole(1, "Of a funnel."),
    "outcome": choice(Outcome, "What became of people at the step."),
    "period": whole(1, "Of a cohort."),
}
_PICKED = Shape(
    "AnalyticsPick",
    "A number of an answer.",
    _PICK,
    optional=[name for name in _PICK if name != "query"],
)
_NAMED = Shape(
    "NamedAnalyticsPick",
    "A number of an answer, and a name for the people behind it.",
    {**_PICK, "name": text("Signed up by themselves")},
    optional=_PICKED.optional,
)
_OVERVIEW = Shape(
    "Overview",
    "The project at a glance.",
    {
        "total_contacts": whole(12500),
        "contacts_30d": whole(1830, "Created in the last 30 days."),
        "events_today": whole(4520, "Without the system's own."),
        "events_avg_daily": whole(3800, "Over the last 30 days that are over."),
        "active_campaigns": whole(6),
        "nps_score": maybe(whole(47, "Of the last 90 days; null without answers.")),
        "referral_conversion_rate": maybe(number(0.23, "Null without referred people.")),
    },
)
_SPREAD = group(
    "How the scores of one kind are spread now.",
    average=maybe(number(41.3)),
    median=maybe(whole(38)),
    distribution=list_of(
        group(
            "From 0 to 9, 10 to 19 … 90 to 100.",
            **{"from": whole(0), "to": whole(9)},
            count=whole(86),
        ),
    ),
)
_SCORES = Shape(
    "Scores",
    "The scores of all contacts.",
    {
        "contacts": whole(12500),
        "engagement": _SPREAD,
        "lead": _SPREAD,
        "trend": list_of(
            group(
                "Averages when the day was an hour old.",
                date=day(),
                contacts=whole(12480),
                engagement=maybe(number(41.3)),
                lead=maybe(number(22.8)),
            )
        ),
    },
)
_EXAMPLE = {
    "type": "event_count",
    "event": "signup_completed",
    "interval": "day",
    "from": "2026-02-01",
    "to": "2026-02-23",
    "filters": {"traits.plan": "growth"},
    "group_by": "traits.source",
}

describe(
    AnalyticsViewSet,
    "Analytics",
    "What people did, counted: by time, in funnels, and by cohorts.",
    query=Operation(
        "Ask a question",
        "Days are those of the project's zone, both ends included. The greatest 50 groups are "
        "told apart, the rest is `other`. What takes longer than 25 seconds is 503.",
        takes=_QUERY,
        example=_EXAMPLE,
        answers=_ANSWER,
    ),
    people=Operation(
        "List the people behind a number",
        takes=_PICKED,
        example={"query": _EXAMPLE, "date": "2026-02-01", "group": "organic"},
        answers=page_of(CONTACT),
    ),
    segment=Operation(
        "Save the people behind a number",
        "As a static segment. Whom it finds are members, and nobody is told.",
        takes=_NAMED,
        example={"query": _EXAMPLE, "group": "organic", "name": "Signed up by themselves"},
        answers=SEGMENT,
        status=201,
    ),
    chart=Operation(
        "Draw an answer",
        takes=_QUERY,
        example=_EXAMPLE,
        answers=group(svg=text("<svg …", "A picture that stands alone.")),
    ),
    overview=Operation("Get the overview", answers=_OVERVIEW),
    scores=Operation(
        "Get the scores of all contacts",
        "How they are spread now, and the averages of each day that is kept. Without from and to, "
        "of the last thirty.",
        answers=_SCORES,
        filters=DAYS,
    ),
    events=Operation(
        "List events",
        "Latest first, of the whole project.",
        answers=page_of(EVENT),
        filters={
            "event": text("signup_completed", "Only events of this name."),
            "contact_id": CONTACT.fields["id"],
            "from": text("2026-02-01", "From this day or moment on."),
            "to": text("2026-02-23", "To the end of this day, or before this moment."),
        },
    ),
)
