"""What may be said of waitlists and entries."""

from typing import Any
from urllib.parse import urlsplit

from rest_framework import serializers

from contacts.api.commands import MAX_CODE
from contacts.models.addresses import AddressError, normalize_email
from contacts.models.traits import traits_violations
from growth.api.fields import JSONObject, StrictSerializer, Text, refusal
from waitlists.operations.deciding import MOST
from waitlists.operations.waitlists import MAX_SLUG

MAX_BOOST = 1_000_000
_SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*\Z"
_TEMPLATE_CODE = r"^[a-z][a-z0-9_]{1,63}\Z"


class Slug(serializers.RegexField):
    """A slug, which no id looks like."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class TemplateCode(Slug):
    """The code of a template, which may be written later."""

    def __init__(self, **options: Any) -> None:
        message = "Send the id of a template, such as tmpl_welcome."
        super().__init__(
            _TEMPLATE_CODE, required=False, error_messages={"invalid": message}, **options
        )


class Boost(serializers.IntegerField):
    """A whole number, sent as one."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """True or false, and no word for it."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class PageURL(Text):
    """The address of a page of the customer's; empty or null for none."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            required=False, allow_blank=True, allow_null=True, max_length=2000, **options
        )

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        return (True, "") if data is None else super().validate_empty_values(data)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        try:
            parts = urlsplit(text)
            is_page = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            is_page = False
        if text and (not is_page or not text.isascii() or " " in text or not text.isprintable()):
            message = "Send the address of a page, such as https://example.com/early-access."
            raise serializers.ValidationError(message, "invalid")
        return text


class WaitlistSerializer(StrictSerializer):
    """A waitlist, as it is made and revised."""

    id = serializers.CharField(read_only=True)
    name = Text(max_length=200)
    slug = Slug(
        _SLUG,
        required=False,
        max_length=MAX_SLUG,
        error_messages={"invalid": "Use small letters, digits and single hyphens in between."},
    )
    referral_boost = Boost(required=False, min_value=0, max_value=MAX_BOOST)
    auto_approve = Flag(required=False)
    require_verification = Flag(required=False)
    open = Flag(required=False, source="is_open")
    welcome_email_template_id = TemplateCode(source="welcome_template_code")
    invite_email_template_id = TemplateCode(source="invite_template_code")
    landing_url = PageURL()
    invite_url = PageURL()
    url = serializers.CharField(read_only=True)
    total_entries = serializers.IntegerField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)


class JoiningSerializer(StrictSerializer):
    """Who is to be on a list."""

    email = Text(max_length=320)
    traits = JSONObject(required=False)
    referral_code = Text(required=False, allow_null=True, allow_blank=True, max_length=MAX_CODE)

    def validate_email(self, text: str) -> str:
        try:
            return normalize_email(text)
        except AddressError as error:
            raise serializers.ValidationError(str(error), "invalid") from None

    def validate_traits(self, traits: dict[str, Any]) -> dict[str, Any]:
        if violations := list(traits_violations(traits)):
            raise refusal("traits", violations)
        return traits


class StrangerSerializer(JoiningSerializer):
    """Who asks for a place; ``website`` is a field that people do not see."""

    website = Text(required=False, allow_blank=True, allow_null=True, max_length=500)
    writeKey = Text(required=False, max_length=200)  # as clients send it


class BatchSerializer(StrictSerializer):
    """How many are to be let in."""

    count = Boost(min_value=1, max_value=MOST)
    order = serializers.ChoiceField([("position", "position")], required=False)
