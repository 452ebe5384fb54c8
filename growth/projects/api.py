"""``/v1/settings``, its keys and its audit log."""

from typing import Any

from django.db.models import Q
from django.utils.timezone import now
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from growth.api.authentication import forget_keys
from growth.api.json import merge_patch
from growth.api.viewsets import ProjectViewSet
from growth.models import ApiKey, AuditEntry, Project
from growth.projects.operations import issue_key, revise_project, revoke_key
from growth.projects.serializers import NewKeySerializer, SettingsSerializer

_OBJECTS = ("scoring", "mail_cap", "quiet_hours")


class SettingsViewSet(ProjectViewSet):
    """The settings of the caller's project."""

    resource = "settings"
    serializer_class = SettingsSerializer
    is_single = True

    def retrieve(self, request: Request) -> Response:
        return self.shown(Project.objects.get(pk=self.project.pk))

    def partial_update(self, request: Request) -> Response:
        project = Project.objects.select_for_update(no_key=True).get(pk=self.project.pk)
        form = self.get_serializer(project, data=self._merged(project), partial=True)
        form.is_valid(raise_exception=True)
        revise_project(project, form.validated_data, at=now())
        forget_keys()  # They bear the project as it was.
        return self.shown(project, warnings=form.warnings)

    def _merged(self, project: Project) -> Any:
        """Return the body, with the objects in it merged into those that are set."""
        body = self.request.data
        if not isinstance(body, dict):
            return body
        present = self.get_serializer(project).data
        sent = [name for name in _OBJECTS if isinstance(body.get(name), dict)]
        return body | {name: merge_patch(present[name], body[name]) for name in sent}


class KeyViewSet(ProjectViewSet):
    """The project's keys, without what opens anything."""

    resource = "settings"
    secret_actions = ("create",)
    queryset = ApiKey.objects.all()
    serializer_class = NewKeySerializer

    def list(self, request: Request) -> Response:
        usable = Q(usable_until=None) | Q(usable_until__gt=now())
        page = self.page_of(self.get_queryset().filter(usable))
        return self.paginator.get_paginated_response([_shown(key) for key in page])

    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(_shown(self.get_object()))

    def create(self, request: Request) -> Response:
        form = self.checked()
        key, text = issue_key(request.auth, **form.validated_data)
        return Response({**_shown(key), "key": text}, 201)

    def destroy(self, request: Request, pk: str) -> Response:
        immediate = request.query_params.get("immediate", "false")
        if immediate not in ("true", "false"):
            raise ParseError("immediate: Send true or false.")
        revoke_key(self.get_object(), immediate=immediate == "true", at=now())
        forget_keys()
        return Response(status=204)


class AuditViewSet(ProjectViewSet):
    """What the management API changed, and who called."""

    resource = "settings"
    queryset = AuditEntry.objects.select_related("api_key")

    def list(self, request: Request) -> Response:
        page = self.page_of(self.get_queryset())
        return self.paginator.get_paginated_response([_told(entry) for entry in page])


def _shown(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "type": key.type,
        "key_hint": key.key_hint,
        "scopes": key.scopes,
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
        "usable_until": key.usable_until,
    }


def _told(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": entry.at,
        "request_id": entry.request_id,
        "key_id": entry.api_key_id,
        "key_name": entry.api_key.name if entry.api_key else None,
        "method": entry.method,
        "path": entry.path,
        "before": entry.before,
        "after": entry.after,
    }
