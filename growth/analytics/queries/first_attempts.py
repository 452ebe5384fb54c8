"""The first attempts of people at a funnel whose steps other events may part.

Nothing can end such an attempt but its window, so each further step is the first event of it after
the step before: one hash join for each step, where any attempt might count by windows over all that
people did. Where an event has the very time of the step before, their ids tell which came later.
"""

from datetime import datetime
from functools import partial

from contacts.rule_sql import Sql, event_filters, joined, sql
from growth.analytics.queries.sources import MICROS, all_of, named, source
from growth.analytics.questions import Entry, FunnelSteps, GroupKind, Order
from growth.analytics.statements import statement
from growth.models import Project


def are_found_by_joins(question: FunnelSteps) -> bool:
    """Tell whether the attempts that the question means are found by ``first_attempts``."""
    by_property = question.group_by and question.group_by.kind is GroupKind.PROPERTY
    is_plain = question.order is Order.ORDERED and question.entry is Entry.FIRST
    return is_plain and not (question.exclusions or question.held or by_property)


def first_attempts(question: FunnelSteps, project: Project, *, window: Sql, at: datetime) -> Sql:
    """Return WITH … ``attempt``, as ``attempts`` does.

    :param window: the window as an interval.
    """
    span, count = question.span, len(question.steps)
    times = [f"t{number}" for number in range(1, count + 1)]
    step = partial(_step, question, project, window=window, at=at)
    return statement(
        "funnel_first",
        entries=source(project, question.steps[0], span.start, span.end, at=at),
        following=joined(", ", [step(number) for number in range(2, count + 1)]),
        reached=Sql(
            " ".join(
                f"LEFT JOIN (SELECT contact_id, t{n} FROM step_{n}) as_{n} USING (contact_id)"
                for n in range(2, count + 1)
            )
        ),
        steps=count,
        times=Sql(", ".join(times)),
        micros=Sql(", ".join(f"{MICROS.format(each)} AS c{n}" for n, each in enumerate(times, 1))),
        window=window,
        at=at,
    )


def _step(
    question: FunnelSteps, project: Project, number: int, *, window: Sql, at: datetime
) -> Sql:
    """Return the table of those who come to the step of this number, and when."""
    last = number - 1
    joins, scope = _events(question, project, number, at)
    kept = ["contact_id", *(f"t{each}" for each in range(1, number))]
    return statement(
        "funnel_first_step",
        name=Sql(f"step_{number}"),
        before=Sql(f"step_{last}"),
        kept=Sql(", ".join(f"before.{each}" for each in kept)),
        time=Sql(f"t{number}"),
        last=Sql(f"t{last}"),
        window=window,
        joins=joins,
        scope=all_of(scope),
        id=_id_of(question, project, last, at),
    )


def _id_of(question: FunnelSteps, project: Project, number: int, at: datetime) -> Sql:
    """Return the id of the event of the step, of the person and times that ``before`` tells: it is
    asked for where two events have the same time.
    """
    joins, scope = _events(question, project, number, at)
    scope.append(
        sql(
            "event.contact_id = before.contact_id AND event.timestamp = {}",
            Sql(f"before.t{number}"),
        )
    )
    if number > 1:
        earlier = _id_of(question, project, number - 1, at)
        scope.append(sql(f"event.timestamp > before.t{number - 1} OR event.id > {{}}", earlier))
    return sql("(SELECT min(event.id) FROM contacts_event event {} WHERE {})", joins, all_of(scope))


def _events(
    question: FunnelSteps, project: Project, number: int, at: datetime
) -> tuple[Sql, list[Sql]]:
    """Return what must be joined to events, and what is true of those of the step."""
    step, span = question.steps[number - 1], question.span
    joins, [passes] = event_filters([step.filters], project=project, at=at)
    in_time = "event.timestamp >= {} AND event.timestamp < {}"
    scope = [
        sql("event.project_id = {}", project.key),
        named(step.event),
        sql(in_time, span.start, span.end + question.window),
    ]
    return joins, [*scope, passes] if step.filters else scope
