"""What all routes of the dialect share: who calls, integer ids, wrapped and flat bodies."""

import re
from functools import cached_property
from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.dialects.growthgenius.authentication import GeniusAuthentication
from growth import ids
from growth.api.viewsets import ProjectViewSet
from growth.errors import Invalid, Violation
from growth.models import Member

_NUMBER = re.compile(r"[0-9]{1,18}")
UNKNOWN_USER = "There is no such user in this team; GET /users lists them."


class GeniusViewSet(ProjectViewSet):
    """A resource of the caller's team. ``wrapper`` is the name that one thing has in bodies."""

    authentication_classes = [GeniusAuthentication]
    is_about_people = True
    wrapper: str
    names_user = True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.names_user and "user_id" in request.query_params:
            _ = self.actor  # Whoever is named must be there, whatever is asked.

    @cached_property
    def actor(self) -> int | None:
        """The key of the user in whose name the call is made; None where the team has nobody.

        :raises Invalid: if the call names somebody who is not in the team.
        """
        named = self.request.query_params.get("user_id")
        if named is not None:
            return self.user(named, "user_id")
        first = Member.objects.in_project(self.project).order_by("pk")
        return self.request.auth.created_by_id or first.values_list("user_id", flat=True).first()

    def user(self, named: Any, field: str) -> int:
        """Return the key of the user of the team whose id was sent.

        :raises Invalid: if there is none.
        """
        key = number_in(named)
        members = Member.objects.in_project(self.project)
        if key is None or not members.filter(user=key).exists():
            raise Invalid(Violation(field, "unknown_id", UNKNOWN_USER))
        return key

    def said(self) -> dict[str, Any]:
        """Return the fields that the body says of the thing, whether it wraps them or not.

        :raises Invalid: if it is no object.
        """
        body = self.request.data
        inner = body.get(self.wrapper, body) if isinstance(body, dict) else body
        if not isinstance(inner, dict):
            field = self.wrapper if isinstance(body, dict) else ""
            raise Invalid(Violation(field, "invalid", "Send a JSON object."))
        return inner

    def wrapped(self, thing: Any, ignored: list[str] | None = None, status: int = 200) -> Response:
        """Return the thing as the answer; what had no effect is named beside it."""
        warnings = {"warnings": ignored} if ignored else {}
        return Response({self.wrapper: thing, **warnings}, status)

    def found(self, thing: Any) -> Any:
        """Return the thing that was looked for.

        :raises NotFound: if it is None.
        """
        if thing is None:
            raise NotFound("There is no such thing in this project.")
        return thing


def number_in(value: Any, prefix: str = "") -> int | None:
    """Return the key that a value is: a whole number, its digits, or an id with the prefix."""
    if isinstance(value, str) and prefix and value.startswith(f"{prefix}_"):
        try:
            return ids.decode(prefix, value)
        except ids.PublicIdError:
            return None
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = int(value)
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and 0 < value <= ids.MAX_KEY else None


def ignored_fields(said: dict[str, Any], known: set[str], read_only: set[str]) -> list[str]:
    """Return a sentence for each field that was sent in vain."""
    return [
        f"{name[:64]}: This field is read-only and was ignored."
        if name in read_only
        else f"{name[:64]}: There is no such field; it was ignored."
        for name in said
        if name not in known
    ][:100]
