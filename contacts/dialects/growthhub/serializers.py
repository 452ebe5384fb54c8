"""What may be said of a contact."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from rest_framework import serializers

from contacts.dialects.growthhub import dnd
from contacts.dialects.growthhub.names import (
    ATTRIBUTIONS,
    DND,
    DND_SETTINGS,
    INBOUND_DND,
    STATUSES,
    TRAITS,
)
from contacts.dialects.growthhub.values import read_country, read_day, read_zone
from contacts.models.addresses import AddressError, email_key, normalize_email, normalize_phone
from contacts.operations.accounts import MAX_COMPANY, employed
from contacts.operations.custom_fields import Entry
from contacts.operations.names import MAX_NAME, PARTS, renamed
from contacts.operations.traits import tidy_tags, traits_violations
from contacts.operations.upserting import Said
from growth.api.fields import JSONObject, StrictSerializer, Text, refusal
from growth.errors import Invalid
from growth.models import Project

MAX_TEXT = 2_000
MAX_ENTRIES = 500
_NAMES = frozenset((*PARTS, "name"))
_VALUES = ("fieldValue", "field_value", "value")


class Words(Text):
    """A text or null; an empty one says as much as null."""

    def __init__(self, max_length: int = MAX_TEXT, **options: Any) -> None:
        super().__init__(
            required=False, allow_null=True, allow_blank=True, max_length=max_length, **options
        )


class Spelled(Words):
    """A text in one of the spellings that ``read`` knows, or what the contact has for it already:
    another door may have other spellings, and what was read may be sent back.
    """

    def __init__(self, read: Callable[[str], str]) -> None:
        self._read = read
        super().__init__()

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        try:
            return self._read(text) if text else ""
        except ValueError as error:
            if text == self.context["held"]().get(TRAITS[str(self.field_name)]):
                return text
            raise serializers.ValidationError(str(error)) from None


class Flag(serializers.BooleanField):
    """True or false; null says as much as false."""

    def __init__(self) -> None:
        super().__init__(required=False, allow_null=True)


class Channel(StrictSerializer):
    """How one channel stands."""

    status = serializers.ChoiceField(STATUSES)
    message = Words()
    code = Words()


class Channels(StrictSerializer):
    """All channels."""

    Call = Channel(required=False)
    Email = Channel(required=False)
    SMS = Channel(required=False)
    WhatsApp = Channel(required=False)
    GMB = Channel(required=False)
    FB = Channel(required=False)


class Inbound(StrictSerializer):
    """What comes in: it stands for all channels or for none."""

    status = serializers.ChoiceField(STATUSES[:2])
    message = Words()


class AllInbound(StrictSerializer):
    """The one setting of what comes in."""

    all = Inbound(required=False)


class Attribution(JSONObject):
    """Where a person came from; one name has two spellings."""

    def to_internal_value(self, data: Any) -> dict:
        said = dict(super().to_internal_value(data))
        if "msclikid" in said:
            said.setdefault("msclickid", said.pop("msclikid"))
        return said


class CustomFieldSerializer(StrictSerializer):
    """The value of one field, named by its id, its key, or both."""

    id = Words(100)
    key = Words(200)
    field_value = serializers.JSONField(required=False, allow_null=True)
    fieldValue = serializers.JSONField(required=False, allow_null=True)
    value = serializers.JSONField(required=False, allow_null=True)

    def validate(self, data: dict) -> dict:
        if not (data.get("id") or data.get("key")):
            raise serializers.ValidationError("Each custom field needs an id or a key.")
        if not any(name in data for name in _VALUES):
            raise serializers.ValidationError("Each custom field needs a field_value.")
        return data


class ContactSerializer(StrictSerializer):
    """What a client may say of a contact that is there."""

    firstName = Words(MAX_NAME)
    lastName = Words(MAX_NAME)
    name = Words(MAX_NAME)
    email = Words(320)
    phone = Words(64)
    address1 = Words()
    city = Words()
    state = Words()
    postalCode = Words()
    website = Words()
    timezone = Spelled(read_zone)
    dnd = Flag()
    dndSettings = Channels(required=False, allow_null=True)
    inboundDndSettings = AllInbound(required=False, allow_null=True)
    tags = serializers.JSONField(required=False, allow_null=True)
    customFields = CustomFieldSerializer(
        many=True, required=False, allow_null=True, max_length=MAX_ENTRIES
    )
    source = Words()
    dateOfBirth = Spelled(read_day)
    country = Spelled(read_country)
    companyName = Words(MAX_COMPANY)
    assignedTo = Words()
    attributionSource = Attribution(required=False, allow_null=True)
    lastAttributionSource = Attribution(required=False, allow_null=True)

    def validate_email(self, text: str | None) -> str:
        try:
            return normalize_email(text) if text else ""
        except AddressError:
            raise serializers.ValidationError("must be an email") from None

    def validate_tags(self, tags: Any) -> list[str]:
        try:
            return tidy_tags(tags or [] if tags is None else tags)
        except Invalid as error:
            raise refusal("tags", error.violations) from None

    def validate_customFields(self, entries: list | None) -> list:
        if None in (entries or []):
            raise serializers.ValidationError("must hold objects")
        return entries or []

    def entries(self) -> list[Entry]:
        """Return what is said of custom fields."""
        return [
            Entry(
                path=f"customFields[{index}].field_value",
                code=each.get("id") or "",
                key=each.get("key") or "",
                value=next(each[name] for name in _VALUES if name in each),
            )
            for index, each in enumerate(self.validated_data.get("customFields", []))
        ]

    def said(self, project: Project, custom: Mapping[str, Any], *, at: datetime) -> Said:
        """Return what is said of the contact; ``custom`` are the traits of its custom fields."""
        sent = self.validated_data
        told = {trait: sent[name] or None for name, trait in TRAITS.items() if name in sent}
        company = told.pop("company_name", None)
        working = employed(project, company, at=at) if "companyName" in sent else None
        plain = {name: value for name, value in told.items() if name not in _NAMES}
        plain |= {trait: sent[name] for name, trait in ATTRIBUTIONS.items() if name in sent}
        if "inboundDndSettings" in sent:
            plain[INBOUND_DND] = sent["inboundDndSettings"]
        named = {name: value for name, value in told.items() if name in _NAMES}
        disturbing = self.disturbing()

        def patch(traits: Mapping[str, Any]) -> dict[str, Any]:
            told = plain | custom | renamed(traits, named) | dnd.patched(traits, disturbing)
            told |= working(traits) if working else {}
            if found := list(traits_violations(told, "contact")):
                raise Invalid(*found)
            return told

        return Said(self.addresses(), patch, sent.get("tags"))

    def disturbing(self) -> dict[str, Any]:
        """Return what is said of disturbing the person."""
        names = {"dnd": DND, "dndSettings": DND_SETTINGS}
        sent = self.validated_data
        return {trait: sent[name] for name, trait in names.items() if name in sent}

    def addresses(self) -> dict[str, tuple[str, str]]:
        """Return the addresses that were sent, as they are written and as they are compared."""
        sent, said = self.validated_data, {}
        if "email" in sent:
            said["email"] = (sent["email"] or "", email_key(sent["email"] or ""))
        if "phone" in sent:
            text = sent["phone"] or ""
            number = (normalize_phone(text) if text else None) or ""
            said["phone"] = (number or text, number)
        return said


class NewContactSerializer(ContactSerializer):
    """What may be said of a contact that may not be there yet."""

    locationId = Words(64)
    gender = Words()

    def validate(self, data: dict) -> dict:
        if not (data.get("email") or data.get("phone")):
            raise serializers.ValidationError("Send an email or a phone.")
        return data


class UpsertSerializer(NewContactSerializer):
    """What may be said of a contact, and whether there may be two of it."""

    createNewIfDuplicateAllowed = Flag()


class TagsSerializer(StrictSerializer):
    """Tags to put on, or to take off."""

    tags = serializers.JSONField()

    def validate_tags(self, tags: Any) -> list[str]:
        return tidy_tags(tags)
