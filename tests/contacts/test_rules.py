"""The grammar of rules: what it takes, and where it says that something is wrong."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contacts import rules
from contacts.rules.times import read_time
from growth.errors import Invalid
from tests.contacts.written_rules import DOCUMENTED, one

NEW_YORK = ZoneInfo("America/New_York")


def nested(depth: int) -> dict:
    rule: dict = {"field": "traits.a", "op": "exists"}
    for _ in range(depth):
        rule = {"operator": "NOT", "conditions": [rule]}
    return rule


def parse(written: Any) -> rules.Group:
    return rules.parse(written, zone=NEW_YORK)


def test_the_documented_rule_is_read():
    rule = parse(DOCUMENTED)

    plan, login, signed_up = rule.children
    assert rule.operator == "AND"
    assert plan.value == "trial"
    assert (login.field.name, login.window) == ("login", timedelta(days=7))
    assert signed_up.value == datetime(2025, 1, 1, tzinfo=NEW_YORK)
    assert signed_up.path == "rules.conditions[2]"


def test_a_rule_mentions_what_it_looks_at():
    rule = parse(
        {
            "operator": "OR",
            "conditions": [
                *DOCUMENTED["conditions"],
                {"field": "traits.email", "op": "contains", "value": "@acme.com"},
                {"field": "traits.company.size", "op": "gt", "value": 5},
                {"field": "events.Order Completed v1.2", "op": "exists"},
                {"operator": "NOT", "conditions": [{"field": "tags", "op": "eq", "value": "a"}]},
                {"field": "segments", "op": "in", "value": ["seg_1", "seg_2"]},
            ],
        }
    )

    assert rules.mentions(rule) == {
        "traits.plan",
        "events.login",
        "traits.signed_up_at",
        "email",
        "traits.company",
        "events.Order Completed v1.2",
        "tags",
        "segments",
        "segments.seg_1",
        "segments.seg_2",
    }


@pytest.mark.parametrize(
    ("written", "path", "reason"),
    [
        (None, "rules", "invalid"),
        ([], "rules", "invalid"),
        ("AND", "rules", "invalid"),
        ({}, "rules.operator", "required"),
        ({"operator": "AND"}, "rules.conditions", "required"),
        ({"operator": "AND", "conditions": []}, "rules.conditions", "required"),
        ({"operator": "AND", "conditions": {}}, "rules.conditions", "required"),
        ({"operator": "and", "conditions": [1]}, "rules.operator", "invalid_choice"),
        ({"operator": ["AND"], "conditions": [1]}, "rules.operator", "invalid_choice"),
        ({"operator": "AND", "conditions": [1]}, "rules.conditions[0]", "invalid"),
        ({"operator": "AND", "conditions": [1], "x": 1}, "rules.x", "unknown_field"),
        (one(field="traits.a"), "rules.conditions[0].op", "required"),
        (one(op="eq", value=1), "rules.conditions[0].field", "required"),
        (one(field="traits.a", op="eq"), "rules.conditions[0].value", "required"),
        (one(field="traits.a", op="eq", value=None), "rules.conditions[0].value", "required"),
        (one(field="traits.a", op="like", value=1), "rules.conditions[0].op", "invalid_choice"),
        (one(field="traits.a", op={}, value=1), "rules.conditions[0].op", "invalid_choice"),
        (one(field="traits.a", op="exists", value=1), "rules.conditions[0].value", "unknown_field"),
        (one(field="traits.a", op="exists", Value=1), "rules.conditions[0].Value", "unknown_field"),
        (
            one(field="traits.a", op="exists", window="7d"),
            "rules.conditions[0].window",
            "unknown_field",
        ),
        (one(field="traits.", op="exists"), "rules.conditions[0].field", "unknown_field"),
        (one(field="traits.a..b", op="exists"), "rules.conditions[0].field", "unknown_field"),
        (one(field="traits", op="exists"), "rules.conditions[0].field", "unknown_field"),
        (one(field="events.", op="exists"), "rules.conditions[0].field", "unknown_field"),
        (one(field="password", op="exists"), "rules.conditions[0].field", "unknown_field"),
        (one(field="__class__", op="exists"), "rules.conditions[0].field", "unknown_field"),
        (one(field="", op="exists"), "rules.conditions[0].field", "invalid"),
        (one(field=7, op="exists"), "rules.conditions[0].field", "invalid"),
        (one(field="traits.a\0", op="exists"), "rules.conditions[0].field", "invalid_character"),
        (one(field="traits." + "a" * 600, op="exists"), "rules.conditions[0].field", "too_long"),
        (one(field="events." + "a" * 300, op="exists"), "rules.conditions[0].field", "too_long"),
        (
            one(field="traits.a", op="eq", value="\0"),
            "rules.conditions[0].value",
            "invalid_character",
        ),
        (one(field="traits.a", op="eq", value="a" * 1001), "rules.conditions[0].value", "too_long"),
        (one(field="traits.a", op="eq", value=2**63), "rules.conditions[0].value", "out_of_range"),
        (
            one(field="traits.a", op="eq", value=float("nan")),
            "rules.conditions[0].value",
            "invalid",
        ),
        (one(field="traits.a", op="eq", value=[1]), "rules.conditions[0].value", "invalid"),
        (one(field="traits.a", op="eq", value={}), "rules.conditions[0].value", "invalid"),
        (one(field="traits.a", op="gt", value="high"), "rules.conditions[0].value", "invalid"),
        (one(field="traits.a", op="gt", value=True), "rules.conditions[0].value", "invalid"),
        (
            one(field="traits.a", op="gt", value="2026-02-30"),
            "rules.conditions[0].value",
            "invalid",
        ),
        (one(field="traits.a", op="contains", value=""), "rules.conditions[0].value", "invalid"),
        (one(field="traits.a", op="starts_with", value=1), "rules.conditions[0].value", "invalid"),
        (one(field="traits.a", op="in", value="x"), "rules.conditions[0].value", "invalid"),
        (one(field="traits.a", op="in", value=[]), "rules.conditions[0].value", "invalid"),
        (one(field="traits.a", op="in", value=[1, []]), "rules.conditions[0].value[1]", "invalid"),
        (one(field="traits.a", op="in", value=[1] * 1001), "rules.conditions[0].value", "too_many"),
        (one(field="traits.a", op="between", value=[1]), "rules.conditions[0].value", "invalid"),
        (one(field="traits.a", op="between", value=[2, 1]), "rules.conditions[0].value", "invalid"),
        (
            one(field="traits.a", op="between", value=[1, "2026-01-01"]),
            "rules.conditions[0].value",
            "invalid",
        ),
        (
            one(field="traits.a", op="within_last", value="7"),
            "rules.conditions[0].value",
            "invalid",
        ),
        (
            one(field="traits.a", op="within_last", value="0d"),
            "rules.conditions[0].value",
            "invalid",
        ),
        (
            one(field="traits.a", op="count_gte", value=1),
            "rules.conditions[0].op",
            "invalid_choice",
        ),
        (one(field="email", op="gt", value=1), "rules.conditions[0].op", "invalid_choice"),
        (one(field="email", op="eq", value=1), "rules.conditions[0].value", "invalid"),
        (
            one(field="tags", op="starts_with", value="a"),
            "rules.conditions[0].op",
            "invalid_choice",
        ),
        (one(field="tags", op="contains", value=1), "rules.conditions[0].value", "invalid"),
        (one(field="segments", op="exists"), "rules.conditions[0].op", "invalid_choice"),
        (one(field="created_at", op="gt", value="soon"), "rules.conditions[0].value", "invalid"),
        (one(field="created_at", op="exists"), "rules.conditions[0].op", "invalid_choice"),
        (one(field="events.a", op="eq", value=1), "rules.conditions[0].op", "invalid_choice"),
        (one(field="events.a", op="count_gte", value=-1), "rules.conditions[0].value", "invalid"),
        (one(field="events.a", op="count_gte", value=1.5), "rules.conditions[0].value", "invalid"),
        (one(field="events.a", op="count_gte", value=True), "rules.conditions[0].value", "invalid"),
        (
            one(field="events.a", op="count_gte", value=10**18),
            "rules.conditions[0].value",
            "invalid",
        ),
        (
            one(field="events.a", op="exists", window="999999w"),
            "rules.conditions[0].window",
            "invalid",
        ),
        (one(field="events.a", op="exists", window=7), "rules.conditions[0].window", "invalid"),
        (
            one(field="events.a", op="exists", where={"field": "traits.x", "op": "exists"}),
            "rules.conditions[0].where.field",
            "unknown_field",
        ),
        (
            one(
                field="events.a", op="exists", where={"field": "properties.x", "op": "within_last"}
            ),
            "rules.conditions[0].where.op",
            "invalid_choice",
        ),
        (
            one(field="traits.a", op="exists", where={"field": "properties.x", "op": "exists"}),
            "rules.conditions[0].where",
            "unknown_field",
        ),
        (
            one(field="events.$segment_entered", op="exists"),
            "rules.conditions[0].where",
            "required",
        ),
        (nested(9), "rules" + ".conditions[0]" * 8, "too_deep"),
        (
            {"operator": "OR", "conditions": [{"field": "traits.a", "op": "exists"}] * 51},
            "rules.conditions[50]",
            "too_many",
        ),
    ],
)
def test_a_wrong_rule_is_refused_at_its_first_wrong_part(written, path, reason):
    with pytest.raises(Invalid) as refusal:
        parse(written)

    (violation,) = refusal.value.violations
    assert (violation.field, violation.reason) == (path, reason)
    assert violation.message.endswith(".")


@pytest.mark.parametrize(
    "written",
    [
        nested(8),
        {"operator": "OR", "conditions": [{"field": "traits.a", "op": "exists"}] * 50},
        one(field="traits.a", op="in", value=list(range(1000))),
        one(field="events.a", op="count_lte", value=1_000_000, window="366d"),
        one(field="events.a", op="exists", value=None, window=None, where=None),
        one(field="events.$email_opened", op="count_eq", value=0),
        one(
            field="events.$segment_exited",
            op="exists",
            where={"field": "properties.segment_id", "op": "eq", "value": "seg_1"},
        ),
        one(field="traits.a", op="eq", value=""),
        one(field="traits.a", op="eq", value=False),
        one(field="traits.a", op="contains", value=5),
    ],
)
def test_a_rule_within_the_limits_is_taken(written):
    assert parse(written)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01", datetime(2026, 3, 1, 5, tzinfo=UTC)),
        ("2026-03-01T10:00Z", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01 10:00:00.5+05:30", datetime(2026, 3, 1, 4, 30, 0, 500_000, tzinfo=UTC)),
        ("2026-03-01T10:00:00.1234567Z", datetime(2026, 3, 1, 10, 0, 0, 123_457, tzinfo=UTC)),
        ("2026-03-08T02:30:00", datetime(2026, 3, 8, 7, 30, tzinfo=UTC)),  # a time that never was
        ("2026-11-01T01:30:00", datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),  # the second of two
        ("2000-02-29", datetime(2000, 2, 29, 5, tzinfo=UTC)),
        ("1900-02-29", None),
        ("2026-13-01", None),
        ("2026-04-31", None),
        ("0000-01-01", None),
        ("2026-03-01T24:00", None),
        ("2026-03-01T10:00:60Z", None),
        ("2026-03-01T10:00+25:00", None),
        ("2026-03-01\n", None),
        ("2026-03-01T", None),
        ("20260301", None),
        ("now", None),
    ],
)
def test_times_are_read_as_iso_8601_says(text, moment):
    assert read_time(text, NEW_YORK) == moment
