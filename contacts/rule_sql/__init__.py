"""Rules as SQL. Every value, and every name a caller chose, is a parameter."""

from contacts.rule_sql.compiler import event_filter, event_filters, matching, verdicts
from contacts.rule_sql.fragments import Sql, joined, sql
from contacts.rule_sql.triggers import triggering

__all__ = [
    "Sql",
    "event_filter",
    "event_filters",
    "joined",
    "matching",
    "sql",
    "triggering",
    "verdicts",
]
