"""Reads which number of an answer is meant."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from growth.analytics.grammar.reader import Reader
from growth.analytics.questions import Cohorts, Count, FunnelSteps, Pick
from growth.errors import Invalid, Violation

MAX_TITLE = 200

_PICKS = {
    Count: ("group", "date"),
    FunnelSteps: ("group", "step", "outcome"),
    Cohorts: ("group", "date", "period"),
}


class Outcome(StrEnum):
    """What became of people at a step."""

    REACHED = "reached"
    DROPPED = "dropped"
    IN_PROGRESS = "in_progress"


@dataclass(frozen=True)
class Picked:
    """A question, a number of its answer, and the name of the segment to be made of its people."""

    question: Count | FunnelSteps | Cohorts
    pick: Pick
    name: str


def read_pick_of(read: Callable[..., Any], reader: Reader, *, is_named: bool) -> Picked:
    """Return what the body says; ``read`` reads its query.

    :raises Invalid: naming all that is wrong.
    """
    question = None
    try:
        question = read(reader.data.get("query"), reader.project, at=reader.at)
    except Invalid as refusal:
        for each in refusal.violations:
            field = f"query.{each.field}" if each.field else "query"
            reader.violations.append(Violation(field, each.reason, each.message))
    name = _title(reader) if is_named else ""
    if question is None:
        raise Invalid(*reader.violations)
    names = ("query", *_PICKS[type(question)], *(("name",) if is_named else ()))
    pick = reader.finished(lambda reader: _pick(reader, question), names)
    return Picked(question, pick, name)


def _pick(reader: Reader, question: Any) -> Pick:
    numbers = {"step": (1, len(getattr(question, "steps", ()))), "period": (0, 366)}
    for field, (least, most) in numbers.items():
        value = reader.data.get(field)
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not (is_whole and least <= value <= most):
            message = f"Send a whole number from {least} to {most}."
            reader.refuse(field, "out_of_range", message)
    if isinstance(question, Count | Cohorts):
        _require_bucket(reader, question)
    _require_group(reader, question)
    outcome = reader.choice("outcome", Outcome, default=Outcome.REACHED)
    sent = {name: reader.data.get(name) for name in ("group", "date", "step", "period")}
    return Pick(**sent, outcome=str(outcome))


def _require_bucket(reader: Reader, question: Count | Cohorts) -> None:
    date = reader.data.get("date")
    if date is not None and date not in question.buckets.labels:
        message = "Name a date of the answer: the first day of a bucket or cohort."
        reader.refuse("date", "invalid_choice", message)


def _require_group(reader: Reader, question: Any) -> None:
    group = reader.data.get("group")
    if group is None:
        return
    if question.group_by is None:
        reader.refuse("group", "invalid", "This query has no groups; send group_by in it.")
    elif not isinstance(group, str) or "\0" in group:
        reader.refuse("group", "invalid_choice", "Name one of the answer's groups.")


def _title(reader: Reader) -> str:
    name = reader.data.get("name")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= MAX_TITLE:
        reason = "required" if name is None else "invalid"
        reader.refuse("name", reason, f"Name the segment, in 1 to {MAX_TITLE} characters.")
        return ""
    return name
