"""Reads what is asked: JSON in, frozen questions out, or all that is wrong with it at once."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from contacts import rules
from contacts.models import Segment
from growth import durations
from growth.analytics.periods import (
    MAX_BUCKETS,
    Interval,
    Range,
    buckets,
    count_buckets,
    period_of,
    today,
)
from growth.analytics.questions import (
    Cohorts,
    Count,
    Criterion,
    Entry,
    Exclusion,
    FunnelSteps,
    GroupBy,
    GroupKind,
    Mode,
    Order,
    QueryType,
    Start,
    Step,
)
from growth.errors import Invalid, Violation
from growth.models import Project

MAX_STEPS = 12
MAX_EXCLUSIONS = 10
MAX_HELD = 3
MAX_BRACKETS = 50
MAX_NAME = 256
LONGEST_WINDOW = durations.LONGEST

T = TypeVar("T")
C = TypeVar("C", bound=StrEnum)

RANGE = ("from", "to")
_COMMON = ("type", *RANGE, "filters", "group_by")
FUNNEL_FIELDS = (
    *("steps", "window", "order", "entry", "exclusions", "hold_constant", "filters", "group_by"),
)
COHORT_FIELDS = (
    *("event", "start", "return", "period", "interval", "mode", "criterion", "cohort", "brackets"),
    *("filters", "group_by"),
)
_FIELDS = {
    QueryType.EVENT_COUNT: (*_COMMON, "event", "interval"),
    QueryType.UNIQUE_CONTACTS: (*_COMMON, "event", "interval"),
    QueryType.FUNNEL: (*_COMMON, *FUNNEL_FIELDS),
    QueryType.COHORT_RETENTION: (*_COMMON, *COHORT_FIELDS),
}
_MISSING = object()
_DEFAULT_DAYS = {Interval.HOUR: 1, Interval.DAY: 30, Interval.WEEK: 84, Interval.MONTH: 365}


def read_query(data: Any, project: Project, *, at: datetime) -> Count | FunnelSteps | Cohorts:
    """Return the question that the body of a query asks.

    :raises Invalid: naming all that is wrong.
    """
    reader = _Reader(data, project, at)
    type = reader.choice("type", QueryType, required=True)
    if type is None:
        raise Invalid(*reader.violations)
    return reader.finished(_READERS[type], _FIELDS[type])


def read_funnel(data: Any, project: Project, *, at: datetime) -> FunnelSteps:
    """Return the funnel that a definition describes, with ``from`` and ``to`` beside it.

    :raises Invalid: naming all that is wrong.
    """
    return _Reader(data, project, at).finished(_Reader.funnel, (*FUNNEL_FIELDS, *RANGE))


def read_cohorts(data: Any, project: Project, *, at: datetime) -> Cohorts:
    """Return the cohorts that a definition describes, with ``from`` and ``to`` beside it.

    :raises Invalid: naming all that is wrong.
    """
    return _Reader(data, project, at).finished(_Reader.cohorts, (*COHORT_FIELDS, *RANGE))


class _Reader:
    """Reads one body, and goes on after what is wrong."""

    def __init__(self, data: Any, project: Project, at: datetime) -> None:
        self.violations: list[Violation] = []
        if not isinstance(data, dict):
            raise Invalid(Violation("", "invalid", "Send a JSON object."))
        self.data, self.project, self.at = data, project, at
        self.segments: list[rules.tree.Look] = []

    def finished(self, read: Callable[["_Reader"], T | None], fields: Sequence[str]) -> T:
        """Return what was read, if nothing was wrong with it.

        :raises Invalid: naming all that is wrong.
        """
        for name in self.data:
            if name not in fields:
                message = "There is no such field; check its spelling."
                self.refuse(name, "unknown_field", message)
        question = read(self)
        self._require_segments()
        if self.violations or question is None:
            raise Invalid(*self.violations)
        return question

    def count(self) -> Count | None:
        """Read a query of events or contacts by time."""
        interval = self.choice("interval", Interval, default=Interval.DAY)
        event = self._name(self.data.get("event"), "event", required=False)
        span = self.range(interval)
        step = Step(event, self._filters(self.data.get("filters"), "filters"))
        group_by = self._group_by()
        if interval is None or span is None or not self._few_buckets(span, interval):
            return None
        parts = buckets(span, interval, self.project.week_start)
        is_unique = self.data["type"] == QueryType.UNIQUE_CONTACTS
        return Count(step, span, interval, parts, group_by, is_unique)

    def funnel(self) -> FunnelSteps | None:
        """Read a funnel."""
        span, shared = self.range(Interval.DAY), self._filters(self.data.get("filters"), "filters")
        steps = [
            self._step(each, f"steps[{index}]", shared)
            for index, each in enumerate(self._list("steps", 2, MAX_STEPS, required=True))
        ]
        order = self.choice("order", Order, default=Order.ORDERED)
        entry = self.choice("entry", Entry, default=Entry.BEST)
        exclusions = [
            self._exclusion(each, f"exclusions[{index}]", len(steps))
            for index, each in enumerate(self._list("exclusions", 0, MAX_EXCLUSIONS))
        ]
        held = [
            self._property(each, f"hold_constant[{index}]")
            for index, each in enumerate(self._list("hold_constant", 0, MAX_HELD))
        ]
        window, group_by = self._window(), self._group_by()
        if order is Order.ANY:
            self._require_different([*steps, *exclusions])
        if self.violations or not (span and order and entry):
            return None
        return FunnelSteps(
            tuple(steps), span, window, order, entry, tuple(exclusions), tuple(held), group_by
        )

    def cohorts(self) -> Cohorts | None:
        """Read cohorts."""
        period = self._period()
        span = self.range(period)
        shared = self._filters(self.data.get("filters"), "filters")
        start, returned = self._ends(shared)
        mode = self.choice("mode", Mode, default=Mode.CALENDAR)
        criterion = self.choice("criterion", Criterion, default=Criterion.ON)
        which = self.choice("cohort", Start, default=Start.FIRST_TIME)
        brackets, group_by = self._brackets(criterion), self._group_by()
        if group_by and group_by.kind is GroupKind.PROPERTY:
            message = "Group people by traits.<name>, tags or segments; here events have no group."
            self.refuse("group_by", "invalid_choice", message)
        if self.violations or not (span and period and mode and criterion and which):
            return None
        if not self._few_buckets(span, period):
            return None
        parts = buckets(span, period, self.project.week_start)
        return Cohorts(
            start, returned, span, period, parts, mode, criterion, which, brackets, group_by
        )

    def range(self, interval: Interval | None) -> Range | None:
        """Read from and to; without them the range ends today."""
        last = self._day("to", today(self.project, self.at))
        if last is None:
            return None
        interval = interval or Interval.DAY
        length = timedelta(days=_DEFAULT_DAYS[interval] - 1)
        earliest = date(1900, 1, 1)
        default = period_of(max(last - length, earliest), interval, self.project.week_start)
        first = self._day("from", default)
        if first is None:
            return None
        if first > last:
            self.refuse("from", "invalid", "Send a from that is not after to.")
            return None
        return Range(first, last, self.project.zone)

    def choice(
        self, name: str, choices: type[C], *, default: C | None = None, required: bool = False
    ) -> C | None:
        """Read one of some words."""
        value = self.data.get(name)
        if value is None and not required:
            return default
        if value is None or value not in list(choices):
            reason = "required" if value is None else "invalid_choice"
            self.refuse(name, reason, f"Choose one of {', '.join(choices)}.")
            return None
        return choices(value)

    def refuse(self, field: str, reason: str, message: str) -> None:
        """Note what is wrong."""
        self.violations.append(Violation(field, reason, message))

    def _few_buckets(self, span: Range, interval: Interval) -> bool:
        few = count_buckets(span, interval) <= MAX_BUCKETS
        if few and interval is not Interval.HOUR:
            few = len(buckets(span, interval, self.project.week_start).labels) <= MAX_BUCKETS
        if not few:
            message = f"That is more than {MAX_BUCKETS} buckets; ask for less time or longer ones."
            self.refuse("interval", "too_many", message)
        return few

    def _day(self, name: str, default: date) -> date | None:
        text = self.data.get(name)
        if text is None:
            return default
        try:
            day = date.fromisoformat(text if isinstance(text, str) and len(text) == 10 else "")
        except ValueError:
            day = None
        if day is None or not 1900 <= day.year <= 9990:
            self.refuse(name, "invalid", "Write a day as YYYY-MM-DD, such as 2026-02-23.")
            return None
        return day

    def _list(self, name: str, least: int, most: int, *, required: bool = False) -> list[Any]:
        value = self.data.get(name)
        if value is None and not required:
            return []
        if not isinstance(value, list) or not least <= len(value) <= most:
            reason = "required" if value is None else "invalid"
            count = f"{least} to {most}" if least else f"up to {most}"
            self.refuse(name, reason, f"Send a list of {count}.")
            return []
        return value

    def _name(self, value: Any, path: str, *, required: bool = True) -> str | None:
        if value is None and not required:
            return None
        if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME or "\0" in value:
            reason = "required" if value is None else "invalid"
            self.refuse(path, reason, f"Name an event, in 1 to {MAX_NAME} characters.")
            return None
        return value

    def _step(self, data: Any, path: str, shared: rules.Node | None) -> Step:
        if isinstance(data, str):
            return Step(self._name(data, path), shared)
        fields = self._object(data, path, ("event", "filters"))
        own = self._filters(fields.get("filters"), f"{path}.filters")
        return Step(self._name(fields.get("event"), f"{path}.event"), both(own, shared))

    def _exclusion(self, data: Any, path: str, steps: int) -> Exclusion:
        if isinstance(data, str):
            return Exclusion(self._name(data, path), None, None)
        fields = self._object(data, path, ("event", "filters", "after_step"))
        after = fields.get("after_step")
        is_step = isinstance(after, int) and not isinstance(after, bool) and 1 <= after < steps
        if after is not None and not is_step:
            message = (
                "Send the number of the step after which it excludes, from 1 to the last but one."
            )
            self.refuse(f"{path}.after_step", "invalid", message)
        filters = self._filters(fields.get("filters"), f"{path}.filters")
        return Exclusion(self._name(fields.get("event"), f"{path}.event"), filters, after)

    def _object(self, data: Any, path: str, names: Sequence[str]) -> dict[str, Any]:
        if not isinstance(data, dict):
            message = "Send the name of an event, or an object with event and filters."
            self.refuse(path, "required" if data is None else "invalid", message)
            return {"event": "-"}
        for name in data:
            if name not in names:
                message = "There is no such field; check its spelling."
                self.refuse(f"{path}.{name}", "unknown_field", message)
        return data

    def _require_different(self, steps: Sequence[Step | Exclusion]) -> None:
        names = [step.event for step in steps]
        if len(set(names)) < len(names):
            message = "In any order, each step and exclusion needs an event of its own."
            self.refuse("steps", "invalid", message)

    def _window(self) -> timedelta:
        text = self.data.get("window")
        try:
            window = durations.parse("7d" if text is None else text)
            if not window:
                raise ValueError("A window lasts 1s at least.")
        except ValueError as error:
            self.refuse("window", "invalid", str(error))
            window = timedelta(days=7)
        return window

    def _ends(self, shared: rules.Node | None) -> tuple[Step, Step]:
        """Read which events begin and which come back; ``event`` names both."""
        event = self.data.get("event")
        ends = []
        for name in ("start", "return"):
            sent = self.data.get(name, event)
            path = name if name in self.data else "event"
            if sent is None:
                self.refuse(name, "required", "Name the event, or send event for both ends.")
                sent = "-"
            ends.append(self._step(sent, path, shared))
        return ends[0], ends[1]

    def _period(self) -> Interval | None:
        name = "period" if "period" in self.data or "interval" not in self.data else "interval"
        period = self.choice(name, Interval, default=Interval.WEEK)
        if period is Interval.HOUR:
            self.refuse(name, "invalid_choice", "Choose one of day, week, month.")
            return None
        return period

    def _brackets(self, criterion: Criterion | None) -> tuple[tuple[int, int], ...]:
        sent = self._list("brackets", 1, MAX_BRACKETS, required=criterion is Criterion.BRACKET)
        if sent and criterion is not Criterion.BRACKET:
            self.refuse("brackets", "invalid", "Brackets go with the criterion bracket.")
        found: list[tuple[int, int]] = []
        for index, each in enumerate(sent):
            if not _is_bracket(each) or (found and each[0] <= found[-1][1]):
                message = "Send the first and the last period, [1, 6], after those before it."
                self.refuse(f"brackets[{index}]", "invalid", message)
            else:
                found.append((each[0], each[1]))
        return tuple(found)

    def _property(self, name: Any, path: str) -> tuple[str, ...]:
        group = _group(name) if isinstance(name, str) else None
        if group is None or group.kind is not GroupKind.PROPERTY:
            message = "Name a property of the events, such as properties.order_id."
            self.refuse(path, "unknown_field", message)
            return ()
        return group.path

    def _group_by(self) -> GroupBy | None:
        name = self.data.get("group_by")
        if name is None:
            return None
        group = _group(name) if isinstance(name, str) and len(name) <= 512 else None
        if group is None:
            message = "Group by traits.<name>, properties.<name>, tags or segments."
            self.refuse("group_by", "unknown_field", message)
        return group

    def _filters(self, data: Any, path: str) -> rules.Node | None:
        if data is None or data == {} or data == []:
            return None
        if isinstance(data, list):
            data, path = {"operator": "AND", "conditions": data}, f"{path}"
        if not isinstance(data, dict):
            message = "Send an object of fields and values, or a rule."
            self.refuse(path, "invalid", message)
            return None
        if {"operator", "conditions", "op"} & data.keys():
            return self._rule(data, path)
        conditions = [
            self._rule(each, f"{path}.{field}")
            for field, value in data.items()
            for each in _conditions(field, value)
        ]
        found = [each for each in conditions if each]
        if len(conditions) > rules.grammar.MAX_CONDITIONS:
            self.refuse(path, "too_many", "Send 50 filters at most.")
        return rules.Group(rules.Operator.AND, tuple(found)) if found else None

    def _rule(self, data: dict[str, Any], path: str) -> rules.Node | None:
        try:
            node = rules.parse_filter(data, zone=self.project.zone, path=path)
        except Invalid as refusal:
            self.violations += refusal.violations
            return None
        self.segments += rules.segments_of(node)
        return node

    def _require_segments(self) -> None:
        """Refuse ids of segments that the project does not have."""
        named = {look.id for look in self.segments}
        if not named:
            return
        known = Segment.objects.in_project(self.project).filter(pk__in=named)
        unknown = named - set(known.values_list("pk", flat=True))
        for look in self.segments:
            if look.id in unknown:
                message = "There is no such segment in this project."
                self.refuse(look.path, "unknown_id", message)


_READERS: dict[QueryType, Callable[[_Reader], Any]] = {
    QueryType.EVENT_COUNT: _Reader.count,
    QueryType.UNIQUE_CONTACTS: _Reader.count,
    QueryType.FUNNEL: _Reader.funnel,
    QueryType.COHORT_RETENTION: _Reader.cohorts,
}


def both(one: rules.Node | None, other: rules.Node | None) -> rules.Node | None:
    """Return the filter that passes what passes both."""
    if one is None or other is None:
        return one or other
    return rules.Group(rules.Operator.AND, (one, other))


def _conditions(field: str, value: Any) -> list[dict[str, Any]]:
    """Return the conditions that a field and what is sent beside it stand for."""
    if value is None:
        return [{"field": field, "op": "not_exists"}]
    if isinstance(value, list):
        return [{"field": field, "op": "in", "value": value}]
    if isinstance(value, dict):
        return [{"field": field, "op": op, "value": each} for op, each in value.items()]
    return [{"field": field, "op": "contains" if field == "segments" else "eq", "value": value}]


def _group(name: str) -> GroupBy | None:
    root, _, rest = name.partition(".")
    if name in ("tags", "segments"):
        return GroupBy(GroupKind(name), ())
    path = tuple(rest.split("."))
    if root not in ("traits", "properties") or not all(path) or "\0" in name:
        return None
    return GroupBy(GroupKind(root), path)


def _is_bracket(each: Any) -> bool:
    if not isinstance(each, list) or len(each) != 2:
        return False
    whole = all(isinstance(one, int) and not isinstance(one, bool) for one in each)
    return whole and 0 <= each[0] <= each[1] < MAX_BUCKETS
