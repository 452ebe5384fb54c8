"""The questions of the bench of analytics, as a hand would write them: the fastest of each kind."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from contacts.rule_sql import Sql, joined, sql
from growth.management.bench.duck import Duck
from growth.models import Project

FILTERED = {"filters": {"traits.plan": "growth"}, "group_by": "traits.source"}

_NAMED = "project_id = {} AND name = {} AND timestamp >= {} AND timestamp < {}"

OURS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "count": lambda told: told["total"],
    "people": lambda told: told["total"],
    "funnel": lambda told: [step["count"] for step in told["data"]],
    "retention": lambda told: sum(
        cell["retained"] for cohort in told["data"] for cell in cohort["cells"]
    ),
}
TOTALS: dict[str, Callable[[list[tuple]], Any]] = {
    "count": lambda found: sum(count for *_, count in found),
    "people": lambda found: next(count for day, count in found if day is None),
    "funnel": lambda found: list(found[0]),
    "retention": lambda found: sum(count for *_, count in found),
}


def count(project: Project, event: str, start: date, end: date) -> Sql:
    """Return events by day and source of those on the plan growth."""
    return sql(
        f"""SELECT date_trunc('day', timestamp), traits ->> 'source', count(*)
              FROM contacts_event event JOIN contacts_contact contact
                   ON contact.id = event.contact_id AND contact.traits @> '{{{{"plan": "growth"}}}}'
             WHERE event.{_NAMED} GROUP BY 1, 2""",
        *(project.key, event, start, end),
    )


def count_all(project: Project, event: str, start: date, end: date) -> Sql:
    """Return events by day."""
    return sql(
        f"""SELECT date_trunc('day', timestamp), count(*) FROM contacts_event
             WHERE {_NAMED} GROUP BY 1""",
        *(project.key, event, start, end),
    )


def people(project: Project, event: str, start: date, end: date) -> Sql:
    """Return people by day, and in all."""
    return sql(
        f"""WITH hit AS MATERIALIZED (
                SELECT DISTINCT date_trunc('day', timestamp) AS day, contact_id
                  FROM contacts_event WHERE {_NAMED})
            SELECT day, count(*) FROM hit GROUP BY day
            UNION ALL SELECT NULL, count(DISTINCT contact_id) FROM hit""",
        *(project.key, event, start, end),
    )


def funnel(
    project: Project, steps: tuple[str, ...], start: date, end: date, window: timedelta
) -> Sql:
    """Return how many first attempts reach each of three steps, by hash joins."""
    one, two, three = steps
    step = f"""SELECT before.contact_id, before.t1, min(timestamp) AS t{{}}
                 FROM {{}} before JOIN contacts_event event
                      ON event.contact_id = before.contact_id AND {_NAMED}
                      AND timestamp > before.t{{}} AND timestamp <= before.t1 + {{}}
                GROUP BY 1, 2"""
    number = [Sql(str(each)) for each in range(4)]
    last = end + window
    second = sql(step, number[2], Sql("one"), project.key, two, start, last, number[1], window)
    third = sql(step, number[3], Sql("two"), project.key, three, start, last, number[2], window)
    return sql(
        f"""WITH one AS MATERIALIZED (
                SELECT contact_id, min(timestamp) AS t1 FROM contacts_event
                 WHERE {_NAMED} GROUP BY 1),
            two AS MATERIALIZED ({{}}), three AS MATERIALIZED ({{}})
            SELECT (SELECT count(*) FROM one), (SELECT count(*) FROM two),
                   (SELECT count(*) FROM three)""",
        *(project.key, one, start, end, second, third),
    )


def lateral(
    project: Project, steps: tuple[str, ...], start: date, end: date, window: timedelta
) -> Sql:
    """Return the same, by one look-up for each person and step."""
    one, *later = steps
    looks = [
        sql(
            f"""LEFT JOIN LATERAL (
                    SELECT min(timestamp) AS t{number} FROM contacts_event event
                     WHERE event.contact_id = one.contact_id AND {_NAMED}
                       AND timestamp > t{number - 1} AND timestamp <= t1 + {{}}) step{number}
                ON true""",
            *(project.key, name, start, end + window, window),
        )
        for number, name in enumerate(later, 2)
    ]
    return sql(
        f"""SELECT count(t1), count(t2), count(t3)
              FROM (SELECT contact_id, min(timestamp) AS t1 FROM contacts_event
                     WHERE {_NAMED} GROUP BY 1) one {{}}""",
        *(project.key, one, start, end, joined(" ", looks)),
    )


def retention(project: Project, event: str, weeks: list[date], end: date) -> Sql:
    """Return how many of those who began in a week came in which later week."""
    bucket = sql("width_bucket(timestamp, {}::timestamptz[])", weeks)
    return sql(
        f"""WITH first AS (
                SELECT contact_id, min(timestamp) AS began FROM contacts_event
                 WHERE project_id = {{}} AND name = {{}} AND timestamp < {{}}
                 GROUP BY 1 HAVING min(timestamp) >= {{}}),
            came AS (SELECT DISTINCT contact_id, {{}} AS week FROM contacts_event WHERE {_NAMED})
            SELECT {{}}, week, count(*)
              FROM (SELECT contact_id, began AS timestamp FROM first) first
              JOIN came USING (contact_id) GROUP BY 1, 2""",
        *(project.key, event, end, weeks[0], bucket),
        *(project.key, event, weeks[0], end, bucket),
    )


def duck_people(duck: Duck, event: str, start: date, end: date) -> int:
    """Return how many people there are, having counted them by day too."""
    where = "FROM events WHERE name = ? AND time >= ? AND time < ?"
    values = [event, start, end]
    duck.ask(
        f"SELECT date_trunc('day', time), count(DISTINCT contact_id) {where} GROUP BY 1", values
    )
    return duck.ask(f"SELECT count(DISTINCT contact_id) {where}", values)[0][0]
