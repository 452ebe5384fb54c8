"""Reads cohorts."""

from typing import Any

from contacts import rules
from growth.analytics.grammar.reader import Reader
from growth.analytics.periods import MAX_BUCKETS, Interval, buckets
from growth.analytics.questions import Cohorts, Criterion, Mode, Start, Step

MAX_BRACKETS = 50
FIELDS = (
    *("event", "start", "return", "period", "interval", "mode", "criterion", "cohort", "brackets"),
    *("filters", "group_by", "from", "to"),
)


def cohorts(reader: Reader) -> Cohorts | None:
    """Read cohorts."""
    period = _period(reader)
    span = reader.range(period)
    shared = reader.filters(reader.data.get("filters"), "filters")
    start, returned = _ends(reader, shared)
    mode = reader.choice("mode", Mode, default=Mode.CALENDAR)
    criterion = reader.choice("criterion", Criterion, default=Criterion.ON)
    which = reader.choice("cohort", Start, default=Start.FIRST_TIME)
    brackets, group_by = _brackets(reader, criterion), reader.group_by()
    if reader.violations or not (span and period and mode and criterion and which):
        return None
    if not reader.few_buckets(span, period):
        return None
    parts = buckets(span, period, reader.project.week_start)
    return Cohorts(start, returned, span, period, parts, mode, criterion, which, brackets, group_by)


def _ends(reader: Reader, shared: rules.Node | None) -> tuple[Step, Step]:
    """Read which events begin and which come back; ``event`` names both."""
    event = reader.data.get("event")
    ends = []
    for name in ("start", "return"):
        sent = reader.data.get(name, event)
        path = name if name in reader.data else "event"
        if sent is None:
            reader.refuse(name, "required", "Name the event, or send event for both ends.")
            sent = "-"
        ends.append(reader.step(sent, path, shared))
    return ends[0], ends[1]


def _period(reader: Reader) -> Interval | None:
    name = "period" if "period" in reader.data or "interval" not in reader.data else "interval"
    period = reader.choice(name, Interval, default=Interval.WEEK)
    if period is Interval.HOUR:
        reader.refuse(name, "invalid_choice", "Choose one of day, week, month.")
        return None
    return period


def _brackets(reader: Reader, criterion: Criterion | None) -> tuple[tuple[int, int], ...]:
    sent = reader.list("brackets", 1, MAX_BRACKETS, required=criterion is Criterion.BRACKET)
    if sent and criterion is not Criterion.BRACKET:
        reader.refuse("brackets", "invalid", "Brackets go with the criterion bracket.")
    found: list[tuple[int, int]] = []
    for index, each in enumerate(sent):
        if not _is_bracket(each) or (found and each[0] <= found[-1][1]):
            message = "Send the first and the last period, [1, 6], after those before it."
            reader.refuse(f"brackets[{index}]", "invalid", message)
        else:
            found.append((each[0], each[1]))
    return tuple(found)


def _is_bracket(each: Any) -> bool:
    if not isinstance(each, list) or len(each) != 2:
        return False
    whole = all(isinstance(one, int) and not isinstance(one, bool) for one in each)
    return whole and 0 <= each[0] <= each[1] < MAX_BUCKETS
