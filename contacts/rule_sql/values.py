"""Conditions on what is written of a contact, or of an event, as SQL that is never null.

A value in JSON is looked at only as what it is: each cast stands behind a check that it cannot fail
on any row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

from contacts.models import Segment
from contacts.models.addresses import AddressError, email_key, normalize_email, normalize_phone
from contacts.rule_sql.fragments import Sql, joined, sql
from contacts.rules import Condition, Field, Kind, Op
from contacts.rules.times import HAS_OFFSET, TIME

_COMPARISONS = {Op.EQ: "=", Op.GT: ">", Op.GTE: ">=", Op.LT: "<", Op.LTE: "<="}
_LAST = "9999-12-31T23:59:59Z"  # PostgreSQL knows later times, Python does not.


@dataclass(frozen=True)
class View:
    """From where a rule looks: a project, at a moment, in its zone."""

    project: int
    zone: str
    at: datetime


def predicate(condition: Condition, view: View) -> Sql:
    """Return what is true of the rows that meet the condition, and false of all others."""
    kind, op = condition.field.kind, condition.op
    if kind in (Kind.TRAIT, Kind.PROPERTY):
        return _of_json(condition, view)
    if kind is Kind.TIME:
        return _of_time(Sql("contact.created_at"), op, condition.value, view)
    return _COLUMNS[kind](condition, view)


def flip(condition: Condition, view: View) -> Sql:
    """Return when time alone next changes what a ``within_last`` says, or null if it never does."""
    field, lasts = condition.field, condition.value
    is_time, moment = _moment(field, view)
    return sql(
        """CASE WHEN NOT {} THEN NULL WHEN {} > {} THEN least({}, {}::timestamptz)
                WHEN {} > {} THEN {} END""",
        *(is_time, moment, view.at, moment, _LAST),
        *(moment, view.at - lasts, later(moment, lasts)),
    )


def later(moment: Sql, by: timedelta) -> Sql:
    """Return the moment so much later; a day is 24 hours in every zone."""
    return sql("{} + {} * interval '1 second'", moment, int(by.total_seconds()))


def reads_time(condition: Condition) -> bool:
    """Tell whether the condition reads texts as times, which costs as much as ten others."""
    if condition.field.kind not in (Kind.TRAIT, Kind.PROPERTY):
        return False
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    return any(isinstance(value, datetime | timedelta) for value in values)


def _of_json(condition: Condition, view: View) -> Sql:
    field, op, value = condition.field, condition.op, condition.value
    if op is Op.IN or not reads_time(condition):
        return _JSON[op](field, op, value, view)
    is_time, moment = _moment(field, view)
    may_be = _near(_text(field), *_bounds(op, value, view))
    return _guarded(sql("{} AND {}", may_be, is_time), _of_time(moment, op, value, view))


def _bounds(op: Op, value: Any, view: View) -> tuple[datetime | None, datetime | None]:
    """Return the earliest and the latest time that meet the condition."""
    if op is Op.WITHIN_LAST:
        return view.at - value, view.at
    if op is Op.BETWEEN:
        return value[0], value[1]
    return (None if op in (Op.LT, Op.LTE) else value), (None if op in (Op.GT, Op.GTE) else value)


def _near(text: Sql, first: datetime | None, last: datetime | None) -> Sql:
    """Return what is true of any text that writes a time between the two: a cheap first look.

    A time begins with the day that it is somewhere on Earth: within a day of the day in UTC.
    """
    checks = []
    if first is not None:
        checks.append(sql('{} COLLATE "C" >= {}', text, _day(first, -1)))
    if last is not None:
        checks.append(sql('{} COLLATE "C" < {}', text, _day(last, +2)))
    return joined(" AND ", checks)


def _day(moment: datetime, shift: int) -> str:
    try:
        return (moment.astimezone(UTC) + timedelta(days=shift)).date().isoformat()
    except OverflowError:  # in the last days of the year 9999
        return "9999-12-29" if shift < 0 else "~"


def _of_time(moment: Sql, op: Op, value: Any, view: View) -> Sql:
    if op is Op.WITHIN_LAST:
        return sql("{} > {} AND {} <= {}", moment, view.at - value, moment, view.at)
    return _compared(moment, op, value, "timestamptz")


def _compared(operand: Sql, op: Op, value: Any, type: str) -> Sql:
    if op is Op.IN:
        return sql(f"{{}} = ANY ({{}}::{type}[])", operand, list(value))
    if op is Op.BETWEEN:
        return sql(f"{{}} BETWEEN {{}}::{type} AND {{}}::{type}", operand, *value)
    return sql(f"{{}} {_COMPARISONS[op]} {{}}::{type}", operand, value)


def _guarded(guard: Sql, checked: Sql) -> Sql:
    return sql("CASE WHEN {} THEN {} ELSE false END", guard, checked)


def _moment(field: Field, view: View) -> tuple[Sql, Sql]:
    """Return whether the field holds a time, and the time."""
    if field.kind is Kind.TIME:
        return Sql("true"), Sql("contact.created_at")
    text = _text(field)
    moment = sql(
        "CASE WHEN {} ~ {} THEN ({})::timestamptz ELSE ({})::timestamp AT TIME ZONE {} END",
        *(text, HAS_OFFSET, text, text, view.zone),
    )
    return sql("{} ~ {}", text, TIME), sql("({})", moment)


# JSON: traits of contacts, properties of events.


def _column(field: Field) -> str:
    return "contact.traits" if field.kind is Kind.TRAIT else "event.properties"


def _json(field: Field) -> Sql:
    return Sql(f"({_column(field)}{' -> %s' * len(field.path)})", field.path)


def _text(field: Field) -> Sql:
    arrows = " -> %s" * (len(field.path) - 1)
    return Sql(f"({_column(field)}{arrows} ->> %s)", field.path)


def _equal(field: Field, op: Op, value: Any, view: View) -> Sql:
    for name in reversed(field.path):
        value = {name: value}
    return sql(f"{_column(field)} @> {{}}::jsonb", _dump(value))


def _among(field: Field, op: Op, values: Any, view: View) -> Sql:
    plain = [_dump(value) for value in values if not isinstance(value, datetime)]
    times = tuple(value for value in values if isinstance(value, datetime))
    found = sql("coalesce({} = ANY ({}::jsonb[]), false)", _json(field), plain)
    if not times:
        return found
    is_time, moment = _moment(field, view)
    same = _guarded(is_time, _compared(moment, op, times, "timestamptz"))
    return sql("{} OR {}", found, same)


def _ordered(field: Field, op: Op, value: Any, view: View) -> Sql:
    exact = tuple(map(_decimal, value)) if isinstance(value, tuple) else _decimal(value)
    number = sql("({})::numeric", _json(field))
    return _guarded(_is(field, "number"), _compared(number, op, exact, "numeric"))


def _contains(field: Field, op: Op, value: Any, view: View) -> Sql:
    holds = sql("{} @> {}::jsonb", _json(field), _dump(value))
    in_list = _guarded(_is(field, "array"), holds)
    if not isinstance(value, str):
        return in_list
    return joined(" OR ", [in_list, _guarded(_is(field, "string"), _within(_text(field), value))])


def _starts_with(field: Field, op: Op, value: Any, view: View) -> Sql:
    return _guarded(_is(field, "string"), _begins(_text(field), value))


def _exists(field: Field, op: Op, value: Any, view: View) -> Sql:
    return sql("coalesce(jsonb_typeof({}), 'null') <> 'null'", _json(field))


def _is(field: Field, type: str) -> Sql:
    return sql(f"jsonb_typeof({{}}) = '{type}'", _json(field))


def _decimal(number: int | float) -> Decimal:
    return Decimal(repr(number))


def _dump(value: Any) -> str:
    return orjson.dumps(value).decode()


_JSON: dict[Op, Callable[[Field, Op, Any, View], Sql]] = {
    Op.EQ: _equal,
    Op.IN: _among,
    Op.GT: _ordered,
    Op.GTE: _ordered,
    Op.LT: _ordered,
    Op.LTE: _ordered,
    Op.BETWEEN: _ordered,
    Op.CONTAINS: _contains,
    Op.STARTS_WITH: _starts_with,
    Op.EXISTS: _exists,
}


# Columns of contacts.


def _of_text(condition: Condition, view: View) -> Sql:
    name, value = condition.field.name, condition.value
    column = Sql(f"contact.{name}")
    compared = Sql("contact.email_key") if name == "email" else column
    if condition.op is Op.EXISTS:
        return sql("{} <> ''", column)
    if condition.op is Op.CONTAINS:
        return _within(column, str(value))
    if condition.op is Op.STARTS_WITH:
        return _begins(column, str(value))
    spelled = tuple(_spelled(name, each) for each in _several(value))
    many = condition.op is Op.IN
    return _compared(compared, condition.op, spelled if many else spelled[0], "text")


def _of_tags(condition: Condition, view: View) -> Sql:
    if condition.op is Op.EXISTS:
        return Sql("cardinality(contact.tags) > 0")
    operator = "&&" if condition.op is Op.IN else "@>"
    return sql(f"contact.tags {operator} {{}}::text[]", list(_several(condition.value)))


def _of_segments(condition: Condition, view: View) -> Sql:
    keys = [Segment._meta.pk.get_prep_value(each) for each in _several(condition.value)]
    return sql(
        """EXISTS (SELECT FROM contacts_membership member WHERE member.project_id = {}
           AND member.segment_id = ANY ({}::bigint[]) AND member.contact_id = contact.id)""",
        *(view.project, keys),
    )


def _of_score(condition: Condition, view: View) -> Sql:
    op, value = condition.op, condition.value
    exact = tuple(map(_decimal, value)) if isinstance(value, tuple) else _decimal(value)
    score = Sql(f"coalesce(activity.{condition.field.name}, 0)")
    return sql("({})", _compared(score, op, exact, "numeric"))


_COLUMNS: dict[Kind, Callable[[Condition, View], Sql]] = {
    Kind.TEXT: _of_text,
    Kind.TAGS: _of_tags,
    Kind.SEGMENTS: _of_segments,
    Kind.SCORE: _of_score,
}


def _within(text: Sql, part: str) -> Sql:
    return sql("strpos(lower({}), lower({})) > 0", text, part)


def _begins(text: Sql, part: str) -> Sql:
    return sql("starts_with(lower({}), lower({}))", text, part)


def _several(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _spelled(name: str, text: str) -> str:
    """Return the text as contacts are compared by it."""
    if name == "phone":
        return normalize_phone(text) or text
    if name != "email":
        return text
    try:
        return email_key(normalize_email(text))
    except AddressError:
        return text.lower()
