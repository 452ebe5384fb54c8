"""Plain functions that make waitlists and entries for tests, by the doors that make them."""

from itertools import count
from typing import Any

from growth.models import Project
from tests.factories import AT
from waitlists.models import Entry, Waitlist
from waitlists.operations.joining import Joined, Joining, join
from waitlists.operations.waitlists import create_waitlist

_numbers = count(1)


def make_waitlist(project: Project, **fields: Any) -> Waitlist:
    """Return a new waitlist."""
    slug = fields.pop("slug", f"list-{next(_numbers)}")
    return create_waitlist(project, at=AT, **{"name": "Early access", "slug": slug} | fields)


def make_entry(waitlist: Waitlist, email: str = "", **joining: Any) -> Entry:
    """Return the entry of somebody whom the customer's server has put on the list."""
    joined = enter(waitlist, email, **joining)
    return Entry.objects.get(pk=joined.entry.as_dict()["id"])


def enter(waitlist: Waitlist, email: str = "", **joining: Any) -> Joined:
    """Put somebody on the list, vouched for unless it is said otherwise."""
    email = email or f"waiting-{next(_numbers)}@example.com"
    is_vouched_for = joining.pop("is_vouched_for", True)
    at = joining.pop("at", AT)
    return join(waitlist, Joining(email, is_vouched_for=is_vouched_for, **joining), at=at)


def positions(waitlist: Waitlist) -> dict[str, int | None]:
    """Return the positions by mail address, counted one by one and not by the books."""
    entries = Entry.objects.filter(waitlist=waitlist).select_related("contact")
    waiting = entries.filter(status=Entry.Status.WAITING)
    ranked = waiting.order_by("sort_key", "joined_at", "id")
    return {entry.contact.email: n for n, entry in enumerate(ranked, 1)}
