"""What is left of a contact that became part of another."""

from collections.abc import Mapping
from datetime import datetime

from django.db import connection

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
