"""Each night every segment is evaluated anew as a whole, and compared with what is stored.

One statement sees one snapshot, so whoever is still to be told of, or whom the clock is about to
follow, is known and left out. Nothing is repaired: a difference is a fault that somebody must see.
"""

from datetime import datetime, timedelta

import structlog
from django.db import connection, transaction
from django.db.models import F, Q

from contacts.models import Segment
from contacts.operations.auditing import SLACK
from contacts.queries import read_rule
from contacts.rule_sql import Sql, sql, verdicts
from growth import ids
from growth.models import DomainEventType

EVERY = timedelta(hours=20)
_LOGGED = 20
_ATTEMPTS = 3

log = structlog.get_logger(__name__)

_COMPARE = """
WITH moving AS MATERIALIZED (
    SELECT DISTINCT who::bigint AS contact_id FROM growth_domainevent news
     CROSS JOIN LATERAL jsonb_each(news.data -> 'changes') change
     CROSS JOIN LATERAL jsonb_array_elements_text(change.value) who
     WHERE news.position IS NULL AND news.project_id = {} AND news.type = {}
),
verdict AS MATERIALIZED ({}),
stored AS (
    SELECT contact_id, member.contact_id IS NOT NULL AS is_member, clock.recheck_at
      FROM (SELECT contact_id FROM contacts_membership WHERE {}) member
      FULL JOIN (SELECT contact_id, recheck_at FROM contacts_segmentclock WHERE {}) clock
     USING (contact_id)
)
SELECT contact_id, coalesce(is_member, false), coalesce(matches, false),
       stored.recheck_at, verdict.recheck_at, count(*) OVER (),
       (SELECT evaluated_at FROM contacts_segment WHERE project_id = {} AND id = {})
  FROM stored FULL JOIN verdict USING (contact_id)
 WHERE (coalesce(is_member, false) <> coalesce(matches, false)
        OR stored.recheck_at IS DISTINCT FROM verdict.recheck_at)
   AND (stored.recheck_at IS NULL OR stored.recheck_at NOT BETWEEN {} AND {})
   AND NOT EXISTS (SELECT FROM moving WHERE moving.contact_id = coalesce(
                                           stored.contact_id, verdict.contact_id))
 ORDER BY contact_id LIMIT {}
"""


def audit_next(*, at: datetime) -> int:
    """Compare the segment that has waited longest for it; return how many there were."""
    segment = _claim(at)
    if segment is None:
        return 0
    _log(segment, _differences(segment, at))
    return 1


@transaction.atomic
def _claim(at: datetime) -> Segment | None:
    """Take the segment, and let go of its row at once: whoever evaluates it needs it."""
    segments = Segment.objects.dynamic().ready().select_related("project")
    waiting = segments.filter(Q(audited_at=None) | Q(audited_at__lt=at - EVERY))
    free = waiting.select_for_update(skip_locked=True, of=("self",), no_key=True)
    segment = free.order_by(F("audited_at").asc(nulls_first=True), "id").first()
    if segment is not None:
        segment.audited_at = at
        segment.save(update_fields=["audited_at"])
    return segment


def _differences(segment: Segment, at: datetime) -> list[tuple]:
    """Return what differs. Was the segment evaluated at a later moment than we asked of, we ask of
    that one: what changed in between is no difference.
    """
    for _ in range(_ATTEMPTS):
        at = max(at, segment.evaluated_at or at)
        statement = _statement(segment, at)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '200s'")
            cursor.execute(statement.text, statement.params)
            found = cursor.fetchall()
        if not found or found[0][-1] is None or found[0][-1] <= at:
            break
        segment.evaluated_at = found[0][-1]
    return found


def _log(segment: Segment, found: list[tuple]) -> None:
    for contact, is_member, matches, clock, due, *_ in found:
        log.error(
            "membership_drift",
            project=segment.project_id,
            segment=segment.id,
            contact=ids.encode("cntct", contact),
            stored=is_member,
            expected=matches,
            stored_recheck_at=clock,
            expected_recheck_at=due,
        )
    if found and (more := found[0][-2] - len(found)):
        log.error("membership_drift_goes_on", segment=segment.id, more=more)


def _statement(segment: Segment, at: datetime) -> Sql:
    project = segment.project
    scope = sql("project_id = {} AND segment_id = {}", project.key, segment.key)
    found = verdicts(read_rule(segment), project=project, at=at)
    news = (project.key, str(DomainEventType.EVENTS_RECORDED))
    place = (project.key, segment.key)
    return sql(_COMPARE, *news, found, scope, scope, *place, at - SLACK, at, _LOGGED)
