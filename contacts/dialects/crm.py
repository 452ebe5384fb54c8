"""A small CRM's contacts API at ``/crm/contacts``: one path, told apart by method and fields."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import MD5, Coalesce, Lower
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import path
from django.utils.timezone import now
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.models import Contact
from contacts.models.addresses import AddressError, email_key, normalize_email, normalize_phone
from contacts.models.contact import DIGITS, NOTES
from contacts.models.search import words_of
from contacts.operations.accounts import MAX_COMPANY, employed
from contacts.operations.names import MAX_NAME, PARTS, company_of, names_of, renamed
from contacts.operations.people import EMAIL
from contacts.operations.traits import traits_violations
from contacts.operations.upserting import (
    Said,
    Taken,
    revise_by_address,
    upsert_by_address,
)
from growth.api.authentication import KeyAuthentication
from growth.api.errors import STATUS, speak
from growth.api.fields import Text
from growth.api.viewsets import ProjectViewSet
from growth.errors import Conflict, Invalid, Violation
from growth.ids import MAX_KEY
from growth.models import Project

MAX_FOUND = 1000
DELETED = "Document deleted successfully"
_TRAITS = {
    "first_name": "first_name",
    "last_name": "last_name",
    "name": "name",
    "company": "company_name",
    "job_title": "title",
    "notes": "notes",
}
_SAID_AS = {"company": ("company_name", "company"), "job_title": ("title", "title")}
_NAMES = frozenset((*PARTS, "name"))
_FIELDS = ("first_name", "last_name", "name", "email", "phone", "company", "job_title", "notes")
_ID = re.compile(r"[0-9]{1,20}")
_HUMP = re.compile(r"(?<=[a-z])([A-Z]+)")


class Phone(serializers.Field):
    """A number as a text or as an integer; kept as a text."""

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, bool) or not isinstance(data, str | int) or len(str(data)) > 64:
            raise serializers.ValidationError("Send a phone as a text of 64 characters at most.")
        return str(data).strip()


class FieldsSerializer(serializers.Serializer):
    """The fields of a contact; others are ignored."""

    first_name = Text(required=False, allow_null=True, allow_blank=True, max_length=MAX_NAME)
    last_name = Text(required=False, allow_null=True, allow_blank=True, max_length=MAX_NAME)
    name = Text(required=False, allow_null=True, allow_blank=True, max_length=MAX_NAME)
    email = Text(required=False, max_length=320)
    phone = Phone(required=False, allow_null=True)
    company = Text(required=False, allow_null=True, allow_blank=True, max_length=MAX_COMPANY)
    job_title = Text(required=False, allow_null=True, allow_blank=True, max_length=MAX_NAME)
    notes = Text(required=False, allow_null=True, allow_blank=True, max_length=20_000)

    def validate_email(self, text: str) -> str:
        try:
            return normalize_email(text)
        except AddressError as error:
            raise serializers.ValidationError(str(error)) from None

    def said(self, project: Project, at: datetime) -> Said:
        """Return what is said of the contact."""
        sent = self.validated_data
        told = {trait: sent[name] or None for name, trait in _TRAITS.items() if name in sent}
        named = {name: value for name, value in told.items() if name in _NAMES}
        company = told.pop("company_name", None)
        plain = {name: value for name, value in told.items() if name not in _NAMES}
        working = employed(project, company, at=at) if "company" in sent else None

        def patch(traits: Mapping[str, Any]) -> dict[str, Any]:
            whole = plain | renamed(traits, named)
            whole |= working(traits) if working else {}
            if found := list(traits_violations(whole, "fields")):
                raise Invalid(*found)
            return whole

        addresses = {}
        if "email" in sent:
            addresses["email"] = (sent["email"], email_key(sent["email"]))
        if "phone" in sent:
            text = sent["phone"] or ""
            number = (normalize_phone(text) if text else None) or ""
            addresses["phone"] = (number or text, number)
        return Said(addresses, patch)


class NewContactSerializer(FieldsSerializer):
    """The fields of a contact that is made."""

    first_name = Text(max_length=MAX_NAME)
    email = Text(max_length=320)


class CrmKeyAuthentication(KeyAuthentication):
    """A secret key as ``x-api-key``."""

    def read_key(self, request: Request) -> str:
        return request.headers.get("X-Api-Key", "").strip()

    def authenticate_header(self, request: Request) -> str:
        return 'ApiKey realm="growth"'


class CrmView(ProjectViewSet):
    """Makes, finds, edits and deletes contacts."""

    resource = "contacts"
    is_about_people = True
    authentication_classes = (CrmKeyAuthentication,)
    queryset = Contact.objects.alive().select_related("project")

    def create(self, request: Request) -> Response:
        sent = _snaked(request.data)
        return self._edited(sent) if "contact_id" in sent else self._made(sent)

    def edit(self, request: Request) -> Response:
        return self._edited(_snaked(request.data))

    def list(self, request: Request) -> Response:
        body = _snaked(request.data) if request._request.body else {}
        sent = body | _snaked(request.query_params.dict())
        found = list(_found(self.get_queryset(), *_wanted(sent))[:MAX_FOUND])
        if not found:
            raise NotFound("No contact matches this search.")
        return Response({"id": _id(found[0]), "contacts": [_shown(each) for each in found]})

    def destroy(self, request: Request) -> HttpResponseBase:
        sent = _snaked(request.data) | _snaked(request.query_params.dict())
        self._named(sent).remove(at=now())
        if _takes_json_only(request._request):
            return Response(DELETED)
        return HttpResponse(DELETED, content_type="text/plain; charset=utf-8")

    def _made(self, sent: dict[str, Any]) -> Response:
        form = NewContactSerializer(data=sent)
        form.is_valid(raise_exception=True)
        at = now()
        said = form.said(self.project, at)
        stored = upsert_by_address(self.project, said, priority=(EMAIL,), at=at)
        kept = [
            f"{each.kind}: Another contact has it; it stays there." for each in stored.conflicts
        ]
        return Response({"id": _id(stored.contact), **({"warnings": kept} if kept else {})})

    def _edited(self, sent: dict[str, Any]) -> Response:
        contact = self._named(sent)
        fields = sent.get("update_fields", {n: v for n, v in sent.items() if n != "contact_id"})
        if not isinstance(fields, dict) or not fields:
            message = "Send an object of the fields to change."
            raise Invalid(Violation("update_fields", "required", message))
        form = FieldsSerializer(data=_snaked(fields))
        form.is_valid(raise_exception=True)
        at = now()
        said = form.said(self.project, at)
        try:
            revise_by_address(contact, said, may_duplicate=False, at=at)
        except Taken as taken:
            raise Conflict(f"{taken.kind}: Another contact has it; delete or edit that.") from None
        return Response({"id": _id(contact)})

    def _named(self, sent: dict[str, Any]) -> Contact:
        number = sent.get("contact_id")
        text = str(number) if isinstance(number, str | int) else ""
        if not text:
            raise Invalid(Violation("contact_id", "required", "Send the id of a contact."))
        is_key = bool(_ID.fullmatch(text)) and int(text) <= MAX_KEY
        contact = self.get_queryset().filter(pk=int(text)).first() if is_key else None
        if contact is None:
            raise NotFound("There is no contact of this id.")
        return contact


def tell(request: HttpRequest, code: str, message: str, details: list[dict]) -> tuple[int, dict]:
    """Return status and body of an error: one word for programs, and all sentences for people."""
    if code == "validation_error":
        code = "bad_request"
        message = " ".join(_sentence(each) for each in details)
    return STATUS[code], {"error": code, "message": message}


def _sentence(violation: dict[str, str]) -> str:
    field = violation.get("field")
    return f"{field}: {violation['message']}" if field else violation["message"]


def _wanted(sent: dict[str, Any]) -> tuple[str, str]:
    """Return the field and the term that are searched for.

    :raises Invalid: if one of them is missing, or is none.
    """
    wrong = []
    name, term = sent.get("searchby"), sent.get("search")
    snaked = _HUMP.sub(r"_\1", name).lower() if isinstance(name, str) else ""
    if snaked not in _FIELDS:
        message = f"Send a field of {', '.join(_FIELDS)}."
        wrong.append(Violation("searchby", "invalid", message))
    is_term = isinstance(term, str | int) and not isinstance(term, bool)
    text = str(term).strip() if is_term else ""
    if not text or "\0" in text or len(text) > 2000:
        wrong.append(Violation("search", "invalid", "Send a term to search by."))
    if wrong:
        raise Invalid(*wrong)
    return snaked, text


def _found(contacts: QuerySet[Contact], name: str, term: str) -> QuerySet[Contact]:
    """Return those whose field is the term, in any case; newest first."""
    newest = contacts.order_by("-created_at", "-id")
    if name == "email":
        return newest.filter(email_key=term.lower())
    if name == "phone":
        digits = re.sub(r"\D", "", term)
        alike = newest.alias(digits=DIGITS).exclude(phone="").filter(digits=digits)
        return alike if digits else newest.none()
    if name in _NAMES:
        return _called(newest, name, term)
    if name == "notes":
        noted = newest.filter(traits__has_key="notes").alias(held=NOTES)
        return noted.filter(held=MD5(Lower(Value(term))))
    # A company has two names in traits; what one of them says is a word of the same index.
    traits = [KeyTextTransform(trait, "traits") for trait in _SAID_AS[name]]
    held = Lower(Coalesce(*traits))
    return _worded(newest, term).alias(held=held).filter(held=Lower(Value(term)))


def _called(contacts: QuerySet[Contact], name: str, term: str) -> QuerySet[Contact]:
    """Return those of this name: what a contact is called may follow from its other names."""
    place = {"first_name": 0, "last_name": 1, "name": 2}[name]
    near = _worded(contacts, term)
    keys = [
        contact.key
        for contact in near.select_related(None).only("id", "traits")[: 10 * MAX_FOUND]
        if names_of(contact.traits)[place].lower() == term.lower()
    ]
    return contacts.filter(pk__in=keys[:MAX_FOUND])


def _worded(contacts: QuerySet[Contact], term: str) -> QuerySet[Contact]:
    """Return those that may be meant, by the index of words; it holds the beginning of a field."""
    words = words_of(term[:200])
    words = words[:-1] if len(term) > 200 else words
    return contacts.having(words[:20]) if words else contacts


def _shown(contact: Contact) -> dict[str, Any]:
    names, traits = names_of(contact.traits), contact.traits
    return {
        "id": _id(contact),
        "first_name": names.first or None,
        "last_name": names.last or None,
        "name": names.whole or None,
        "email": contact.email or None,
        "phone": contact.phone or None,
        "company": company_of(traits) or None,
        "job_title": traits.get("title"),
        "notes": traits.get("notes"),
    }


def _id(contact: Contact) -> str:
    return f"{contact.key:020}"


def _snaked(sent: Any) -> dict[str, Any]:
    """Return the fields in snake_case.

    :raises Invalid: if they are no object.
    """
    if not isinstance(sent, dict):
        raise Invalid(Violation("", "invalid", "Send a JSON object."))
    return {_HUMP.sub(r"_\1", name).lower(): value for name, value in sent.items()}


def _takes_json_only(request: HttpRequest) -> bool:
    return not request.accepts("text/plain") and request.accepts("application/json")


speak("/crm", tell)

_ROUTES = {
    "crm/contacts": {"post": "create", "get": "list", "delete": "destroy"},
    "crm/contacts/edit": {"post": "edit"},
}
urlpatterns = [
    path(route + end, CrmView.as_view(actions))
    for route, actions in _ROUTES.items()
    for end in ("", "/")
]
