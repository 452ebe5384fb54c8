"""What questions and their answers are made of."""

from growth.analytics.questions import Criterion, Entry, Mode, Order, Start
from growth.api.shapes import (
    choice,
    day,
    flag,
    group,
    list_of,
    maybe,
    number,
    text,
    whole,
)

FILTERS = {
    "description": 'Fields and values, {"traits.plan": "growth"}, or a rule as segments have.',
    "example": {"traits.plan": "growth"},
}
STEP = {"description": "The name of an event, or {event, filters}.", "example": "signup_completed"}
GROUP_BY = text("traits.source", "traits.<name>, properties.<name>, tags, segments or referred.")
DAYS = {
    "from": day("The first day, in the project's zone.", example="2026-02-01"),
    "to": day("The last day, included."),
}
FUNNEL = {
    "steps": list_of(STEP, "Two to twelve."),
    "window": text("7d", "How long an attempt may take, from its first step."),
    "order": choice(Order),
    "entry": choice(Entry, "Which attempt of a person counts."),
    "exclusions": list_of(STEP, "Events that end an attempt."),
    "hold_constant": list_of(text("properties.order_id"), "Up to 3 that are the same throughout."),
    "filters": FILTERS,
    "group_by": GROUP_BY,
}
COHORT = {
    "event": text("login", "Begins and comes back, where start and return name no others."),
    "start": STEP,
    "return": STEP,
    "period": choice(("day", "week", "month")),
    "mode": choice(Mode),
    "criterion": choice(Criterion),
    "cohort": choice(Start),
    "brackets": list_of(list_of(whole(1)), "First and last period of each, as [1, 6]."),
    "filters": FILTERS,
    "group_by": GROUP_BY,
}
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
MEASURED = group("A step of a funnel.", **_MEASURES)
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
BEGUN = group("A cohort.", start=day("Its first day."), size=whole(120), cells=list_of(_CELL))
MEAN = list_of(
    group("Over all cohorts for which it is over.", period=whole(1), rate=maybe(number(0.4)))
)
