"""How many of those who began in a period came back in later ones."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from growth.analytics.queries.counts import shown_names
from growth.analytics.queries.periods_back import LENGTHS, periods_back, reached, watched_until
from growth.analytics.questions import MAX_GROUPS, Cohorts, Criterion, Mode
from growth.analytics.statements import rows, statement
from growth.models import Project

Numbers = Mapping[int, Mapping[int, int]]
"""Counts of people by cohort, and then by a number of periods."""


def retention(question: Cohorts, project: Project, *, at: datetime) -> dict[str, Any]:
    """Return the answer as the API shows it, but for its type."""
    people = periods_back(question, project, at=at)
    if question.group_by is None:
        found = rows(statement("retention", people=people, reached=reached(question)))
        return _answer(question, found, None, at)
    found = rows(
        statement(
            "retention_grouped",
            people=people,
            reached=reached(question, "back_shown"),
            most=MAX_GROUPS,
        )
    )
    sizes = {label: count for what, label, _, _, count in found if what == "people"}
    names = shown_names(question.group_by, sizes)
    order = sorted(sizes, key=lambda one: (one is None, -sizes[one], one or ""))
    return {
        "data": [],
        "total": next(count for what, *_, count in found if what == "total"),
        "groups": [
            {"group": names[each], **_answer(question, found, each, at), "total": sizes[each]}
            for each in order
        ],
    }


def _answer(
    question: Cohorts, found: list[tuple], group: str | None, at: datetime
) -> dict[str, Any]:
    whole, back = _numbers(found, "whole", group), _numbers(found, "back", group)
    data = [
        {
            "start": label,
            "size": sum(whole[number].values()),
            "cells": list(_cells(question, number, whole[number], back[number], at)),
        }
        for number, label in enumerate(question.buckets.labels, 1)
    ]
    total = sum(count for what, *_, count in found if what == "total")
    return {"data": data, "total": total, "mean": _mean(data)}


def _numbers(found: list[tuple], wanted: str, group: str | None) -> Numbers:
    numbers: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for what, label, cohort, number, count in found:
        if what == wanted and label == group:
            numbers[cohort][number] = count
    return numbers


def _cells(
    question: Cohorts,
    cohort: int,
    whole: Mapping[int, int],
    back: Mapping[int, int],
    at: datetime,
) -> Iterator[dict[str, Any]]:
    """Yield what became of one cohort, period by period or bracket by bracket."""
    is_rolling, size = question.mode is Mode.ROLLING, sum(whole.values())
    for number, (first, last) in enumerate(_spans(question, cohort, at)):
        eligible = size
        if is_rolling:
            eligible = sum(count for periods, count in whole.items() if periods > last)
        if question.criterion is Criterion.ON_OR_AFTER:
            retained = sum(count for period, count in back.items() if period >= first)
        else:
            retained = back.get(number, 0)
        bracket = question.criterion is Criterion.BRACKET
        yield {
            "period": number,
            **({"periods": [first, last]} if bracket else {}),
            "eligible": eligible,
            "retained": retained,
            "rate": round(retained / eligible, 4) if eligible else None,
            "complete": _is_over(question, cohort, last, at),
        }


def _spans(question: Cohorts, cohort: int, at: datetime) -> list[tuple[int, int]]:
    """Return the periods, or brackets of periods, of which there is something to say."""
    count = _periods(question, cohort, at)
    if question.criterion is Criterion.BRACKET:
        return [each for each in question.brackets if each[0] < count]
    return [(number, number) for number in range(count)]


def _periods(question: Cohorts, cohort: int, at: datetime) -> int:
    if question.mode is Mode.CALENDAR:
        return len(question.buckets.labels) - cohort + 1
    watched = watched_until(question, at) - question.buckets.bounds[cohort - 1]
    return max(1, watched // LENGTHS[question.period])


def _is_over(question: Cohorts, cohort: int, period: int, at: datetime) -> bool:
    """Tell whether the period is over for everybody who may have begun in the cohort's."""
    parts, end = question.buckets, watched_until(question, at)
    if question.mode is Mode.CALENDAR:
        last = cohort - 1 + period
        return last < len(parts.wholes) and parts.wholes[last][1] <= end
    return parts.bounds[cohort] + (period + 1) * LENGTHS[question.period] <= end


def _mean(data: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rate of each period over all cohorts for which it is over, by their sizes."""
    sums: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for cohort in data:
        for cell in cohort["cells"]:
            if cell["complete"]:
                sums[cell["period"]][0] += cell["retained"]
                sums[cell["period"]][1] += cell["eligible"]
    return [
        {"period": period, "rate": round(back / people, 4) if people else None}
        for period, (back, people) in sorted(sums.items())
    ]
