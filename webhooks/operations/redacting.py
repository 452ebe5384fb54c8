"""Deliveries of news that was redacted: they keep their ids and say as little as the news."""

from collections.abc import Sequence

from django.db import connection

from growth.models import Project


def redact(project: Project, subjects: Sequence[int]) -> int:
    """Put the data of redacted news into what is delivered of it; return how many there were.

    What a receiver answered may repeat what it got, so that goes too.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE webhooks_delivery delivery
               SET body = jsonb_set(delivery.body::jsonb, '{data}', news.data)::text,
                   response_body = ''
              FROM growth_domainevent news, webhooks_endpoint endpoint
             WHERE news.project_id = %(project)s AND news.subject = ANY(%(subjects)s)
               AND endpoint.project_id = %(project)s
               AND delivery.project_id = %(project)s AND delivery.endpoint_id = endpoint.id
               AND delivery.domain_event_id = news.id
            """,
            {"project": project.key, "subjects": list(subjects)},
        )
        return cursor.rowcount
