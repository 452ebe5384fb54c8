"""Rules as clients write them."""

from typing import Any


def one(**condition: Any) -> dict[str, Any]:
    """Return a rule of one condition."""
    return {"operator": "AND", "conditions": [condition]}


DOCUMENTED = {
    "operator": "AND",
    "conditions": [
        {"field": "traits.plan", "op": "eq", "value": "trial"},
        {"field": "events.login", "op": "count_gte", "value": 3, "window": "7d"},
        {"field": "traits.signed_up_at", "op": "gte", "value": "2025-01-01"},
    ],
}
TRIAL = one(field="traits.plan", op="eq", value="trial")
ACTIVE = one(field="events.login", op="count_gte", value=2, window="7d")
HOSTILE = [
    "x' OR 1=1 --",
    "x%s",
    "%(x)s",
    "{}",
    "{0}",
    "x) OR (1=1",
    "x\\'; DROP TABLE contacts_contact; --",
    "a__gt",
    "_connector",
    "$1",
    "::text",
    "\u202e",
]
