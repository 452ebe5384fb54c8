"""``/integrations/v1/users`` and ``/integrations/v1/contact_stages``."""

from typing import Any

from django.db import connection
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.dialects.growthgenius.base import GeniusViewSet
from contacts.dialects.growthgenius.showing import wire_time
from contacts.models import ContactStage
from contacts.operations.accounts import register_stages
from growth.models import Member, Project

# From one name of the index to the next: as many steps as there are stages.
_NAMES = """
    WITH RECURSIVE told (name) AS (
        (SELECT traits ->> 'stage' FROM contacts_contact
          WHERE project_id = %(project)s AND deleted_at IS NULL AND traits ? 'stage'
          ORDER BY traits ->> 'stage' LIMIT 1)
        UNION ALL
        SELECT (SELECT traits ->> 'stage' FROM contacts_contact
                 WHERE project_id = %(project)s AND deleted_at IS NULL AND traits ? 'stage'
                   AND traits ->> 'stage' > told.name ORDER BY traits ->> 'stage' LIMIT 1)
          FROM told WHERE told.name IS NOT NULL
    )
    SELECT name FROM told WHERE length(name) BETWEEN 1 AND 100 LIMIT 1000
"""


class UserViewSet(GeniusViewSet):
    """The people of the team in whose name integrations may act."""

    resource = "users"
    names_user = False
    queryset = Member.objects.integrating()

    def list(self, request: Request) -> Response:
        members = self.get_queryset().select_related("user").order_by("pk")
        return Response({"users": [_user(self.project, member) for member in members]})


class StageViewSet(GeniusViewSet):
    """How far the customer is with people."""

    resource = "contacts"
    queryset = ContactStage.objects

    def list(self, request: Request) -> Response:
        _number_new_stages(self.project)
        stages = self.get_queryset().order_by("pk")
        return Response({"contact_stages": list(stages.values("id", "name"))})


def _user(project: Project, member: Member) -> dict[str, Any]:
    user = member.user
    return {
        "id": user.pk,
        "team_id": project.key,
        "created_at": wire_time(user.date_joined, project.zone),
        "email": user.email or None,
        "email_bcc": member.email_bcc or None,
        "first_name": user.first_name or None,
        "full_name": user.get_full_name() or user.get_username(),
        "last_name": user.last_name or None,
        "reporting_email": member.reporting_email or None,
        "roles": member.roles,
    }


def _number_new_stages(project: Project) -> None:
    """Give an id to stages that came with contacts by another door."""
    with connection.cursor() as cursor:
        cursor.execute(_NAMES, {"project": project.key})
        names = {name for (name,) in cursor.fetchall()}
    known = ContactStage.objects.in_project(project).values_list("name", flat=True)
    if new := names - set(known):
        register_stages(project, new)
