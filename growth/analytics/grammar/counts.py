"""Reads queries of events or contacts by time."""

from growth.analytics.grammar.reader import Reader
from growth.analytics.periods import Interval, buckets
from growth.analytics.questions import Count, QueryType, Step

FIELDS = ("event", "interval", "filters", "group_by", "from", "to")


def count(reader: Reader) -> Count | None:
    """Read a query of events or contacts by time."""
    interval = reader.choice("interval", Interval, default=Interval.DAY)
    event = reader.name(reader.data.get("event"), "event", required=False)
    span = reader.range(interval)
    step = Step(event, reader.filters(reader.data.get("filters"), "filters"))
    group_by = reader.group_by()
    if interval is None or span is None or not reader.few_buckets(span, interval):
        return None
    parts = buckets(span, interval, reader.project.week_start)
    is_unique = reader.data["type"] == QueryType.UNIQUE_CONTACTS
    return Count(step, span, interval, parts, group_by, is_unique)
