"""What settings and keys may say."""

from datetime import timedelta
from typing import Any

from rest_framework import serializers

from growth import durations
from growth.api.fields import Clock, HostName, JSONObject, StrictSerializer, Text, Whole
from growth.models import ApiKey, Project
from growth.models.api_key import SCOPES, SPELLINGS
from growth.models.project import validate_timezone

MAX_NAMES = 100
MAX_POINTS = 100


class Points(Whole):
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


class MailCapSerializer(StrictSerializer):
    """How many mails of campaigns, surveys and referrals a contact gets in how long."""

    count = Whole(min_value=1, max_value=1000)
    window = Text()

    def validate_window(self, text: str) -> str:
        try:
            is_some_time = durations.parse(text) > timedelta()
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None
        if not is_some_time:
            raise serializers.ValidationError("Send a time that is not zero.")
        return text


class MailCap(serializers.Field):
    """A cap as the API writes it, and the two columns that it is."""

    def get_attribute(self, project: Project) -> Project:
        return project

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        form = MailCapSerializer(data=data)
        form.is_valid(raise_exception=True)
        window = durations.parse(form.validated_data["window"])
        return {"mail_cap_count": form.validated_data["count"], "mail_cap_window": window}

    def to_representation(self, project: Project) -> dict[str, Any] | None:
        if project.mail_cap_count is None:
            return None
        return {"count": project.mail_cap_count, "window": durations.write(project.mail_cap_window)}


class QuietHoursSerializer(StrictSerializer):
    """Between which times of each contact's clock promotional mail waits."""

    _FORMATS = {"format": "%H:%M", "input_formats": ["%H:%M"]}
    vars()["from"] = Clock(**_FORMATS)
    to = Clock(**_FORMATS)

    def validate(self, data: dict) -> dict:
        if data["from"] == data["to"]:
            raise serializers.ValidationError({"to": ["Send another time than from."]})
        return data


class QuietHours(serializers.Field):
    """Quiet hours as the API writes them, and the two columns that they are."""

    def get_attribute(self, project: Project) -> Project:
        return project

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        form = QuietHoursSerializer(data=data)
        form.is_valid(raise_exception=True)
        return {"quiet_from": form.validated_data["from"], "quiet_to": form.validated_data["to"]}

    def to_representation(self, project: Project) -> dict[str, str] | None:
        if project.quiet_from is None:
            return None
        return {"from": f"{project.quiet_from:%H:%M}", "to": f"{project.quiet_to:%H:%M}"}


class SettingsSerializer(StrictSerializer):
    """The settings of a project. Its plan is changed by whoever runs the server."""

    project_id = serializers.CharField(source="id", read_only=True)
    name = Text(max_length=200, required=False)
    domain = HostName(required=False, allow_blank=True)
    timezone = Text(max_length=64, required=False)
    default_from_email = serializers.EmailField(required=False, allow_blank=True)
    week_start = serializers.ChoiceField(Project.WeekStart.choices, required=False)
    referral_domain = HostName(required=False, allow_blank=True)
    allow_duplicate_contacts = serializers.BooleanField(required=False)
    duplicate_check_priority = serializers.ListField(
        child=serializers.ChoiceField(["email", "phone"]),
        required=False,
        min_length=1,
        max_length=2,
    )
    scoring = Scoring(required=False)
    mail_rate = Whole(required=False, allow_null=True, min_value=1, max_value=1_000_000)
    mail_cap = MailCap(required=False, allow_null=True)
    quiet_hours = QuietHours(required=False, allow_null=True)
    plan = serializers.CharField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)

    def validate_timezone(self, name: str) -> str:
        validate_timezone(name)
        return name

    def validate(self, data: dict) -> dict:
        for name, columns in _COLUMNS.items():
            if name in data:
                data |= data.pop(name) or dict.fromkeys(columns)
        return data

    def validate_duplicate_check_priority(self, fields: list[str]) -> list[str]:
        if len(set(fields)) < len(fields):
            raise serializers.ValidationError("Name each field once.")
        return fields


_COLUMNS = {
    "mail_cap": ("mail_cap_count", "mail_cap_window"),
    "quiet_hours": ("quiet_from", "quiet_to"),
}


class NewKeySerializer(StrictSerializer):
    """What may be said of a key that is made."""

    name = Text(max_length=200)
    type = serializers.ChoiceField(ApiKey.Type.choices, default=ApiKey.Type.SECRET)
    scopes = serializers.ListField(child=Text(), required=False, default=list, max_length=100)

    def validate_scopes(self, sent: list[str]) -> list[str]:
        scopes = list(dict.fromkeys(SPELLINGS.get(scope, scope) for scope in sent))
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
