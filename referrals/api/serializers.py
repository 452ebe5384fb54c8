"""What may be said of programs, links and conversions."""

from typing import Any
from urllib.parse import urlsplit

from rest_framework import serializers

from contacts.models import Contact, Segment
from growth.api.fields import InProject, JSONObject, StrictSerializer, Text
from referrals.models import Link, Program
from referrals.models.link import MAX_CODE
from referrals.models.money import MAX_AMOUNT, to_minor

MAX_EVENT_NAME = 256
MAX_TIERS = 50
_TEMPLATE_CODE = r"^[a-z][a-z0-9_]{1,63}\Z"


class Whole(serializers.IntegerField):
    """A whole number; unlike its base it takes no text or boolean for one."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)


class Amount(serializers.Field):
    """An amount of money, or of whatever is given, as a number."""

    default_error_messages = {"invalid": f"Send a number from 0 to {MAX_AMOUNT}."}

    def to_internal_value(self, data: Any) -> int | float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        if not 0 <= data <= MAX_AMOUNT:
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class Currency(serializers.RegexField):
    """A currency by its code of three capital letters, or none."""

    default_error_messages = {"invalid": "Send a code of three capital letters, such as USD."}

    def __init__(self) -> None:
        super().__init__(r"^[A-Z]{3}\Z", required=False, allow_blank=True, allow_null=True)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class RefereeRewardSerializer(StrictSerializer):
    """What the referred person gets."""

    type = Text(max_length=40, required=False)
    amount = Amount(required=False)
    currency = Currency()
    description = Text(max_length=500, required=False)

    def validate(self, data: dict) -> dict:
        return _exact(data, "amount", data.get("currency") or "")


class TierSerializer(StrictSerializer):
    """What is reached with so many conversions."""

    referrals = Whole(min_value=1, max_value=1_000_000)
    bonus = Amount(required=False)
    name = Text(max_length=40, required=False)


class LimitsSerializer(StrictSerializer):
    """How much of it there is."""

    max_referrals_per_contact = Whole(
        min_value=1, max_value=1_000_000, required=False, allow_null=True
    )
    conversion_window_days = Whole(min_value=1, max_value=3650, required=False, allow_null=True)
    hold_days = Whole(min_value=0, max_value=365, required=False, allow_null=True)
    max_conversions_per_hour = Whole(
        min_value=1, max_value=1_000_000, required=False, allow_null=True
    )


class Tiers(serializers.Field):
    """A list of tiers, kept as it was sent."""

    default_error_messages = {
        "invalid": "Send a list of objects with referrals and bonus.",
        "too_many": f"A program has {MAX_TIERS} tiers at most.",
        "twice": "Two tiers need the same number of referrals; give each its own.",
    }

    def to_internal_value(self, data: Any) -> list[dict[str, Any]]:
        if not isinstance(data, list):
            self.fail("invalid")
        if len(data) > MAX_TIERS:
            self.fail("too_many")
        form = TierSerializer(data=data, many=True)
        form.is_valid(raise_exception=True)
        if len({tier["referrals"] for tier in form.validated_data}) < len(data):
            self.fail("twice")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class ProgramSerializer(StrictSerializer):
    """A program."""

    id = serializers.CharField(read_only=True)
    name = Text(max_length=200)
    status = serializers.ChoiceField(Program.Status.choices, required=False)
    reward_type = Text(max_length=40, required=False)
    reward_amount = Amount(required=False)
    reward_currency = Currency()
    referee_reward = JSONObject(required=False, allow_null=True)
    tiers = Tiers(required=False)
    limits = JSONObject(required=False)
    conversion_event = Text(
        max_length=MAX_EVENT_NAME, required=False, allow_blank=True, allow_null=True
    )
    landing_url = Text(max_length=2000, required=False, allow_blank=True, allow_null=True)
    template_id = serializers.RegexField(_TEMPLATE_CODE, source="template_code", required=False)
    stats = serializers.JSONField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def validate_reward_currency(self, code: str | None) -> str:
        return code or ""

    def validate_conversion_event(self, name: str | None) -> str:
        if name and name.startswith("$referral"):
            raise serializers.ValidationError(
                "A program's own events do not convert; name one of yours."
            )
        return name or ""

    def validate_referee_reward(self, reward: dict | None) -> dict | None:
        if reward is not None:
            RefereeRewardSerializer(data=reward).is_valid(raise_exception=True)
        return reward

    def validate_limits(self, limits: dict) -> dict:
        LimitsSerializer(data=limits).is_valid(raise_exception=True)
        return limits

    def validate_landing_url(self, text: str | None) -> str:
        if not text:
            return ""
        try:
            parts = urlsplit(text)
            is_address = parts.scheme in ("https", "http") and bool(parts.hostname)
        except ValueError:
            is_address = False
        if not is_address or not text.isprintable() or " " in text or "\\" in text:
            message = "Send the address of a page, such as https://example.com/welcome."
            raise serializers.ValidationError(message)
        return text

    def validate(self, data: dict) -> dict:
        known = self.instance
        currency = data.get("reward_currency", known.reward_currency if known else "")
        amount = data.get("reward_amount", known.reward_amount if known else 0)
        _exact({"reward_amount": amount}, "reward_amount", currency)
        for tier in data.get("tiers", known.tiers if known else []):
            try:
                to_minor(tier.get("bonus") or 0, currency)
            except ValueError as error:
                raise serializers.ValidationError({"tiers": [str(error)]}) from None
        return data


class LinkSerializer(StrictSerializer):
    """A link of a contact."""

    id = serializers.CharField(read_only=True)
    code = serializers.CharField(read_only=True)
    url = serializers.CharField(read_only=True)
    program_id = InProject(queryset=Program.objects.select_related("project"), source="program")
    contact_id = InProject(queryset=Contact.objects.alive(), source="contact")
    channel = Text(max_length=64, required=False, allow_blank=True, allow_null=True, default="")
    conversions = serializers.IntegerField(read_only=True)
    clicks = serializers.IntegerField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)


class LinkCode(Text):
    """The code of a link of the project, in any case."""

    default_error_messages = {"unknown": "There is no link of this code in this project."}

    def to_internal_value(self, data: Any) -> Link:
        code = super().to_internal_value(data).upper()
        links = Link.objects.in_project(self.context["request"].auth.project_id)
        known = len(code) <= MAX_CODE and "\0" not in code
        link = links.filter(code=code).select_related("program__project").first() if known else None
        if link is None:
            self.fail("unknown")
        return link


class ConversionSerializer(StrictSerializer):
    """A conversion that is told by hand."""

    id = serializers.CharField(read_only=True)
    program_id = serializers.CharField(read_only=True)
    link_code = LinkCode(source="link")
    referred_contact_id = InProject(queryset=Contact.objects.alive(), source="contact")
    conversion_event = Text(max_length=MAX_EVENT_NAME, source="event")
    metadata = JSONObject(required=False, default=dict)
    status = serializers.CharField(read_only=True)
    reason = serializers.CharField(read_only=True)
    converted_at = serializers.DateTimeField(read_only=True)


class ReversalSerializer(StrictSerializer):
    """Why a conversion is taken back."""

    reason = Text(max_length=200, required=False, allow_blank=True, default="")


class PromptSerializer(StrictSerializer):
    """Who is asked to share."""

    contact_id = InProject(queryset=Contact.objects.alive(), source="contact", required=False)
    segment_id = InProject(queryset=Segment.objects.all(), source="segment", required=False)

    def validate(self, data: dict) -> dict:
        if len(data) != 1:
            raise serializers.ValidationError("Name a contact_id or a segment_id.")
        return data


def _exact(data: dict, name: str, currency: str) -> dict:
    """Refuse an amount that the currency does not have."""
    try:
        to_minor(data.get(name) or 0, currency)
    except ValueError as error:
        raise serializers.ValidationError({name: [str(error)]}) from None
    return data
