"""What is left of a contact that became part of another."""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import connection

from contacts.models import Membership, SegmentClock
from growth.models import Project


def bury(project: Project, into: Mapping[int, int], at: datetime) -> None:
    """Let each contact be found under the one that it became part of, and in no list any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE contacts_contact contact
               SET deleted_at = %s, merged_into_id = pair.person
              FROM unnest(%s::bigint[], %s::bigint[]) pair (source, person)
             WHERE contact.project_id = %s AND contact.id = pair.source
            """,
            [at, list(into), list(into.values()), project.key],
        )


def leave_segments(project: Project, contacts: Collection[int]) -> None:
    """Take the contacts out of all segments; nobody is told."""
    for model in (Membership, SegmentClock):
        model.objects.filter(project=project, contact__in=contacts).delete()
