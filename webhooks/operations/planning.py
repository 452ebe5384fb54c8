"""From an event to a delivery for each endpoint that wants it."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction

from growth import outbox
from growth.api.json import dump
from growth.errors import Conflict
from growth.models import DomainEvent
from growth.models.tenancy import next_keys
from webhooks.models import Delivery, Endpoint
from webhooks.models.delivery import ATTEMPT_TASK
from webhooks.models.subscriptions import patterns_of
from webhooks.queries import envelope, frozen

_PLAN = """
    INSERT INTO webhooks_delivery (project_id, endpoint_id, domain_event_id, type, body, is_test,
                                   status, attempt, created_at, due_at, response_body, error)
    SELECT endpoint.project_id, endpoint.id, event.id, %(type)s, event.body, false,
           'pending', 0, event.created_at, %(at)s, '', ''
      FROM unnest(%(ids)s::bigint[], %(bodies)s::text[], %(times)s::timestamptz[])
           AS event (id, body, created_at)
     CROSS JOIN webhooks_endpoint endpoint
     WHERE endpoint.project_id = %(project)s AND endpoint.deleted_at IS NULL
       AND endpoint.types && %(patterns)s::varchar[]
     ORDER BY event.id, endpoint.id
    ON CONFLICT (project_id, endpoint_id, domain_event_id) DO NOTHING
"""


def plan(news: Sequence[DomainEvent], *, at: datetime) -> None:
    """Queue the events, all of one type and project, for every endpoint that wants them.

    Endpoints that are disabled are planned for too: what they miss waits for them.
    """
    project, type = news[0].project, news[0].type
    wanting = Endpoint.objects.alive().in_project(project).subscribed(type)
    if not wanting.exists():
        return  # The bodies need not be written.
    with connection.cursor() as cursor:
        cursor.execute(
            _PLAN,
            {
                "project": project.key,
                "type": type,
                "patterns": patterns_of(type),
                "at": at,
                "ids": [event.key for event in news],
                "bodies": [frozen(event) for event in news],
                "times": [event.created_at for event in news],
            },
        )
    outbox.wake(ATTEMPT_TASK)


@transaction.atomic
def plan_test(endpoint: Endpoint, *, type: str, at: datetime) -> Delivery:
    """Queue a made-up event of this type for the endpoint alone.

    :raises Conflict: if the endpoint is disabled.
    """
    if not endpoint.is_enabled:
        raise Conflict("This endpoint is disabled; enable it to test it.")
    (key,) = next_keys(DomainEvent, 1)  # An id of its own, which no event will ever have.
    id = DomainEvent._meta.pk.to_python(key)
    delivery = Delivery.objects.create(
        project=endpoint.project,
        endpoint=endpoint,
        domain_event_id=id,
        type=type,
        body=_made_up(endpoint, id, type, at),
        is_test=True,
        created_at=at,
        due_at=at,
    )
    outbox.wake(ATTEMPT_TASK)
    return delivery


def _made_up(endpoint: Endpoint, id: str, type: str, at: datetime) -> str:
    return dump(envelope(id, type, {"test": True}, endpoint.project_id, at)).decode()
