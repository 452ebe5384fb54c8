"""How many people get how far in a funnel, and how fast."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from contacts.rule_sql import Sql
from growth.analytics.queries.attempts import attempts
from growth.analytics.queries.counts import shown_names
from growth.analytics.queries.sources import grouping, label
from growth.analytics.questions import MAX_GROUPS, FunnelSteps, GroupBy, GroupKind
from growth.analytics.statements import rows, statement
from growth.models import Project

_MICROS = 1_000_000


def funnel(question: FunnelSteps, project: Project, *, at: datetime) -> dict[str, Any]:
    """Return the answer as the API shows it, but for its type."""
    count = len(question.steps)
    parts = {"attempts": attempts(question, project, at=at), "measures": _measures(count)}
    if question.group_by is None:
        [(_, _, *measured)] = rows(statement("funnel_result", **parts))
        return _shown(question, measured)
    parts |= grouped_attempts(question.group_by)
    parts |= {"most": MAX_GROUPS, "times": _times(count)}
    found = rows(statement("funnel_grouped", **parts))
    total = next(measured for is_total, _, *measured in found if is_total)
    groups = {name: measured for is_total, name, *measured in found if not is_total}
    names = shown_names(question.group_by, groups)
    order = sorted(groups, key=lambda one: (one is None, -groups[one][0], one or ""))
    return _shown(question, total) | {
        "groups": [{"group": names[each], **_shown(question, groups[each])} for each in order]
    }


def grouped_attempts(group_by: GroupBy) -> dict[str, Sql]:
    """Return how ``attempt``, there called ``event``, is grouped: by who it is of, or by what its
    first event says.
    """
    if group_by.kind is GroupKind.PROPERTY:
        return {"label": Sql("event.label"), "grouping": Sql("")}
    return {"label": label(group_by), "grouping": grouping(group_by)}


def _times(count: int) -> Sql:
    return Sql(", ".join(f"c{number}" for number in range(1, count + 1)))


def _measures(count: int) -> Sql:
    numbers = range(1, count + 1)
    reached = [f"count(*) FILTER (WHERE level >= {n})" for n in numbers]
    waiting = [f"count(*) FILTER (WHERE level = {n} AND is_open)" for n in numbers]
    taken = [(n, f"c{n} - c{n - 1}") for n in numbers[1:]]
    middle = [
        f"percentile_cont(0.5) WITHIN GROUP (ORDER BY {time}) FILTER (WHERE level >= {n})"
        for n, time in taken
    ]
    mean = [f"avg({time}) FILTER (WHERE level >= {n})" for n, time in taken]
    return Sql(", ".join([*reached, *waiting, *middle, *mean]))


def _shown(question: FunnelSteps, measured: Sequence[Any]) -> dict[str, Any]:
    count = len(question.steps)
    reached, waiting = measured[:count], measured[count : 2 * count]
    middle = [None, *measured[2 * count : 3 * count - 1]]
    mean = [None, *measured[3 * count - 1 :]]
    steps = [
        {
            "event": step.event,
            "count": reached[n],
            "conversion_from_start": _rate(reached[n], reached[0]),
            "conversion_from_previous": _rate(reached[n], reached[max(n - 1, 0)]),
            "drop_off": reached[n] - waiting[n] - reached[n + 1] if n + 1 < count else 0,
            "in_progress": waiting[n],
            "median_seconds": _seconds(middle[n]),
            "avg_seconds": _seconds(mean[n]),
        }
        for n, step in enumerate(question.steps)
    ]
    return {"data": steps, "total": reached[0]}


def _rate(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def _seconds(micros: Any) -> float | None:
    return None if micros is None else round(float(micros) / _MICROS, 3)
