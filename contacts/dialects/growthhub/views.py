"""``/contacts``: one contact at a time."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from django.utils.timezone import now
from rest_framework.exceptions import ParseError, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.dialects.growthhub import dnd
from contacts.dialects.growthhub.authentication import TokenAuthentication, require_version
from contacts.dialects.growthhub.errors import NotTwice
from contacts.dialects.growthhub.names import (
    DND,
    DND_SETTINGS,
    EMAIL_CHANNEL,
    INACTIVE,
    PERMANENT,
)
from contacts.dialects.growthhub.serializers import (
    ContactSerializer,
    NewContactSerializer,
    TagsSerializer,
    UpsertSerializer,
)
from contacts.dialects.growthhub.shapes import shown
from contacts.models import Contact, Suppression
from contacts.operations.custom_fields import told_traits
from contacts.operations.names import names_of
from contacts.operations.people import EMAIL, PHONE, Conflict
from contacts.operations.tags import retag
from contacts.operations.upserting import (
    Said,
    Taken,
    add_by_address,
    find_owners,
    revise_by_address,
    upsert_by_address,
)
from growth.api.viewsets import ProjectViewSet


class GrowthHubView(ProjectViewSet):
    """What all calls have in common: a token, a version, a location."""

    resource = "contacts"
    is_about_people = True
    authentication_classes = (TokenAuthentication,)
    queryset = Contact.objects.alive().select_related("project", "activity")
    http_method_names = [*ProjectViewSet.http_method_names, "put"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require_version(request, is_optional=self.action == "retrieve")

    def require_location(self, location_id: str | None) -> None:
        """Refuse the id of another location than the token's.

        :raises PermissionDenied: in GrowthHub's words.
        """
        if location_id and location_id != self.project.id:
            raise PermissionDenied("The token does not have access to this location.")


class ContactViewSet(GrowthHubView):
    """Makes, finds and changes contacts."""

    serializer_class = ContactSerializer

    def upsert(self, request: Request) -> Response:
        form = self._new(UpsertSerializer)
        may_duplicate = self.project.allow_duplicate_contacts
        in_any_case = may_duplicate and bool(form.validated_data.get("createNewIfDuplicateAllowed"))
        at = now()
        said = self._said(form, at)
        stored = upsert_by_address(
            self.project,
            said,
            priority=self.project.duplicate_check_priority,
            in_any_case=in_any_case,
            at=at,
        )
        answer = self._heeded(form, said, stored.contact, stored.conflicts)
        return Response({"new": stored.is_new, **answer, "traceId": self._trace_id})

    def create(self, request: Request) -> Response:
        form, at = self._new(NewContactSerializer), now()
        said = self._said(form, at)
        try:
            stored = add_by_address(
                self.project,
                said,
                priority=self.project.duplicate_check_priority,
                may_duplicate=self.project.allow_duplicate_contacts,
                at=at,
            )
        except Taken as taken:
            raise self._not_twice(taken) from None
        answer = self._heeded(form, said, stored.contact, stored.conflicts)
        return Response({**answer, "traceId": self._trace_id}, 201)

    def retrieve(self, request: Request, pk: str) -> Response:
        return Response({"contact": shown(self.get_object()), "traceId": self._trace_id})

    def update(self, request: Request, pk: str) -> Response:
        contact, form, at = self.get_object(), self.checked(), now()
        said = self._said(form, at)
        try:
            revise_by_address(
                contact, said, may_duplicate=self.project.allow_duplicate_contacts, at=at
            )
        except Taken as taken:
            raise self._not_twice(taken) from None
        return Response(_done(**self._heeded(form, said, contact)))

    def destroy(self, request: Request, pk: str) -> Response:
        self.get_object().remove(at=now())
        return Response(_done())

    def add_tags(self, request: Request, pk: str) -> Response:
        contact = self._retagged(add=self._tags())
        return Response({"tags": contact.tags}, 201)

    def remove_tags(self, request: Request, pk: str) -> Response:
        contact = self._retagged(remove=self._tags())
        return Response({"tags": contact.tags})

    def duplicate(self, request: Request) -> Response:
        sent = request.query_params
        if "\0" in "".join(sent.values()):
            raise ParseError("Remove the NUL character.")
        self.require_location(sent.get("locationId"))
        email, number = sent.get("email", ""), sent.get("number", "")
        if not (email or number):
            raise ParseError("Send an email or a number.")
        form = ContactSerializer(data={"email": email, "phone": number})
        form.is_valid(raise_exception=True)
        contact = self._owner(form, (EMAIL, PHONE))
        return Response({"contact": shown(contact) if contact else None})

    @property
    def _trace_id(self) -> str:
        return self.request._request.request_id

    def _new(self, serializer: type[NewContactSerializer]) -> NewContactSerializer:
        form = serializer(data=self.request.data, context=self.get_serializer_context())
        form.is_valid(raise_exception=True)
        self.require_location(form.validated_data.get("locationId"))
        return form

    def _said(self, form: ContactSerializer, at: datetime) -> Said:
        custom = told_traits(self.project, form.entries(), at=at)
        return form.said(self.project, custom, at=at)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "held": cache(self._held)}

    def _held(self) -> dict[str, Any]:
        """Return the traits of the contact that the call is about; none of one that is not there,
        or cannot be told.
        """
        if "pk" in self.kwargs:
            return self.get_object().traits
        sent = {name: self.request.data.get(name) for name in (EMAIL, PHONE)}
        form = ContactSerializer(data=sent)
        contact = self._owner(form, self.project.duplicate_check_priority)
        return contact.traits if contact else {}

    def _owner(self, form: ContactSerializer, priority: Sequence[str]) -> Contact | None:
        """Return the contact that has one of the addresses, the first one by priority."""
        owners = find_owners(self.project, form.addresses()) if form.is_valid() else {}
        key = next((owners[kind] for kind in priority if kind in owners), None)
        return self.get_queryset().filter(pk=key).first() if key else None

    def _heeded(
        self,
        form: ContactSerializer,
        said: Said,
        contact: Contact,
        conflicts: tuple[Conflict, ...] = (),
    ) -> dict[str, Any]:
        """Let mail follow what is said of disturbing; return the contact as the answer."""
        disturbing, status = form.disturbing(), dnd.mail_status(contact.traits)
        is_new_address = "email" in said.addresses and status != INACTIVE
        if contact.email_key and (disturbing or is_new_address):
            Suppression.objects.heed((contact.project_key, contact.email_key), status)
        answer: dict[str, Any] = {"contact": shown(contact)}
        if conflicts:
            answer["conflicts"] = [each.as_dict() for each in conflicts]
        if warnings := self._warnings(disturbing, contact, answer["contact"]):
            answer["warnings"] = warnings
        return answer

    def _warnings(
        self, disturbing: dict[str, Any], contact: Contact, answer: dict[str, Any]
    ) -> list[str]:
        warnings = dnd.refused(contact.traits, disturbing)
        sent = (disturbing.get(DND_SETTINGS) or {}).get(EMAIL_CHANNEL, {}).get("status")
        opens = sent == INACTIVE or (sent is None and disturbing.get(DND, True) in (False, None))
        closed = answer["dndSettings"].get(EMAIL_CHANNEL, {}).get("status") == PERMANENT
        if opens and closed and not warnings:
            warnings.append("dndSettings.Email: It is permanent, and cannot be lifted here.")
        return warnings

    def _not_twice(self, taken: Taken) -> NotTwice:
        contact = Contact.objects.in_project(self.project).get(pk=taken.contact)
        return NotTwice(contact.id, taken.kind, names_of(contact.traits).whole)

    def _tags(self) -> list[str]:
        form = TagsSerializer(data=self.request.data)
        form.is_valid(raise_exception=True)
        return form.validated_data["tags"]

    def _retagged(self, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> Contact:
        contact = self.get_object()
        retag(contact, add=list(add), remove=list(remove), at=now())
        return contact


def _done(**answer: Any) -> dict[str, Any]:
    """Return the answer; its first word is misspelt where clients read it so."""
    return {"succeded": True, "succeeded": True, **answer}
