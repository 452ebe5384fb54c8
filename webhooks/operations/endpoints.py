"""The birth of an endpoint."""

from datetime import datetime

from growth.errors import Conflict
from growth.models import Project
from webhooks import signing
from webhooks.models import Endpoint

MOST = 100


def create_endpoint(
    project: Project, *, at: datetime, secret: str = "", is_enabled: bool = True, **fields: object
) -> Endpoint:
    """Register an address; its secret is made up unless one is given.

    :raises Conflict: if the project has as many as it may.
    """
    if Endpoint.objects.alive().in_project(project).count() >= MOST:
        raise Conflict(f"A project has {MOST} endpoints at most; delete one that is not used.")
    off = {} if is_enabled else {"disabled_at": at, "disabled_reason": Endpoint.Reason.ASKED}
    return Endpoint.objects.create(
        project=project,
        secret=secret or signing.new_secret(),
        created_at=at,
        updated_at=at,
        **fields,
        **off,
    )
