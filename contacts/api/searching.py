"""A page of the contacts that have some words, newest first, however many there are.

The index of words knows no order: of common words it finds a million rows, which must be sorted. To
walk the list until rare words have come 25 times takes even longer, and PostgreSQL cannot tell one
from the other. So the nearest of the list are looked at first, and the index where they do not do.
"""

from datetime import timedelta

from django.db.models import F, QuerySet, Value

from growth.api.viewsets import Onward

NEAREST = 1000

# No index has this order, so PostgreSQL asks the index of words first.
_NEWEST = ((F("created_at") + Value(timedelta())).desc(), F("id").desc())


def found(contacts: QuerySet, onward: Onward, count: int, *, among: QuerySet) -> list:
    """Return the first of the contacts, which were filtered by words, that are ``onward``.

    ``among`` are all contacts of the list.
    """
    nearest = onward(among).values("pk")[:NEAREST]
    rows = list(onward(contacts.filter(pk__in=nearest))[:count])
    if len(rows) == count:
        return rows
    return list(onward(contacts).order_by(*_NEWEST)[:count])
