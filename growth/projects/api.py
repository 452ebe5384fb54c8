"""``/v1/settings``, its keys and its audit log."""

from typing import Any

from django.db.models import Q
from django.utils.timezone import now
from rest_framework.request import Request
from rest_framework.response import Response

from growth.api.authentication import forget_keys
from growth.api.viewsets import ProjectViewSet
from growth.models import ApiKey, AuditEntry, Project
from growth.projects.operations import issue_key, revise_project, revoke_key
from growth.projects.serializers import NewKeySerializer, SettingsSerializer


class SettingsViewSet(ProjectViewSet):
    """The settings of the caller's project."""

    resource = "settings"
    serializer_class = SettingsSerializer
    is_single = True

    def retrieve(self, request: Request) -> Response:
        return self.shown(Project.objects.get(pk=self.project.pk))

    def partial_update(self, request: Request) -> Response:
        project = Project.objects.get(pk=self.project.pk)
        form = self.checked(instance=project, partial=True)
        revise_project(project, form.validated_data, at=now())
        forget_keys()  # They bear the project as it was.
        return self.shown(project, warnings=form.warnings)


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
        is_immediate = request.query_params.get("immediate", "").lower() in ("true", "1")
        revoke_key(self.get_object(), immediate=is_immediate, at=now())
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
