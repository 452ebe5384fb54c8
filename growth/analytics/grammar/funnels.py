"""Reads funnels."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from growth import durations
from growth.analytics.grammar.reader import Reader, group_named
from growth.analytics.periods import Interval
from growth.analytics.questions import Entry, Exclusion, FunnelSteps, GroupKind, Order, Step

MAX_STEPS = 12
MAX_EXCLUSIONS = 10
MAX_HELD = 3
FIELDS = (
    *("steps", "window", "order", "entry", "exclusions", "hold_constant", "filters", "group_by"),
    *("from", "to"),
)


def funnel(reader: Reader) -> FunnelSteps | None:
    """Read a funnel."""
    span, shared = reader.range(Interval.DAY), reader.filters(reader.data.get("filters"), "filters")
    steps = [
        reader.step(each, f"steps[{index}]", shared)
        for index, each in enumerate(reader.list("steps", 2, MAX_STEPS, required=True))
    ]
    order = reader.choice("order", Order, default=Order.ORDERED)
    entry = reader.choice("entry", Entry, default=Entry.BEST)
    exclusions = [
        _exclusion(reader, each, f"exclusions[{index}]", len(steps))
        for index, each in enumerate(reader.list("exclusions", 0, MAX_EXCLUSIONS))
    ]
    held = [
        _property(reader, each, f"hold_constant[{index}]")
        for index, each in enumerate(reader.list("hold_constant", 0, MAX_HELD))
    ]
    window, group_by = _window(reader), reader.group_by()
    if order is Order.ANY:
        _require_different(reader, [*steps, *exclusions])
    if reader.violations or not (span and order and entry):
        return None
    return FunnelSteps(
        tuple(steps), span, window, order, entry, tuple(exclusions), tuple(held), group_by
    )


def _exclusion(reader: Reader, data: Any, path: str, steps: int) -> Exclusion:
    if isinstance(data, str):
        return Exclusion(reader.name(data, path), None, None)
    fields = reader.fields(data, path, ("event", "filters", "after_step"))
    after = fields.get("after_step")
    is_step = isinstance(after, int) and not isinstance(after, bool) and 1 <= after < steps
    if after is not None and not is_step:
        message = "Send the number of the step after which it excludes, from 1 to the last but one."
        reader.refuse(f"{path}.after_step", "invalid", message)
    filters = reader.filters(fields.get("filters"), f"{path}.filters")
    return Exclusion(reader.name(fields.get("event"), f"{path}.event"), filters, after)


def _require_different(reader: Reader, steps: Sequence[Step | Exclusion]) -> None:
    names = [step.event for step in steps]
    if len(set(names)) < len(names):
        message = "In any order, each step and exclusion needs an event of its own."
        reader.refuse("steps", "invalid", message)


def _window(reader: Reader) -> timedelta:
    text = reader.data.get("window")
    try:
        window = durations.parse("7d" if text is None else text)
        if not window:
            raise ValueError("A window lasts 1s at least.")
    except ValueError as error:
        reader.refuse("window", "invalid", str(error))
        window = timedelta(days=7)
    return window


def _property(reader: Reader, name: Any, path: str) -> tuple[str, ...]:
    group = group_named(name) if isinstance(name, str) else None
    if group is None or group.kind is not GroupKind.PROPERTY:
        message = "Name a property of the events, such as properties.order_id."
        reader.refuse(path, "unknown_field", message)
        return ()
    return group.path
