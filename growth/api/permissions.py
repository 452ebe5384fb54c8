"""What a key may do: every view names its scopes, and what names none is closed."""

from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from growth.api.errors import InsufficientScope
from growth.models import ApiKey


class HasScope(BasePermission):
    """Lets a secret key through that has the scope which the view names for this request."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.auth.type != ApiKey.Type.SECRET:
            raise InsufficientScope(view.scope_for(request), [])
        scope = view.scope_for(request)
        if not request.auth.allows(scope):
            raise InsufficientScope(scope, request.auth.scopes)
        return True


class IsWriteKey(BasePermission):
    """Lets any key of the project in that may tell us events: write keys, and secret keys too."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.auth.type == ApiKey.Type.WRITE or request.auth.allows("contacts:write"):
            return True
        raise PermissionDenied("Ingest takes a write key, or a secret key with contacts:write.")


def scope(resource: str, method: str, *, reads: bool = False) -> str:
    """Return the scope that a call of this method on the resource needs."""
    return f"{resource}:{'read' if reads or method in SAFE_METHODS else 'write'}"
