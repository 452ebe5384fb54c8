"""The base of every management view: one project, one scope a request, one shape of a page."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Model, QuerySet
from rest_framework.exceptions import NotFound, ParseError, ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from growth import ids
from growth.api.audit import audited
from growth.api.fields import StrictSerializer
from growth.api.idempotency import answered_once
from growth.api.permissions import scope
from growth.models import Project, ProjectModel


class ProjectViewSet(GenericViewSet):
    """Shows and changes one resource of the caller's project.

    ``resource`` names the scopes; ``reading_actions`` are POSTs that change nothing; ``keyset`` is
    the order of the list. ``is_single`` says that the project has one of it; ``is_about_people``
    keeps values out of the audit log, and ``secret_actions`` answer with what is shown once.

    What changes something runs in one transaction with its audit entry and its kept answer.
    """

    resource: str
    reading_actions: tuple[str, ...] = ()
    secret_actions: tuple[str, ...] = ()
    is_about_people = False
    is_single = False
    keyset: tuple[str, ...] = ("-id",)
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method in SAFE_METHODS or self.action in (None, *self.reading_actions):
            return
        name = request.method.lower()
        handler = audited(self, getattr(self, name))
        keeps_answer = self.action not in self.secret_actions
        setattr(self, name, answered_once(handler, keeps_answer=keeps_answer))

    @property
    def project(self) -> Project:
        """The project of the key that calls."""
        return self.request.auth.project

    def scope_for(self, request: Request) -> str:
        """Return the scope that this request needs."""
        return scope(self.resource, request.method, reads=self.action in self.reading_actions)

    def get_queryset(self) -> QuerySet:
        return super().get_queryset().in_project(self.project)

    @property
    def sent_filters(self) -> set[str]:
        """The names of the query parameters that choose rows."""
        return self.request.query_params.keys() - {"limit", "cursor"}

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        sent = self.sent_filters
        if self.action != "list" or not sent:
            return queryset  # To make filters costs as much as a page of rows.
        filters = getattr(self, "filterset_class", None)
        if filters:
            self._refuse_other_parameters(filters.base_filters)
        try:
            return super().filter_queryset(queryset)
        except ValidationError as refusal:
            name, messages = next(iter(refusal.detail.items()))
            raise ParseError(f"{name}: {messages[0]}") from None

    def get_object(self) -> Any:
        require_spelling(self.queryset.model, self.kwargs[self.lookup_field])
        thing = super().get_object()
        if isinstance(thing, ProjectModel):
            thing.project = self.project  # It was read with the key.
        return thing

    def checked(self, **options: Any) -> Any:
        """Return the serializer of this action, holding the valid body of the request."""
        form = self.get_serializer(data=self.request.data, **options)
        form.is_valid(raise_exception=True)
        return form

    def refuse_body(self) -> None:
        """Refuse whatever the body says: to this action nothing can be said."""
        StrictSerializer(data=self.request.data).is_valid(raise_exception=True)

    def shown(self, thing: Any, status: int = 200, **additions: Any) -> Response:
        """Return the thing as the answer."""
        present = {name: value for name, value in additions.items() if value}
        return Response({**self.get_serializer(thing).data, **present}, status)

    def page_of(self, queryset: QuerySet, *filters: str) -> list:
        """Return the page of the queryset that the request asks for.

        :param filters: the names of the parameters by which the queryset was chosen.
        :raises ParseError: if the request has others.
        """
        self._refuse_other_parameters(filters)
        return self.paginator.paginate_queryset(queryset, self.request, self)

    def _refuse_other_parameters(self, filters: Iterable[str]) -> None:
        if unknown := sorted(self.sent_filters - set(filters)):
            known = ", ".join(["limit", "cursor", *filters])
            raise ParseError(f"{unknown[0]}: There is no such parameter; there are {known}.")


def require_spelling(model: type[Model], public_id: str) -> None:
    """Refuse what cannot be an id of the model, without asking the database.

    :raises NotFound: if the prefix or the alphabet is wrong.
    """
    try:
        ids.decode(model._meta.pk.prefix, public_id)
    except ids.PublicIdError:
        raise NotFound("There is no such thing in this project.") from None
