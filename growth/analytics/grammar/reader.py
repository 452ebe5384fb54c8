"""Reads the parts of which all questions are made, and goes on after what is wrong."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from contacts import rules
from contacts.models import Segment
from growth.analytics.periods import (
    MAX_BUCKETS,
    Interval,
    Range,
    buckets,
    count_buckets,
    period_of,
    today,
)
from growth.analytics.questions import GroupBy, GroupKind, Step
from growth.errors import Invalid, Violation
from growth.models import Project

MAX_NAME = 256
MAX_FIELD = 512

T = TypeVar("T")
C = TypeVar("C", bound=StrEnum)

_DEFAULT_DAYS = {Interval.HOUR: 1, Interval.DAY: 30, Interval.WEEK: 84, Interval.MONTH: 365}


class Reader:
    """Reads one body, and keeps what is wrong with it."""

    def __init__(self, data: Any, project: Project, at: datetime) -> None:
        self.violations: list[Violation] = []
        if not isinstance(data, dict):
            raise Invalid(Violation("", "invalid", "Send a JSON object."))
        self.data, self.project, self.at = data, project, at
        self.segments: list[rules.tree.Look] = []

    def finished(self, read: Callable[["Reader"], T | None], fields: Sequence[str]) -> T:
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

    def few_buckets(self, span: Range, interval: Interval) -> bool:
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

    def list(self, name: str, least: int, most: int, *, required: bool = False) -> list[Any]:
        value = self.data.get(name)
        if value is None and not required:
            return []
        if not isinstance(value, list) or not least <= len(value) <= most:
            reason = "required" if value is None else "invalid"
            count = f"{least} to {most}" if least else f"up to {most}"
            self.refuse(name, reason, f"Send a list of {count}.")
            return []
        return value

    def name(self, value: Any, path: str, *, required: bool = True) -> str | None:
        if value is None and not required:
            return None
        if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME or "\0" in value:
            reason = "required" if value is None else "invalid"
            self.refuse(path, reason, f"Name an event, in 1 to {MAX_NAME} characters.")
            return None
        return value

    def step(self, data: Any, path: str, shared: rules.Node | None) -> Step:
        if isinstance(data, str):
            return Step(self.name(data, path), shared)
        fields = self.fields(data, path, ("event", "filters"))
        own = self.filters(fields.get("filters"), f"{path}.filters")
        return Step(self.name(fields.get("event"), f"{path}.event"), both(own, shared))

    def fields(self, data: Any, path: str, names: Sequence[str]) -> dict[str, Any]:
        if not isinstance(data, dict):
            message = "Send the name of an event, or an object with event and filters."
            self.refuse(path, "required" if data is None else "invalid", message)
            return {"event": "-"}
        for name in data:
            if name not in names:
                message = "There is no such field; check its spelling."
                self.refuse(f"{path}.{name}", "unknown_field", message)
        return data

    def group_by(self) -> GroupBy | None:
        name = self.data.get("group_by")
        if name is None:
            return None
        group = group_named(name) if isinstance(name, str) and len(name) <= 512 else None
        if group is None:
            message = "Group by traits.<name>, properties.<name>, tags, segments or referred."
            self.refuse("group_by", "unknown_field", message)
        return group

    def filters(self, data: Any, path: str) -> rules.Node | None:
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


def group_named(name: str) -> GroupBy | None:
    """Return by what to group, if the name says it."""
    root, _, rest = name.partition(".")
    if name in ("tags", "segments", "referred"):
        return GroupBy(GroupKind(name), ())
    path = tuple(rest.split("."))
    if root not in ("traits", "properties") or not all(path) or "\0" in name:
        return None
    return GroupBy(GroupKind(root), path)
