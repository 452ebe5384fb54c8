"""``/v1/analytics``, for the OpenAPI file and the docs."""

from contacts.schema.segments import SEGMENT
from contacts.schema.shapes import CONTACT, EVENT
from growth.analytics.api.queries import AnalyticsViewSet
from growth.analytics.api.reports import CohortViewSet, FunnelViewSet
from growth.analytics.grammar.picks import Outcome
from growth.analytics.questions import Criterion, Entry, Mode, Order, QueryType, Start
from growth.api.descriptions import Operation, describe
from growth.api.shapes import (
    WARNINGS,
    Schema,
    Shape,
    choice,
    day,
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

_FILTERS = {
    "description": 'Fields and values, {"traits.plan": "growth"}, or a rule as segments have.',
    "example": {"traits.plan": "growth"},
}
_STEP = {"description": "The name of an event, or {event, filters}.", "example": "signup_completed"}
_GROUP_BY = text("traits.source", "traits.<name>, properties.<name>, tags or segments.")
_DAYS = {
    "from": day("The first day, in the project's zone.", example="2026-02-01"),
    "to": day("The last day, included."),
}
_FUNNEL = {
    "steps": list_of(_STEP, "Two to twelve."),
    "window": text("7d", "How long an attempt may take, from its first step."),
    "order": choice(Order),
    "entry": choice(Entry, "Which attempt of a person counts."),
    "exclusions": list_of(_STEP, "Events that end an attempt."),
    "hold_constant": list_of(text("properties.order_id"), "Up to 3 that are the same throughout."),
    "filters": _FILTERS,
    "group_by": _GROUP_BY,
}
_COHORT = {
    "event": text("login", "Begins and comes back, where start and return name no others."),
    "start": _STEP,
    "return": _STEP,
    "period": choice(("day", "week", "month")),
    "mode": choice(Mode),
    "criterion": choice(Criterion),
    "cohort": choice(Start),
    "brackets": list_of(list_of(whole(1)), "First and last period of each, as [1, 6]."),
    "filters": _FILTERS,
    "group_by": _GROUP_BY,
}
_QUERY_FIELDS = {
    "type": choice(QueryType),
    **_FUNNEL,
    **_COHORT,
    "interval": choice(("hour", "day", "week", "month")),
    **_DAYS,
}
_QUERY = Shape(
    "AnalyticsQuery",
    "A question. See the guide on analytics.",
    _QUERY_FIELDS,
    optional=[name for name in _QUERY_FIELDS if name != "type"],
)
_MEASURES = {
    "event": text("signup_completed"),
    "count": whole(1420, "People who came here."),
    "conversion_from_start": number(0.34),
    "conversion_from_previous": number(0.61),
    "drop_off": whole(412, "Who came here and no further."),
    "in_progress": whole(31, "Who came here and may still go on."),
    "median_seconds": maybe(number(86400.0, "From the step before.")),
    "avg_seconds": maybe(number(93211.5)),
}
_MEASURED = group("A step of a funnel.", **_MEASURES)
_CELL = group(
    "A period of a cohort.",
    optional=["periods"],
    period=whole(1),
    periods=list_of(whole(1), "The periods of the bracket, the first and the last."),
    eligible=whole(120, "Who could have come back in it."),
    retained=whole(48),
    rate=maybe(number(0.4)),
    complete=flag("Whether it is over for everybody."),
)
_BEGUN = group("A cohort.", start=day("Its first day."), size=whole(120), cells=list_of(_CELL))
_MEAN = list_of(
    group("Over all cohorts for which it is over.", period=whole(1), rate=maybe(number(0.4)))
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
            "items": {"anyOf": [_BUCKET, _MEASURED, _BEGUN]},
        },
        "total": whole(1420, "Events, or people of the whole range."),
        "totals": free({"organic": 845, "referral": 403}, "By group.", whole(845)),
        "incomplete": list_of(text("2026-02-23"), "Dates whose bucket is cut or not over."),
        "mean": _MEAN,
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
_EXAMPLE = {
    "type": "event_count",
    "event": "signup_completed",
    "interval": "day",
    "from": "2026-02-01",
    "to": "2026-02-23",
    "filters": {"traits.plan": "growth"},
    "group_by": "traits.source",
}
_FUNNEL_EXAMPLE = {
    "name": "From signup to purchase",
    "steps": [
        "signup_completed",
        {"event": "purchase", "filters": {"properties.amount": {"gt": 10}}},
    ],
    "window": "14d",
}
_COHORT_EXAMPLE = {
    "name": "Weekly logins",
    "start": "signup_completed",
    "return": "login",
    "period": "week",
}


def _kept(prefix: str, name: str, about: str, fields: dict[str, Schema]) -> Shape:
    base = {"id": public_id(prefix), "name": text(name), **fields}
    more = {"created_at": time(), "updated_at": time(), **_DAYS, "warnings": WARNINGS}
    optional = [*fields, *_DAYS, "warnings"]
    return Shape(about.split()[1].capitalize(), about, {**base, **more}, optional)


_A_FUNNEL = _kept("fnl", "From signup to purchase", "A funnel that is kept.", _FUNNEL)
_A_COHORT = _kept("chrt", "Weekly logins", "A cohort report that is kept.", _COHORT)
_NEW_FUNNEL = Shape(
    "FunnelDefinition",
    "A funnel with a name.",
    {"name": text("From signup to purchase"), **_FUNNEL, **_DAYS},
    optional=[*_FUNNEL, *_DAYS],
)
_NEW_COHORT = Shape(
    "CohortDefinition",
    "Cohorts with a name.",
    {"name": text("Weekly logins"), **_COHORT, **_DAYS},
    optional=[*_COHORT, *_DAYS],
)


def _answered(shape: Shape, name: str, result: str, items: Schema, **more: Schema) -> Shape:
    fields = {
        "definition": free({}, "The definition as it was sent."),
        **_DAYS,
        result: list_of(items),
        "total": whole(1420, "People."),
        **more,
        "groups": list_of(free({"group": "organic", "total": 845})),
    }
    kept = [each for each in shape.optional if each not in (result, *_DAYS)]
    return Shape(name, f"{shape.about} Its answer.", {**shape.fields, **fields}, [*kept, "groups"])


_FUNNEL_ANSWER = _answered(_A_FUNNEL, "FunnelAnswer", "steps", _MEASURED)
_COHORT_ANSWER = _answered(_A_COHORT, "CohortAnswer", "cohorts", _BEGUN, mean=_MEAN)
_REPORT_FILTERS = {"from": _DAYS["from"], "to": _DAYS["to"]}

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
describe(
    FunnelViewSet,
    "Funnels",
    "Steps that people take one after the other, and how many get how far.",
    list=Operation("List funnels", "Newest first.", answers=page_of(_A_FUNNEL)),
    create=Operation(
        "Create a funnel",
        takes=_NEW_FUNNEL,
        example=_FUNNEL_EXAMPLE,
        answers=_A_FUNNEL,
        status=201,
    ),
    retrieve=Operation(
        "Get a funnel and its answer",
        "Without from and to, of the last 30 days. Entries are in the range, later steps may be "
        "after it.",
        answers=_FUNNEL_ANSWER,
        filters=_REPORT_FILTERS,
        refuses=("validation_error",),
    ),
    partial_update=Operation(
        "Update a funnel", takes=_NEW_FUNNEL, example=_FUNNEL_EXAMPLE, answers=_A_FUNNEL
    ),
    destroy=Operation("Delete a funnel", status=204),
)
describe(
    CohortViewSet,
    "Cohorts",
    "People by when they began, and how many of them come back.",
    list=Operation("List cohorts", "Newest first.", answers=page_of(_A_COHORT)),
    create=Operation(
        "Create a cohort",
        takes=_NEW_COHORT,
        example=_COHORT_EXAMPLE,
        answers=_A_COHORT,
        status=201,
    ),
    retrieve=Operation(
        "Get a cohort and its answer",
        "Without from and to, of the last twelve weeks, thirty days or twelve months.",
        answers=_COHORT_ANSWER,
        filters=_REPORT_FILTERS,
        refuses=("validation_error",),
    ),
    partial_update=Operation(
        "Update a cohort", takes=_NEW_COHORT, example=_COHORT_EXAMPLE, answers=_A_COHORT
    ),
    destroy=Operation("Delete a cohort", status=204),
)
