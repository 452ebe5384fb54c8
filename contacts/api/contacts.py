"""``/v1/contacts``."""

from typing import Any

import orjson
from django.db.models import QuerySet, TextField
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast
from django.http import Http404
from django.utils.timezone import now
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.api.filters import ContactFilter
from contacts.api.records import ContactRecords
from contacts.api.searching import found
from contacts.api.topics import Stances
from contacts.models import Contact, Event, Membership, Merge
from contacts.models.addresses import AddressError, email_key, normalize_email, normalize_phone
from contacts.operations.contacts import upsert_contact
from contacts.operations.merging import merge_contacts, undo_merge
from contacts.operations.tags import retag
from contacts.operations.traits import (
    MAX_IDENTIFIER,
    make_sighting,
    tidy_tags,
    traits_violations,
)
from contacts.profile import profile
from growth.api.fields import InProject, JSONObject, StrictSerializer, Text, refusal
from growth.api.viewsets import Onward
from growth.errors import Invalid, Violation

_TIME = """'YYYY-MM-DD"T"HH24:MI:SS"Z"'"""
_BODY = RawSQL(  # One piece: to put it together of parts takes Django as long as a page of rows.
    f"""json_build_object(
            'email', nullif(contacts_contact.email, ''),
            'external_id', nullif(contacts_contact.external_id, ''),
            'phone', nullif(contacts_contact.phone, ''),
            'traits', contacts_contact.traits,
            'tags', contacts_contact.tags,
            'created_at', to_char(contacts_contact.created_at AT TIME ZONE 'UTC', {_TIME}),
            'updated_at', to_char(contacts_contact.updated_at AT TIME ZONE 'UTC', {_TIME})
        )::text""",
    [],
    output_field=TextField(),
)


def rows(contacts: QuerySet) -> QuerySet:
    """Return the contacts as dicts that hold the JSON which PostgreSQL made of all but the id."""
    written = contacts.annotate(body=_BODY, created_at_text=Cast("created_at", TextField()))
    return written.values("id", "created_at_text", "body")


def shown(row: dict[str, Any]) -> orjson.Fragment:
    """Return a row as lists show it; its JSON passes through without being parsed."""
    return orjson.Fragment(f'{{"id":"{row["id"]}",{row["body"][1:]}')


class ContactSerializer(StrictSerializer):
    """What may be said of a contact."""

    id = serializers.CharField(read_only=True)
    email = Text(required=False, allow_null=True, allow_blank=True, max_length=320)
    external_id = Text(required=False, allow_null=True, allow_blank=True, max_length=MAX_IDENTIFIER)
    phone = Text(required=False, allow_null=True, allow_blank=True, max_length=64)
    traits = JSONObject(required=False)
    tags = serializers.JSONField(required=False)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)
    scores = serializers.JSONField(read_only=True)
    segments = serializers.JSONField(read_only=True)
    consents = serializers.JSONField(read_only=True)
    recent_events = serializers.JSONField(read_only=True)
    referral_stats = serializers.JSONField(read_only=True)

    def validate_email(self, text: str | None) -> str:
        try:
            return normalize_email(text) if text else ""
        except AddressError as error:
            raise serializers.ValidationError(str(error)) from None

    def validate_traits(self, traits: dict) -> dict:
        found = list(traits_violations(traits))
        found += [
            Violation(f"traits.{name}", "invalid", f"Send {name} beside the traits, not in them.")
            for name in ("email", "phone", "external_id")
            if name in traits
        ]
        if found:
            raise refusal("traits", found)
        return traits

    def validate_tags(self, tags: Any) -> list[str]:
        try:
            return tidy_tags(tags)
        except Invalid as error:
            raise refusal("tags", error.violations) from None

    def claims(self) -> dict[str, tuple[str, str]]:
        """Return the identifiers that were sent, as they are written and as they are compared."""
        sent = {
            kind: self.validated_data[kind] or ""
            for kind in ("external_id", "email", "phone")
            if kind in self.validated_data
        }
        number = normalize_phone(sent.get("phone", "")) or ""
        written = sent | ({"phone": number} if number else {})
        compared = sent | {"email": email_key(sent.get("email", "")), "phone": number}
        return {kind: (written[kind], compared[kind]) for kind in sent}


class NewContactSerializer(ContactSerializer):
    """What may be said of a contact that may not be there yet."""

    consent = Stances(required=False)

    def validate(self, data: dict) -> dict:
        if not any(data.get(kind) for kind in ("email", "external_id", "phone")):
            raise serializers.ValidationError("Send an email, an external_id or a phone.")
        return data


class TagsSerializer(StrictSerializer):
    """Tags to put on and to take off."""

    add = serializers.JSONField(default=list)
    remove = serializers.JSONField(default=list)

    def validate_add(self, tags: Any) -> list[str]:
        return tidy_tags(tags, "add")

    def validate_remove(self, tags: Any) -> list[str]:
        return tidy_tags(tags, "remove")

    def validate(self, data: dict) -> dict:
        if both := set(data["add"]) & set(data["remove"]):
            raise serializers.ValidationError(f"Add or remove {min(both)!r}, not both.")
        return data


class SourceSerializer(StrictSerializer):
    """The other contact, which is or becomes part of this one."""

    source_contact_id = InProject(queryset=Contact.objects, source="source")


class MergeSerializer(SourceSerializer):
    """What is merged, and whose values stay where both have one."""

    conflict_resolution = serializers.ChoiceField(
        Merge.Resolution.choices, default=Merge.Resolution.TARGET, source="resolution"
    )


class ContactViewSet(ContactRecords):
    """The people of the project."""

    resource = "contacts"
    queryset = Contact.objects.alive()
    serializer_class = ContactSerializer
    filterset_class = ContactFilter
    keyset = ("-created_at", "-id")

    def list(self, request: Request) -> Response:
        page = self.page_of(rows(self.filter_queryset(self.get_queryset())))
        return self.paginator.get_paginated_response([shown(row) for row in page])

    def read(self, queryset: QuerySet, onward: Onward, count: int) -> list:
        if self.action != "list" or "q" not in self.request.query_params:
            return super().read(queryset, onward, count)
        return found(queryset, onward, count, among=self.get_queryset())

    def create(self, request: Request) -> Response:
        form = NewContactSerializer(data=request.data, context=self.get_serializer_context())
        form.is_valid(raise_exception=True)
        said = {name: value for name, value in form.validated_data.items() if value is not None}
        stances = said.pop("consent", {})
        identified = upsert_contact(self.project, make_sighting(**said), stances, at=now())
        is_new = bool(identified.created)
        contact = Contact.objects.get(pk=identified.contacts[0])
        additions = {
            "created": is_new,
            "conflicts": [conflict.as_dict() for conflict in identified.conflicts[0]],
        }
        return self._profile(contact, form, 201 if is_new else 200, additions)

    def retrieve(self, request: Request, pk: str) -> Response:
        return self._profile(self.get_object())

    def partial_update(self, request: Request, pk: str) -> Response:
        contact = self.get_object()
        form = self.checked()
        data = form.validated_data
        contact.revise(
            traits=data.get("traits"), tags=data.get("tags"), claims=form.claims(), at=now()
        )
        return self._profile(contact, form)

    def destroy(self, request: Request, pk: str) -> Response:
        self.get_object().remove(at=now())
        return Response(status=204)

    @action(detail=True, methods=["post"])
    def tags(self, request: Request, pk: str) -> Response:
        contact = self.get_object()
        form = TagsSerializer(data=request.data, context=self.get_serializer_context())
        form.is_valid(raise_exception=True)
        retag(contact, **form.validated_data, at=now())
        return self._profile(contact)

    @action(detail=True, methods=["post"], serializer_class=MergeSerializer)
    def merge(self, request: Request, pk: str) -> Response:
        contact = self.get_object()
        form = self.checked()
        return self._profile(merge_contacts(target=contact, **form.validated_data, at=now()), form)

    @action(detail=True, methods=["post"], serializer_class=SourceSerializer)
    def unmerge(self, request: Request, pk: str) -> Response:
        contact = self.get_object()
        form = self.checked()
        return self._profile(undo_merge(target=contact, **form.validated_data, at=now()), form)

    @action(detail=True)
    def events(self, request: Request, pk: str) -> Response:
        contact = self.get_object()
        self.keyset = ("-timestamp", "-id")
        page = self.page_of(Event.objects.filter(project=self.project, contact=contact))
        return self.paginator.get_paginated_response([event.as_dict() for event in page])

    @action(detail=True)
    def segments(self, request: Request, pk: str) -> Response:
        contact = self.get_object()
        self.keyset = ("-id",)
        memberships = Membership.objects.filter(project=self.project, contact=contact)
        page = self.page_of(memberships.select_related("segment"))
        return self.paginator.get_paginated_response(
            [
                {
                    "id": membership.segment_id,
                    "name": membership.segment.name,
                    "type": membership.segment.type,
                    "entered_at": membership.entered_at,
                }
                for membership in page
            ]
        )

    def get_object(self) -> Contact:
        try:
            return super().get_object()
        except Http404:
            self._tell_of_merge()
            raise

    def _tell_of_merge(self) -> None:
        merged = Contact.objects.in_project(self.project).filter(
            pk=self.kwargs["pk"], merged_into__isnull=False
        )
        if into := merged.values_list("merged_into_id", flat=True).first():
            error = NotFound("This contact was merged into another.")
            error.details = [{"merged_into": into}]
            raise error

    def _profile(
        self,
        contact: Contact,
        form: StrictSerializer | None = None,
        status: int = 200,
        additions: dict[str, Any] | None = None,
    ) -> Response:
        data = profile(contact, at=now()) | (additions or {})
        if form and form.warnings:
            data["warnings"] = form.warnings
        return Response(data, status)
