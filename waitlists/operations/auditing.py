"""Counts the lists anew from their entries, and says where the books differ."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection

from growth import ids
from growth.models import Project
from waitlists.models import BUCKET_BITS

_COUNTS = """
    SELECT list.id, each.status || '_count', each.stored, coalesce(found.count, 0)
      FROM waitlists_waitlist list
     CROSS JOIN LATERAL (VALUES ('pending', pending_count), ('waiting', waiting_count),
                ('approved', approved_count), ('rejected', rejected_count)) each (status, stored)
      LEFT JOIN (SELECT waitlist_id, status, count(*) FROM waitlists_entry
                  WHERE project_id = %(project)s GROUP BY 1, 2) found
           ON found.waitlist_id = list.id AND found.status = each.status
     WHERE list.project_id = %(project)s AND each.stored <> coalesce(found.count, 0)
"""
_STRETCHES = f"""
    SELECT coalesce(stored.waitlist_id, found.waitlist_id),
           'stretch ' || coalesce(stored.number, found.number),
           coalesce(stored.count, 0), coalesce(found.count, 0)
      FROM (SELECT * FROM waitlists_bucket WHERE project_id = %(project)s) stored
      FULL JOIN (SELECT waitlist_id, sort_key >> {BUCKET_BITS} AS number, count(*)
                   FROM waitlists_entry WHERE project_id = %(project)s AND status = 'waiting'
                  GROUP BY 1, 2) found USING (waitlist_id, number)
     WHERE coalesce(stored.count, 0) <> coalesce(found.count, 0)
"""
_REFERRALS = """
    SELECT entry.waitlist_id, 'referral_count of ' || entry.id, entry.referral_count,
           coalesce(found.count, 0)
      FROM waitlists_entry entry
      LEFT JOIN (SELECT referred_by_id, count(*) FROM waitlists_entry
                  WHERE project_id = %(project)s AND is_credited GROUP BY 1) found
           ON found.referred_by_id = entry.id
     WHERE entry.project_id = %(project)s AND entry.referral_count <> coalesce(found.count, 0)
"""
_RANKS = """
    SELECT entry.waitlist_id, 'sort_key of ' || entry.id, entry.sort_key,
           entry.sequence - list.referral_boost::bigint * entry.referral_count
      FROM waitlists_entry entry JOIN waitlists_waitlist list ON list.id = entry.waitlist_id
     WHERE entry.project_id = %(project)s
       AND entry.sort_key <> entry.sequence - list.referral_boost::bigint * entry.referral_count
"""


@dataclass(frozen=True)
class Drift:
    """A stored number that is not what the entries say."""

    project: str
    waitlist: str
    what: str
    stored: int
    expected: int

    def __str__(self) -> str:
        place = f"project={self.project} waitlist={self.waitlist}"
        return f"{place} {self.what} stored={self.stored} expected={self.expected}"


def drifts(project: Project) -> Iterator[Drift]:
    """Yield what the books of the project's lists hold wrongly."""
    with connection.cursor() as cursor:
        for statement in (_COUNTS, _STRETCHES, _REFERRALS, _RANKS):
            cursor.execute(statement, {"project": project.key})
            for waitlist, what, stored, expected in cursor.fetchall():
                yield Drift(project.id, ids.encode("wl", waitlist), what, stored, expected)
