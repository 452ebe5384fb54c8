"""``/v1/analytics/funnels`` and ``/v1/analytics/cohorts``: questions that are kept."""

from growth.analytics.api.reports import CohortViewSet, FunnelViewSet
from growth.analytics.schema.shapes import BEGUN, COHORT, DAYS, FUNNEL, MEAN, MEASURED
from growth.api.descriptions import Operation, describe
from growth.api.shapes import (
    WARNINGS,
    Schema,
    Shape,
    free,
    list_of,
    page_of,
    public_id,
    text,
    time,
    whole,
)

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
    more = {"created_at": time(), "updated_at": time(), **DAYS, "warnings": WARNINGS}
    optional = [*fields, *DAYS, "warnings"]
    return Shape(about.split()[1].capitalize(), about, {**base, **more}, optional)


_A_FUNNEL = _kept("fnl", "From signup to purchase", "A funnel that is kept.", FUNNEL)
_A_COHORT = _kept("chrt", "Weekly logins", "A cohort report that is kept.", COHORT)
_NEW_FUNNEL = Shape(
    "FunnelDefinition",
    "A funnel with a name.",
    {"name": text("From signup to purchase"), **FUNNEL, **DAYS},
    optional=[*FUNNEL, *DAYS],
)
_NEW_COHORT = Shape(
    "CohortDefinition",
    "Cohorts with a name.",
    {"name": text("Weekly logins"), **COHORT, **DAYS},
    optional=[*COHORT, *DAYS],
)


def _answered(shape: Shape, name: str, result: str, items: Schema, **more: Schema) -> Shape:
    fields = {
        "definition": free({}, "The definition as it was sent."),
        **DAYS,
        result: list_of(items),
        "total": whole(1420, "People."),
        **more,
        "groups": list_of(free({"group": "organic", "total": 845})),
    }
    kept = [each for each in shape.optional if each not in (result, *DAYS)]
    return Shape(name, f"{shape.about} Its answer.", {**shape.fields, **fields}, [*kept, "groups"])


_FUNNEL_ANSWER = _answered(_A_FUNNEL, "FunnelAnswer", "steps", MEASURED)
_COHORT_ANSWER = _answered(_A_COHORT, "CohortAnswer", "cohorts", BEGUN, mean=MEAN)
_REPORT_FILTERS = {"from": DAYS["from"], "to": DAYS["to"]}

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
