"""The people behind a number of an answer."""

from datetime import datetime

from contacts.models import Segment
from contacts.rule_sql import Sql, sql
from growth.analytics.queries.answers import Question
from growth.analytics.queries.attempts import attempts
from growth.analytics.queries.funnels import grouped_attempts
from growth.analytics.queries.periods_back import periods_back, reached
from growth.analytics.queries.sources import all_of, label, source
from growth.analytics.questions import (
    MAX_GROUPS,
    OTHER,
    Cohorts,
    Count,
    Criterion,
    FunnelSteps,
    GroupKind,
    Pick,
)
from growth.models import Project


def people_behind(question: Question, pick: Pick, project: Project, *, at: datetime) -> Sql:
    """Return the SELECT of the keys of the contacts behind the number, some perhaps twice."""
    if isinstance(question, Count):
        return _of_count(question, pick, project, at)
    if isinstance(question, FunnelSteps):
        return _of_funnel(question, pick, project, at)
    return _of_cohorts(question, pick, project, at)


def _of_count(question: Count, pick: Pick, project: Project, at: datetime) -> Sql:
    start, end = question.span.start, question.span.end
    if pick.date is not None:
        number = question.buckets.labels.index(pick.date)
        start, end = question.buckets.bounds[number : number + 2]
    group = question.group_by if pick.group is not None else None
    events = source(project, question.step, start, end, at=at, group_by=group)
    if group is None:
        return sql("SELECT event.contact_id {}", events)
    span = question.span
    everything = source(project, question.step, span.start, span.end, at=at, group_by=group)
    is_group = _is_group(
        question,
        pick,
        label(group),
        among=sql("SELECT {} AS label, event.contact_id {}", label(group), everything),
        by="count(DISTINCT contact_id)" if question.is_unique else "count(*)",
    )
    return sql("SELECT event.contact_id {} AND ({})", events, is_group)


def _of_funnel(question: FunnelSteps, pick: Pick, project: Project, at: datetime) -> Sql:
    step = pick.step or 1
    outcomes = {
        "reached": sql("event.level >= {}", step),
        "dropped": sql("event.level = {} AND NOT event.is_open", step),
        "in_progress": sql("event.level = {} AND event.is_open", step),
    }
    parts, grouping = [outcomes[pick.outcome]], Sql("")
    if pick.group is not None and question.group_by:
        grouped = grouped_attempts(question.group_by)
        name, grouping = grouped["label"], grouped["grouping"]
        among = sql("SELECT {} AS label FROM attempt event {}", name, grouping)
        parts.append(_is_group(question, pick, name, among=among, by="count(*)"))
    found = attempts(question, project, at=at)
    return sql(
        "{} SELECT event.contact_id FROM attempt event {} WHERE {}",
        *(found, grouping, all_of(parts)),
    )


def _of_cohorts(question: Cohorts, pick: Pick, project: Project, at: datetime) -> Sql:
    parts = [Sql("true")]
    if pick.date is not None:
        parts.append(sql("cohort = {}", question.buckets.labels.index(pick.date) + 1))
    if pick.group is not None:
        among, by = Sql("SELECT label, contact_id FROM begun"), "count(DISTINCT contact_id)"
        parts.append(_is_group(question, pick, Sql("label"), among=among, by=by))
    table = Sql("begun")
    if pick.period is not None:
        later = question.criterion is Criterion.ON_OR_AFTER
        parts.append(sql(f"reached {'>=' if later else '='} {{}}", pick.period))
        table = sql("({}) reached", reached(question))
    people = periods_back(question, project, at=at)
    return sql("{} SELECT contact_id FROM {} WHERE {}", people, table, all_of(parts))


def _is_group(question: Question, pick: Pick, name: Sql, *, among: Sql, by: str) -> Sql:
    """Return whether something of this name is in the group.

    :param among: what all are named that the answer tells apart, as ``label``.
    :param by: what makes a name one of the greatest, which the answer shows by themselves.
    """
    if pick.group != OTHER:
        return sql("{} = {}", name, _group(question, pick))
    greatest = sql(
        f"""SELECT label FROM ({{}}) named GROUP BY label
             ORDER BY {by} DESC, label COLLATE "C" LIMIT {{}}""",
        *(among, MAX_GROUPS),
    )
    # A group may really be called so.
    return sql("({} = {} OR {} NOT IN ({}))", name, OTHER, name, greatest)


def _group(question: Question, pick: Pick) -> str | None:
    """Return the group as SQL knows it: segments by their keys."""
    if question.group_by is None or question.group_by.kind is not GroupKind.SEGMENTS:
        return pick.group
    key = Segment._meta.pk.get_prep_value(pick.group)
    return pick.group if key == -1 else str(key)
