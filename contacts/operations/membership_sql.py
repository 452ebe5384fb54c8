"""The statement that writes memberships and clocks as a segment's rule says.

One statement sees one snapshot: who matches, who is in, and when to ask again always fit together.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from contacts.models import Segment
from contacts.queries import read_rule
from contacts.rule_sql import Sql, sql, verdicts

_WRITE = """
WITH verdict AS MATERIALIZED ({}),
entered AS (
    INSERT INTO contacts_membership (project_id, segment_id, contact_id, entered_at)
    SELECT {}, {}, contact_id, {} FROM verdict WHERE matches AND NOT EXISTS (
           SELECT FROM contacts_membership old WHERE {} AND old.contact_id = verdict.contact_id)
     ORDER BY contact_id
    ON CONFLICT DO NOTHING RETURNING contact_id
),
exited AS (
    DELETE FROM contacts_membership old WHERE {} AND NOT EXISTS (
        SELECT FROM verdict WHERE verdict.contact_id = old.contact_id AND verdict.matches)
    RETURNING contact_id
),
stopped AS (
    DELETE FROM contacts_segmentclock old WHERE {} AND NOT EXISTS (
        SELECT FROM verdict WHERE verdict.contact_id = old.contact_id
           AND verdict.recheck_at IS NOT NULL)
),
started AS (
    INSERT INTO contacts_segmentclock AS old (project_id, segment_id, contact_id, recheck_at)
    SELECT {}, {}, contact_id, recheck_at FROM verdict WHERE recheck_at IS NOT NULL
       AND NOT EXISTS (  -- A row in conflict would be locked, which writes it, even if it is right.
           SELECT FROM contacts_segmentclock old WHERE {} AND old.contact_id = verdict.contact_id
              AND old.recheck_at = verdict.recheck_at)
     ORDER BY contact_id
    ON CONFLICT (project_id, segment_id, contact_id)
    DO UPDATE SET recheck_at = excluded.recheck_at
)
"""
_MOVES = """{} SELECT contact_id, true FROM entered UNION ALL SELECT contact_id, false FROM exited
          ORDER BY contact_id"""
_HAS_MOVES = "{} SELECT EXISTS (SELECT FROM entered) OR EXISTS (SELECT FROM exited)"


def write_some(
    segment: Segment, contacts: Sequence[int], *, at: datetime
) -> list[tuple[int, bool]]:
    """Write what the rule says of these contacts; return who moved, and whether it was inwards."""
    return _rows(sql(_MOVES, _write(segment, at, contacts)))


def write_all(segment: Segment, *, at: datetime) -> bool:
    """Write what the rule says of all contacts; return whether anybody moved."""
    return _rows(sql(_HAS_MOVES, _write(segment, at, None)))[0][0]


def _write(segment: Segment, at: datetime, contacts: Sequence[int] | None) -> Sql:
    project = segment.project
    place = (project.key, segment.key)
    scope = sql("old.project_id = {} AND old.segment_id = {}", *place)
    if contacts is not None:
        scope = sql("{} AND old.contact_id = ANY ({}::bigint[])", scope, list(contacts))
    found = verdicts(read_rule(segment), project=project, at=at, among=contacts)
    return sql(_WRITE, found, *place, at, scope, scope, scope, *place, scope)


def _rows(statement: Sql) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        return cursor.fetchall()
