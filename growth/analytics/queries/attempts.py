"""The attempts of people at a funnel, one each: how far, when, and whether it may still go on.

Rows of a person are walked from the latest to the earliest by window functions, so that each knows
what comes after it. Where nothing can end an attempt, the time at which a step is reached is the
least over all that follows. Where an exclusion can, or any other event, only the nearest row counts
that is the next step or an end; the greatest of arrays that begin with its number finds it.
"""

from collections.abc import Iterator
from datetime import datetime

from contacts import rules
from contacts.rule_sql import Sql, event_filters, joined, sql
from growth.analytics.queries.first_attempts import are_found_by_joins, first_attempts
from growth.analytics.queries.sources import MICROS, all_of, label, named, source
from growth.analytics.questions import Entry, FunnelSteps, GroupKind, Order, Step
from growth.analytics.statements import statement
from growth.models import Project

_LATER = "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"


def attempts(question: FunnelSteps, project: Project, *, at: datetime) -> Sql:
    """Return WITH … ``attempt (contact_id, label, level, is_open, c1 … cn)``: the times at which
    each step was reached are microseconds since 1970.
    """
    if are_found_by_joins(question):
        return first_attempts(question, project, window=_window(question), at=at)
    parts = {
        "relevant": _relevant(question, project, at),
        "start": question.span.start,
        "end": question.span.end,
        "steps": len(question.steps),
        "preference": _preference(question),
    }
    if question.order is Order.ANY:
        return statement("funnel_any", **parts, **_any_parts(question, at))
    return statement("funnel_ordered", **parts, **_ordered_parts(question, at))


def is_guarded(question: FunnelSteps) -> bool:
    """Tell whether something can end an attempt before its window does."""
    return question.order is Order.STRICT or bool(question.exclusions)


def _is_in_micros(question: FunnelSteps) -> bool:
    return question.order is not Order.ANY and is_guarded(question)


def _may_pass_nothing(question: FunnelSteps) -> bool:
    """Tell whether an event that has the name of a step may be none, and of no matter."""
    filtered = any(each.filters for each in (*question.steps, *question.exclusions))
    return filtered and question.order is not Order.STRICT


def _window(question: FunnelSteps) -> Sql:
    """Return the window without days: to add those, PostgreSQL would look at the calendar."""
    return sql("make_interval(secs => {})", question.window.total_seconds())


def _each(question: FunnelSteps) -> Sql:
    return Sql("contact_id, held" if question.held else "contact_id")


def _preference(question: FunnelSteps) -> Sql:
    if question.entry is Entry.FIRST:
        return Sql("contact_id, t, id")
    return Sql("contact_id, level DESC, is_open DESC, t, id")


def _relevant(question: FunnelSteps, project: Project, at: datetime) -> Sql:
    flags, joins = _flags(question, project, at)
    by_property = question.group_by and question.group_by.kind is GroupKind.PROPERTY
    held = [sql("event.properties #> {}::text[]", list(path)) for path in question.held]
    is_flagged = joined(" OR ", [Sql(name) for name, _ in flags])
    return statement(
        "funnel_relevant",
        entries=_entries(question, project, at),
        t=Sql(MICROS.format("event.timestamp") if _is_in_micros(question) else "event.timestamp"),
        held=sql("jsonb_build_array({})", joined(", ", held)) if held else Sql("NULL::jsonb"),
        label=label(question.group_by) if by_property else Sql("NULL::text"),
        flags=joined(", ", [sql("{} AS {}", each, Sql(name)) for name, each in flags]),
        joins=joins,
        scope=_scope(question, project, held),
        window=_window(question),
        each=_each(question),
        matters=is_flagged if _may_pass_nothing(question) else Sql("true"),
    )


def _entries(question: FunnelSteps, project: Project, at: datetime) -> Sql:
    """Return where the people come from who have an attempt: those with an event of step 1, or of
    any step if any may be the first.
    """
    span = question.span
    if question.order is not Order.ANY:
        return source(project, question.steps[0], span.start, span.end, at=at)
    joins, passes = event_filters([step.filters for step in question.steps], project=project, at=at)
    is_step = joined(" OR ", _matching(question.steps, passes))
    return sql(
        """FROM contacts_event event {} WHERE event.project_id = {} AND event.timestamp >= {}
           AND event.timestamp < {} AND event.name = ANY({}::text[]) AND ({})""",
        *(joins, project.key, span.start, span.end, [step.event for step in question.steps]),
        is_step,
    )


def _matching(steps: tuple[Step, ...], passes: list[Sql]) -> list[Sql]:
    return [
        sql("({} AND {})", named(step.event), each) if step.filters else named(step.event)
        for step, each in zip(steps, passes, strict=True)
    ]


def _flags(question: FunnelSteps, project: Project, at: datetime) -> tuple[list, Sql]:
    """Return the flags by name, and what must be joined for them."""
    ends = question.exclusions
    filters: list[rules.Node | None] = [
        *(step.filters for step in question.steps),
        *(each.filters for each in ends),
    ]
    joins, passes = event_filters(filters, project=project, at=at)
    steps = tuple(Step(each.event, each.filters) for each in (*question.steps, *ends))
    matching = _matching(steps, passes)
    count = len(question.steps)
    flags = [(f"s{number}", each) for number, each in enumerate(matching[:count], 1)]
    for number in range(1, count):
        found = [
            each
            for end, each in zip(ends, matching[count:], strict=True)
            if end.after_step in (None, number)
        ]
        if found:
            flags.append((f"x{number}", sql("({})", joined(" OR ", found))))
    return flags, joins


def _scope(question: FunnelSteps, project: Project, held: list[Sql]) -> Sql:
    names = {each.event for each in (*question.steps, *question.exclusions)}
    is_named = sql("event.name = ANY({}::text[])", sorted(each for each in names if each))
    if question.order is Order.STRICT:
        is_named = sql("({} OR NOT starts_with(event.name, '$'))", is_named)
    return all_of(
        [
            sql("event.project_id = {}", project.key),
            is_named,
            sql("event.timestamp >= {}", question.span.start),
            sql("event.timestamp < {}", question.span.end + question.window),
            *(sql("coalesce(jsonb_typeof({}), 'null') <> 'null'", each) for each in held),
        ]
    )


def _ordered_parts(question: FunnelSteps, at: datetime) -> dict[str, Sql]:
    count = len(question.steps)
    guarded, later = is_guarded(question), range(2, count + 1)
    window, moment = _window(question), sql("{}::timestamptz", at)
    times = [f"c1_{each} AS c{each}" for each in later]
    micros = "{}" if guarded else MICROS
    if guarded:
        window = sql("{}::bigint", round(question.window.total_seconds() * 1_000_000))
        moment = Sql(MICROS.format(f"({moment.text})"), moment.params)
    within = [sql("coalesce({} <= t + {}, false)::integer", Sql(f"c1_{n}"), window) for n in later]
    names = ["t", *(f"c{each}" for each in later)]
    return {
        "levels": Sql(", ".join(_levels(question))),
        "level": joined(" + ", [Sql("1"), *within]),
        "blocked": Sql("coalesce(b1, 0) > 0" if guarded else "false"),
        "times": Sql(", ".join(times)),
        "micros": Sql(
            ", ".join(f"{micros.format(name)} AS c{n}" for n, name in enumerate(names, 1))
        ),
        "window": window,
        "at": moment,
    }


def _levels(question: FunnelSteps) -> Iterator[str]:
    """Yield the tables that tell, of each row as step k, when the later steps would be reached."""
    count, each = len(question.steps), _each(question).text
    table = "numbered"
    base = ["contact_id", "held", "id", "timestamp", "label", "t", "rn"]
    base += [f"s{n}" for n in range(1, count + 1)]
    base += [f"x{n}" for n in range(1, count) if _ends_after(question, n)]
    for step in range(count - 1, 0, -1):
        following = _nearest if is_guarded(question) else _least
        columns = ", ".join([*base, *following(question, step, f"level_{step}")])
        window = f"(PARTITION BY {each} ORDER BY t DESC, id DESC {_LATER})"
        inner = f"SELECT {columns} FROM {table} WINDOW later AS {window}"
        yield f"level_{step} AS ({_opened(question, step, inner, base)})"
        table = f"level_{step}"


def _reached(step: int, last: int) -> str:
    """Return when a row that may be the step would come to the last one."""
    return "t" if step == last else f"c{step}_{last}"


def _least(question: FunnelSteps, step: int, table: str) -> list[str]:
    following, count = step + 1, len(question.steps)
    return [
        f"min(CASE WHEN s{following} THEN {_reached(following, n)} END) OVER later AS c{step}_{n}"
        for n in range(following, count + 1)
    ]


def _nearest(question: FunnelSteps, step: int, table: str) -> list[str]:
    following, count = step + 1, len(question.steps)
    reached = [_reached(following, n) for n in range(following, count + 1)]
    blocked = "0" if following == count else f"coalesce(b{following}, 0)"
    values = ", ".join(["rn", blocked, *reached])
    nothing = ", ".join(["rn", "1", *("NULL" for _ in reached)])
    counts = f"s{following} OR {_end(question, step)}"
    return [
        f"max(CASE WHEN s{following} THEN ARRAY[{values}]::bigint[]"
        f" WHEN {counts} THEN ARRAY[{nothing}]::bigint[] END) OVER later AS nearest"
    ]


def _opened(question: FunnelSteps, step: int, inner: str, base: list[str]) -> str:
    if not is_guarded(question):
        return inner
    found = [f"nearest[2] AS b{step}"] + [
        f"nearest[{n - step + 2}] AS c{step}_{n}" for n in range(step + 1, len(question.steps) + 1)
    ]
    return f"SELECT {', '.join([*base, *found])} FROM ({inner}) opened"


def _end(question: FunnelSteps, step: int) -> str:
    if question.order is Order.STRICT:
        return "true"
    return f"x{step}" if _ends_after(question, step) else "false"


def _ends_after(question: FunnelSteps, step: int) -> bool:
    return any(each.after_step in (None, step) for each in question.exclusions)


def _any_parts(question: FunnelSteps, at: datetime) -> dict[str, Sql]:
    numbers = range(1, len(question.steps) + 1)
    window = _window(question)
    nearest = [f"min(t) FILTER (WHERE s{n}) OVER since AS n{n}" for n in numbers]
    nearest += [f"max(rn) FILTER (WHERE s{n}) OVER since AS r{n}" for n in numbers]
    end = "max(rn) FILTER (WHERE x1) OVER since" if question.exclusions else "NULL::bigint"
    done = [
        sql(f"CASE WHEN n{n} <= t + {{}} AND coalesce(r{n} > nx, true) THEN n{n} END", window)
        for n in numbers
    ]
    return {
        "each": _each(question),
        "nearest": Sql(", ".join([*nearest, f"{end} AS nx"])),
        "done": sql("ARRAY[{}]", joined(", ", done)),
        "is_step": Sql(" OR ".join(f"s{n}" for n in numbers)),
        "micros": Sql(", ".join(f"{MICROS.format(f'times[{n}]')} AS c{n}" for n in numbers)),
        "window": window,
        "at": sql("{}::timestamptz", at),
    }
