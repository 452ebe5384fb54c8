"""Who began when, and in which periods they came back, as SQL."""

from datetime import datetime, timedelta

from contacts.rule_sql import Sql, sql
from growth.analytics.periods import Interval
from growth.analytics.queries.sources import grouping, label, source
from growth.analytics.questions import Cohorts, Criterion, GroupKind, Mode, Start
from growth.analytics.statements import statement
from growth.models import Project

LENGTHS = {
    Interval.DAY: timedelta(days=1),
    Interval.WEEK: timedelta(days=7),
    Interval.MONTH: timedelta(days=30),
}
"""How long periods are that count from a person's own start."""

_FIRST_TIME = """
    SELECT event.contact_id, width_bucket(min(event.timestamp), {}::timestamptz[]) AS cohort,
           min(event.timestamp) AS began, {} AS label
           {} GROUP BY 1 HAVING min(event.timestamp) >= {}
"""
_RECURRING = """
    SELECT event.contact_id, width_bucket(event.timestamp, {}::timestamptz[]) AS cohort,
           min(event.timestamp) AS began, {} AS label {} GROUP BY 1, 2
"""
_OF_THE_FIRST = "(array_agg({} ORDER BY event.timestamp, event.id))[1]"
_CALENDAR = """
    SELECT event.contact_id, width_bucket(event.timestamp, {}::timestamptz[]) AS number,
           max(event.timestamp) AS last {} GROUP BY 1, 2
"""
_CALENDAR_BACK = """
    SELECT begun.contact_id, begun.cohort, begun.label, begun.whole,
           came.number - begun.cohort AS period
      FROM begun JOIN came ON came.contact_id = begun.contact_id
       AND (came.number > begun.cohort OR came.number = begun.cohort AND came.last >= begun.began)
"""
_ROLLING_BACK = """
    SELECT DISTINCT begun.contact_id, begun.cohort, begun.label, begun.whole,
           floor(extract(epoch FROM came.timestamp - begun.began) / {})::integer AS period
      FROM begun JOIN came ON came.contact_id = begun.contact_id
       AND came.timestamp >= begun.began
"""
_WHOLE = "floor(extract(epoch FROM {}::timestamptz - event.began) / {})::integer"


def watched_until(question: Cohorts, at: datetime) -> datetime:
    """Return until when people are watched."""
    return min(question.span.end, at)


def periods_back(question: Cohorts, project: Project, *, at: datetime) -> Sql:
    """Return WITH … ``begun (contact_id, cohort, began, label, whole)`` and ``back (contact_id,
    cohort, label, whole, period)``.

    ``whole`` is how many periods of the person's own were over; periods of the calendar are the
    same for all, so there it is 0.
    """
    is_rolling = question.mode is Mode.ROLLING
    length = round(LENGTHS[question.period].total_seconds())
    bounds, end = question.buckets.bounds[:-1], watched_until(question, at)
    returned = source(project, question.returned, question.span.start, question.span.end, at=at)
    return statement(
        "retention_people",
        starts=_starts(question, project, at),
        label=Sql("event.label") if _is_by_property(question) else label(question.group_by),
        grouping=grouping(question.group_by),
        whole=sql(_WHOLE, end, length) if is_rolling else Sql("0"),
        returns=(
            sql("SELECT event.contact_id, event.timestamp {}", returned)
            if is_rolling
            else sql(_CALENDAR, bounds, returned)
        ),
        back=sql(_ROLLING_BACK, length) if is_rolling else Sql(_CALENDAR_BACK),
    )


def reached(question: Cohorts, table: str = "back") -> Sql:
    """Return the rows of ``back`` that count, by the criterion, with the period or the number of
    the bracket as ``reached``: with ``on_or_after``, the last one.
    """
    is_rolling = question.mode is Mode.ROLLING
    columns = "contact_id, cohort, label"
    if question.criterion is Criterion.ON:
        over = "period < whole" if is_rolling else "true"
        return Sql(f"SELECT {columns}, period AS reached FROM {table} WHERE {over}")
    if question.criterion is Criterion.ON_OR_AFTER:
        last = "least(max(period), whole - 1)" if is_rolling else "max(period)"
        over = "whole > 0" if is_rolling else "true"
        return Sql(
            f"SELECT {columns}, {last} AS reached FROM {table} WHERE {over}"
            f" GROUP BY {columns}, whole"
        )
    over = "last < whole" if is_rolling else "true"
    firsts, lasts = (list(each) for each in zip(*question.brackets, strict=True))
    return sql(
        f"""SELECT DISTINCT {columns}, (number - 1)::integer AS reached
              FROM {table} JOIN unnest({{}}::integer[], {{}}::integer[]) WITH ORDINALITY
                   bracket (first, last, number) ON period BETWEEN first AND last AND {over}""",
        *(firsts, lasts),
    )


def _starts(question: Cohorts, project: Project, at: datetime) -> Sql:
    bounds, span = question.buckets.bounds[:-1], question.span
    name = Sql("NULL::text")
    if _is_by_property(question):
        name = sql(_OF_THE_FIRST, label(question.group_by))
    if question.which is Start.RECURRING:
        events = source(project, question.start, span.start, span.end, at=at)
        return sql(_RECURRING, bounds, name, events)
    events = source(project, question.start, None, span.end, at=at)
    return sql(_FIRST_TIME, bounds, name, events, span.start)


def _is_by_property(question: Cohorts) -> bool:
    """Tell whether the groups are what the event says with which people began."""
    return question.group_by is not None and question.group_by.kind is GroupKind.PROPERTY
