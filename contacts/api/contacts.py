"""``/v1/contacts``."""

from functools import partial
from typing import Any

import orjson
from django.db.models import QuerySet
from django.http import Http404
from django.utils.timezone import now
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.api.batch import listed, store_batch, told_of
from contacts.api.filters import ContactFilter, chosen_events
from contacts.api.records import ContactRecords
from contacts.api.topics import Stances
from contacts.listing import NEWEST_FIRST, ContactRow, contact_rows, worded_rows
from contacts.models import Contact, Event, Membership, Merge
from contacts.models.addresses import AddressError, email_key, normalize_email, normalize_phone
from contacts.models.identity import NO_PERSON, names_nobody
from contacts.operations.contacts import upsert_contacts
from contacts.operations.merging import merge_contacts, undo_merge
from contacts.operations.people import Sighting
from contacts.operations.tags import retag
from contacts.operations.traits import (
    MAX_IDENTIFIER,
    make_sighting,
    tidy_tags,
    traits_violations,
)
from contacts.profile import profile
from growth.api.fields import InProject, JSONObject, StrictSerializer, Text, refusal
from growth.errors import Invalid, Violation


def shown(row: ContactRow) -> orjson.Fragment:
    """Return a row as lists show it; its JSON passes through without being parsed."""
    created_at, public_id, updated_at, body = row
    return orjson.Fragment(
        f'{{"id":"{public_id}",{body},"created_at":"{created_at[:10]}T{created_at[11:19]}Z",'
        f'"updated_at":"{updated_at[:10]}T{updated_at[11:19]}Z"}}'
    )


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
    waitlists = serializers.JSONField(read_only=True)

    def validate_external_id(self, text: str | None) -> str | None:
        if text and names_nobody(text):
            raise serializers.ValidationError(NO_PERSON, "blocked")
        return text

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

    def sighting(self) -> Sighting:
        """Return what is said of the contact."""
        said = {name: value for name, value in self.validated_data.items() if value is not None}
        stances = said.pop("consent", {})
        return make_sighting(**said)._replace(stances=stances)


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
    is_about_people = True
    queryset = Contact.objects.alive()
    serializer_class = ContactSerializer
    filterset_class = ContactFilter
    keyset = NEWEST_FIRST

    def list(self, request: Request) -> Response:
        filters = self.sent_filters
        filtered = self.filter_queryset(self.queryset) if filters else None
        rows = worded_rows if "q" in filters else contact_rows
        fetch = partial(rows, self.project, filtered)
        page = self.paginator.paginate(fetch, request, self.keyset)
        return self.paginator.get_paginated_response([shown(row) for row in page])

    def create(self, request: Request) -> Response:
        form = NewContactSerializer(data=request.data, context=self.get_serializer_context())
        form.is_valid(raise_exception=True)
        [outcome] = upsert_contacts(self.project, [form.sighting()], at=now())
        if outcome.violations:
            raise Invalid(*outcome.violations)
        contact = Contact.objects.get(pk=outcome.contact)
        return self._profile(contact, form, 201 if outcome.is_new else 200, told_of(outcome))

    @action(detail=False, methods=["post"])
    def batch(self, request: Request) -> Response:
        context = self.get_serializer_context()
        forms = [NewContactSerializer(data=item, context=context) for item in listed(request.data)]
        return Response({"items": store_batch(self.project, forms, at=now())})

    def retrieve(self, request: Request, pk: str) -> Response:
        return self._profile(self.get_object())

    def partial_update(self, request: Request, pk: str) -> Response:
        form = self.checked()  # Before the lock: a body comes as slowly as its sender likes.
        data = form.validated_data
        contact = self.get_object()
        contact.revise(
            traits=data.get("traits"),
            tags=data.get("tags"),
            claims=form.claims(),
            is_locked=True,
            at=now(),
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
        events = Event.objects.filter(project=self.project, contact=contact)
        page = self.page_of(chosen_events(events, request), "event", "from", "to")
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

    def get_queryset(self) -> QuerySet:
        found = super().get_queryset()
        return found.select_for_update() if self.action == "partial_update" else found

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
