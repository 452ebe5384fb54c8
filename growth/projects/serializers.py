"""What settings and keys may say."""

from typing import Any

from rest_framework import serializers

from growth.api.fields import JSONObject, StrictSerializer, Text
from growth.models import ApiKey, Project
from growth.models.api_key import SCOPES
from growth.models.project import validate_timezone

MAX_NAMES = 100
MAX_POINTS = 100

_SPELLINGS = {
    f"{scope.partition(':')[0]}.{word}": scope
    for scope in SCOPES
    if ":" in scope
    for word in [{"read": "readonly", "write": "write"}[scope.partition(":")[2]]]
}


class Points(serializers.IntegerField):
    """What something earns of the hundred points of a score."""

    def __init__(self) -> None:
        super().__init__(required=False, min_value=0, max_value=MAX_POINTS)


class PointsByName(serializers.DictField):
    """Points by the name of an event or a trait."""

    def __init__(self) -> None:
        super().__init__(child=Points(), required=False)

    def to_internal_value(self, data: Any) -> dict[str, int]:
        points = super().to_internal_value(data)
        if len(points) > MAX_NAMES:
            raise serializers.ValidationError(f"Name {MAX_NAMES} at most.")
        return points


class EngagementSerializer(StrictSerializer):
    """How much single events earn; see ``contacts.scores``."""

    events = PointsByName()
    other_event = Points()
    most_per_event = Points()


class LeadSerializer(StrictSerializer):
    """How much it earns to know a contact, and that it did something once."""

    email = Points()
    phone = Points()
    traits = PointsByName()
    milestones = PointsByName()


class ScoringSerializer(StrictSerializer):
    """What the project counts otherwise than everybody."""

    engagement = EngagementSerializer(required=False)
    lead = LeadSerializer(required=False)


class Scoring(JSONObject):
    """Rules of scoring, kept as they were sent."""

    def to_internal_value(self, data: Any) -> dict:
        sent = super().to_internal_value(data)
        form = ScoringSerializer(data=sent)
        form.is_valid(raise_exception=True)
        return sent


class SettingsSerializer(StrictSerializer):
    """The settings of a project. Its plan is changed by whoever runs the server."""

    project_id = serializers.CharField(source="id", read_only=True)
    name = Text(max_length=200, required=False)
    domain = Text(max_length=253, required=False, allow_blank=True)
    timezone = Text(max_length=64, required=False)
    default_from_email = serializers.EmailField(required=False, allow_blank=True)
    week_start = serializers.ChoiceField(Project.WeekStart.choices, required=False)
    referral_domain = Text(max_length=253, required=False, allow_blank=True)
    allow_duplicate_contacts = serializers.BooleanField(required=False)
    duplicate_check_priority = serializers.ListField(
        child=serializers.ChoiceField(["email", "phone"]),
        required=False,
        min_length=1,
        max_length=2,
    )
    scoring = Scoring(required=False)
    plan = serializers.CharField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)

    def validate_timezone(self, name: str) -> str:
        validate_timezone(name)
        return name

    def validate_duplicate_check_priority(self, fields: list[str]) -> list[str]:
        if len(set(fields)) < len(fields):
            raise serializers.ValidationError("Name each field once.")
        return fields


class NewKeySerializer(StrictSerializer):
    """What may be said of a key that is made."""

    name = Text(max_length=200)
    type = serializers.ChoiceField(ApiKey.Type.choices, default=ApiKey.Type.SECRET)
    scopes = serializers.ListField(child=Text(), required=False, default=list, max_length=100)

    def validate_scopes(self, sent: list[str]) -> list[str]:
        scopes = list(dict.fromkeys(_SPELLINGS.get(scope, scope) for scope in sent))
        if unknown := [scope for scope in scopes if scope not in SCOPES]:
            raise serializers.ValidationError(
                f"There is no scope {unknown[0]!r}; there are {', '.join(SCOPES)}."
            )
        return scopes

    def validate(self, data: dict) -> dict:
        if data["type"] == ApiKey.Type.SECRET and not data["scopes"]:
            raise serializers.ValidationError({"scopes": ["Name what the key may do."]})
        if data["type"] == ApiKey.Type.WRITE and data["scopes"]:
            message = "A write key sends events and public forms; it has no scopes."
            raise serializers.ValidationError({"scopes": [message]})
        return data
