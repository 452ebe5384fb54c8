"""Where everybody stands: pages in the order of the list, and places, as cheap at a million."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Q

from contacts.models import Contact
from growth import ids
from waitlists.models import BUCKET_BITS, Entry, Waitlist

WAITING = Entry.Status.WAITING.value
REST = tuple(each for each in Entry.Status.values if each != WAITING)

_FIELDS = """
    e.id, e.waitlist_id, e.contact_id, e.code, e.status, e.reason, e.referral_count, e.sort_key,
    e.joined_at, e.verified_at, e.approved_at, e.changed_at,
    CASE WHEN c.deleted_at IS NULL THEN nullif(c.email, '') END
"""
# Those before an entry: all of the stretches before its own, and some of its own.
_BEFORE = f"""
    coalesce((SELECT sum(b.count) FROM waitlists_bucket b
               WHERE b.project_id = {{e}}.project_id AND b.waitlist_id = {{e}}.waitlist_id
                 AND b.number < {{e}}.sort_key >> {BUCKET_BITS}), 0)
  + (SELECT count(*) FROM waitlists_entry o
      WHERE o.project_id = {{e}}.project_id AND o.waitlist_id = {{e}}.waitlist_id
        AND o.status = 'waiting'
        AND o.sort_key >= {{e}}.sort_key >> {BUCKET_BITS} << {BUCKET_BITS}
        AND (o.sort_key, o.joined_at, o.id) < ({{e}}.sort_key, {{e}}.joined_at, {{e}}.id))
"""
_QUEUE = f"""
    WITH page AS MATERIALIZED (
        SELECT * FROM waitlists_entry e
         WHERE e.project_id = %(project)s AND e.waitlist_id = %(waitlist)s
           AND e.status = 'waiting' {{onward}}
         ORDER BY e.sort_key, e.joined_at, e.id LIMIT %(count)s
    ), first AS (
        SELECT * FROM page ORDER BY sort_key, joined_at, id LIMIT 1
    )
    SELECT {_FIELDS},
           (SELECT {_BEFORE.format(e="first")} FROM first)
           + row_number() OVER (ORDER BY e.sort_key, e.joined_at, e.id)
      FROM page e JOIN contacts_contact c ON c.id = e.contact_id
     ORDER BY e.sort_key, e.joined_at, e.id
"""
_ONWARD = "AND (e.sort_key, e.joined_at, e.id) > (%(key)s, %(at)s::timestamptz, %(id)s)"
_OTHERS = f"""
    SELECT {_FIELDS}, NULL
      FROM unnest(%(statuses)s::text[]) AS wanted (status) CROSS JOIN LATERAL (
           SELECT * FROM waitlists_entry e
            WHERE e.project_id = %(project)s AND e.waitlist_id = %(waitlist)s
              AND e.status = wanted.status AND e.status <> 'waiting' {{onward}}
            ORDER BY e.changed_at DESC, e.id DESC LIMIT %(count)s) e
      JOIN contacts_contact c ON c.id = e.contact_id
     ORDER BY e.changed_at DESC, e.id DESC LIMIT %(count)s
"""
_ONWARD_OTHERS = "AND (e.changed_at, e.id) < (%(at)s::timestamptz, %(id)s)"
_SINGLE = f"""
    SELECT {_FIELDS}, CASE WHEN e.status = 'waiting' THEN 1 + {_BEFORE.format(e="e")} END
      FROM waitlists_entry e JOIN contacts_contact c ON c.id = e.contact_id
     WHERE e.project_id = %(project)s AND
"""
_CHOSEN = f"{_SINGLE} e.id = ANY(%(ids)s)"
_OWN = f"{_SINGLE} e.contact_id = %(contact)s ORDER BY e.id"


class Row(NamedTuple):
    """An entry with its contact's address and, if it waits, its position."""

    key: int
    waitlist: int
    contact: int
    code: str
    status: str
    reason: str
    referral_count: int
    sort_key: int
    joined_at: datetime
    verified_at: datetime | None
    approved_at: datetime | None
    changed_at: datetime
    email: str | None
    position: int | None

    @property
    def part(self) -> int:
        """Whether it stands among those who wait, who come first, or behind them."""
        return 0 if self.status == WAITING else 1

    @property
    def since(self) -> datetime:
        """The moment by which it has its place in the list, next to its rank."""
        return self.joined_at if self.status == WAITING else self.changed_at

    def as_dict(self) -> dict[str, Any]:
        """Return the entry as the API shows it."""
        return {
            "id": ids.encode("wl_entry", self.key),
            "contact_id": ids.encode("cntct", self.contact),
            "email": self.email,
            "position": self.position,
            "referral_count": self.referral_count,
            "status": self.status,
            "joined_at": self.joined_at,
            "waitlist_id": ids.encode("wl", self.waitlist),
            "referral_code": self.code,
            "verified_at": self.verified_at,
            "approved_at": self.approved_at,
            "reason": self.reason or None,
        }


KEYSET = ("part", "sort_key", "since", "key")


@dataclass(frozen=True)
class Listing:
    """The entries of a list: those who wait by position, then the others, the last changed first.

    With ``statuses``, only those.
    """

    waitlist: Waitlist
    statuses: Sequence[str] = field(default=tuple(Entry.Status.values))

    def rows(self, after: list | None, count: int) -> list[Row]:
        """Return so many entries from the one after those values of ``KEYSET`` on."""
        part, sort_key, since, key = after or (0, None, None, None)
        params = {"count": count, "key": sort_key, "at": since, "id": key}
        found: list[Row] = []
        if part == 0 and WAITING in self.statuses:
            found = self._read(_QUEUE.format(onward=_ONWARD if after else ""), params)
        others = [each for each in self.statuses if each != WAITING]
        if len(found) < count and others:
            onward = _ONWARD_OTHERS if part else ""
            rest = params | {"count": count - len(found), "statuses": others}
            found += self._read(_OTHERS.format(onward=onward), rest)
        return found

    def _read(self, statement: str, params: dict[str, Any]) -> list[Row]:
        own = {"project": self.waitlist.project_key, "waitlist": self.waitlist.key}
        with connection.cursor() as cursor:
            cursor.execute(statement, params | own)
            return [Row(*row) for row in cursor.fetchall()]


def rows_of(project: int, entries: Iterable[int]) -> dict[int, Row]:
    """Return these entries of the project, by their keys."""
    with connection.cursor() as cursor:
        cursor.execute(_CHOSEN, {"project": project, "ids": list(entries)})
        return {row[0]: Row(*row) for row in cursor.fetchall()}


def row_of(entry: Entry) -> Row:
    """Return the entry with its address and its position."""
    return rows_of(entry.project_key, [entry.key])[entry.key]


def stats(waitlist: Waitlist) -> dict[str, Any]:
    """Return how many are how far, and what friends brought.

    Referred are those who came by somebody's link; verified referrals are those of them who count.
    """
    entries = Entry.objects.filter(project=waitlist.project_id, waitlist=waitlist)
    referred = entries.filter(referred_by__isnull=False)
    leaders = entries.filter(referral_count__gt=0).order_by("-referral_count", "id")[:10]
    counts = waitlist.counts
    total = sum(counts.values())
    came, counted = referred.count(), referred.filter(is_credited=True).count()
    rows = rows_of(waitlist.project_key, [each.key for each in leaders.only("id")])
    return {
        "total_entries": total,
        **counts,
        "referred": came,
        "verified_referrals": counted,
        "referral_rate": round(came / total, 3) if total else 0,
        "approval_rate": round(counts["approved"] / total, 3) if total else 0,
        "top_referrers": [
            {
                "entry_id": ids.encode("wl_entry", row.key),
                "contact_id": ids.encode("cntct", row.contact),
                "email": row.email,
                "referral_count": row.referral_count,
                "position": row.position,
            }
            for row in sorted(rows.values(), key=lambda row: (-row.referral_count, row.key))
        ],
    }


def entries_of(contact: Contact) -> list[dict[str, Any]]:
    """Return the contact's places, as its profile shows them."""
    with connection.prepared_cursor() as cursor:
        cursor.execute(_OWN, {"project": contact.project_key, "contact": contact.key})
        return [Row(*row).as_dict() for row in cursor.fetchall()]


def find_by_slug(slug: str) -> Waitlist | None:
    """Return the list that a public page names, by its slug or by its id."""
    named = Q(pk=slug) if slug.startswith("wl_") else Q(slug=slug)
    return Waitlist.objects.filter(named).select_related("project", "stream").order_by("id").first()
