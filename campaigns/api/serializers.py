"""What may be said of campaigns."""

from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

from campaigns.models import Campaign
from campaigns.operations.simulation import MAX_SAMPLE
from campaigns.operations.steps import MAX_STEPS
from contacts import rules
from contacts.mail.templates import subject_fault
from contacts.models import Contact, Segment, Topic
from contacts.rules.times import read_time
from growth import durations
from growth.api.fields import InProject, JSONObject, StrictSerializer, Text, Whole, refusal
from growth.errors import Invalid

MAX_EVENT_NAME = 256
_TEMPLATE_CODE = r"^[a-z][a-z0-9_]{1,63}\Z"


class Subject(Text):
    """A subject line in Liquid."""

    def __init__(self) -> None:
        super().__init__(required=False, allow_null=True, max_length=500)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if fault := subject_fault(text):
            raise serializers.ValidationError(fault)
        return text


class Duration(Text):
    """A duration such as 2d, kept as it was sent."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        try:
            durations.parse(text)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None
        return text


class Moment(serializers.Field):
    """An ISO 8601 time; without a zone it is meant in the project's."""

    default_error_messages = {
        "invalid": "Send an ISO 8601 date or time, such as 2026-01-31T09:00:00Z."
    }

    def to_internal_value(self, data: Any) -> datetime:
        zone = self.context["request"].auth.project.zone
        moment = read_time(data, zone) if isinstance(data, str) else None
        try:
            return moment.astimezone(UTC)
        except (AttributeError, OverflowError):
            self.fail("invalid")

    def to_representation(self, value: datetime) -> datetime:
        return value


class TopicCode(Text):
    """The code of a topic of the project."""

    def to_internal_value(self, data: Any) -> Topic:
        code = super().to_internal_value(data)
        project = self.context["request"].auth.project
        if topic := Topic.objects.in_project(project).filter(code=code).first():
            return topic
        message = "There is no topic of this code; make it at /v1/topics."
        raise serializers.ValidationError(message, "unknown_topic")


class StepSerializer(StrictSerializer):
    """One mail of a campaign."""

    id = serializers.CharField(required=False)
    delay = Duration(required=False)
    subject = Subject()
    template_id = serializers.RegexField(_TEMPLATE_CODE, source="template_code")


class GoalSerializer(StrictSerializer):
    """The event for whose sake the sequence is sent, and how long it counts."""

    event = Text(max_length=MAX_EVENT_NAME)
    window = Duration(required=False)

    def validate_window(self, text: str) -> str:
        if not durations.parse(text):
            raise serializers.ValidationError("Send a time that is not zero.")
        return text


class CampaignSerializer(StrictSerializer):
    """A campaign. A broadcast may be written flat, or with one step."""

    id = serializers.CharField(read_only=True)
    name = Text(max_length=200)
    type = serializers.ChoiceField(Campaign.Type.choices)
    status = serializers.CharField(read_only=True)
    status_reason = serializers.CharField(read_only=True)
    trigger = JSONObject(required=False, allow_null=True)
    segment_id = InProject(
        queryset=Segment.objects.all(), source="segment", required=False, allow_null=True
    )
    topic = TopicCode(required=False, allow_null=True)
    subject = Subject()
    template_id = serializers.RegexField(_TEMPLATE_CODE, source="template_code", required=False)
    scheduled_at = Moment(required=False, allow_null=True)
    start_within = Duration(required=False)
    send_at_local_time = serializers.BooleanField(required=False)
    reentry = serializers.ChoiceField(Campaign.Reentry.choices, required=False)
    delay_from = serializers.ChoiceField(Campaign.DelayFrom.choices, required=False)
    goal = JSONObject(required=False, allow_null=True)
    exit_on_segment_leave = serializers.BooleanField(required=False)
    steps = StepSerializer(many=True, required=False)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def validate_trigger(self, trigger: dict | None) -> dict | None:
        for name in trigger or {}:
            if name not in ("event", "segment_id", "where"):
                raise serializers.ValidationError({name: ["There is no such field."]})
        event, where = ((trigger or {}).get(name) for name in ("event", "where"))
        if event is not None and not (isinstance(event, str) and 0 < len(event) <= MAX_EVENT_NAME):
            raise serializers.ValidationError({"event": ["Name the event in 1 to 256 characters."]})
        if where is not None:
            self._validate_where(event, where)
        return trigger

    def validate_goal(self, goal: dict | None) -> dict | None:
        if goal is not None:
            GoalSerializer(data=goal).is_valid(raise_exception=True)
        return goal

    def validate_steps(self, steps: list[dict]) -> list[dict]:
        if len(steps) > MAX_STEPS:
            raise serializers.ValidationError(f"A campaign has {MAX_STEPS} steps at most.")
        return steps

    def validate(self, data: dict) -> dict:
        kind = self.instance.type if self.instance else data["type"]
        self._read_segment(data)
        if kind == Campaign.Type.BROADCAST:
            return self._validate_broadcast(data)
        return self._validate_lifecycle(data)

    def _validate_where(self, event: str | None, where: Any) -> None:
        if event is None:
            message = "Name the event whose properties it filters, as trigger.event."
            raise serializers.ValidationError({"where": [message]})
        zone = self.context["request"].auth.project.zone
        try:
            rules.parse_where(where, zone=zone, path="trigger.where")
        except Invalid as error:
            raise refusal("trigger", error.violations) from None

    def _read_segment(self, data: dict) -> None:
        """Let the segment be the one that the trigger names, unless the body says it beside it."""
        if "trigger" not in data:
            return
        named = (data["trigger"] or {}).get("segment_id")
        if named is not None:
            segment = _nested("trigger.segment_id", self.fields["segment_id"], named)
            if data.get("segment", segment) != segment:
                message = "trigger.segment_id says something else; send one of the two."
                raise serializers.ValidationError({"segment_id": [message]})
            data["segment"] = segment
        elif self.instance and self.instance.type == Campaign.Type.LIFECYCLE:
            data.setdefault("segment", None)

    def _validate_broadcast(self, data: dict) -> dict:
        self._refuse(data, _OF_SEQUENCES, "Only a lifecycle campaign has this field.")
        if (data.get("trigger") or {}).get("event"):
            message = "A broadcast has no event; it is sent once, to the segment_id."
            raise serializers.ValidationError({"trigger": {"event": [message]}})
        if len(data.get("steps", [])) > 1:
            raise serializers.ValidationError({"steps": ["A broadcast has one step."]})
        flat = {n: data.pop(n) for n in ("subject", "template_code") if n in data}
        if flat:
            first = (data.get("steps") or [self._first_step()])[0]
            _refuse_contradiction(flat, first if "steps" in data else {})
            data["steps"] = [first | flat]
        if any("template_code" not in step for step in data.get("steps", [])):
            raise serializers.ValidationError({"template_id": ["Name the template to send."]})
        if self._will_be(data, "send_at_local_time") and not self._will_be(data, "scheduled_at"):
            message = "Say in scheduled_at at which time of the clock to send."
            raise serializers.ValidationError({"scheduled_at": [message]})
        return data

    def _validate_lifecycle(self, data: dict) -> dict:
        self._refuse(data, _OF_BROADCASTS, "Only a broadcast has this field.")
        is_named = not self.instance or "trigger" in data
        trigger = data.get("trigger") or {}
        if is_named and not (trigger.get("event") or trigger.get("segment_id")):
            raise serializers.ValidationError(
                {"trigger": ["Name the event or the segment_id that starts the sequence."]}
            )
        self._validate_reentry(data)
        if self._will_be(data, "exit_on_segment_leave") and not self._will_be(data, "segment"):
            message = "Name the segment that is left, as trigger.segment_id."
            raise serializers.ValidationError({"exit_on_segment_leave": [message]})
        return data

    def _validate_reentry(self, data: dict) -> None:
        event = (self._will_be(data, "trigger") or {}).get("event") or ""
        every = self._will_be(data, "reentry") == Campaign.Reentry.EVERY_EVENT
        if every and event.startswith("$email_"):
            message = "Mail must not cause itself: events of mail begin no journey every time."
            raise serializers.ValidationError({"reentry": [message]})

    def _refuse(self, data: dict, names: dict[str, str], message: str) -> None:
        for name, shown in names.items():
            if data.pop(name, None):
                raise serializers.ValidationError({shown: [message]})

    def _will_be(self, data: dict, name: str) -> Any:
        return data[name] if name in data else getattr(self.instance, name, None)

    def _first_step(self) -> dict:
        step = self.instance and self.instance.steps.order_by("position").first()
        if not step:
            return {}
        return {"id": step.id, "subject": step.subject, "template_code": step.template_code}


_OF_BROADCASTS = {
    "subject": "subject",
    "template_code": "template_id",
    "scheduled_at": "scheduled_at",
    "start_within": "start_within",
    "send_at_local_time": "send_at_local_time",
}
_OF_SEQUENCES = {
    "reentry": "reentry",
    "delay_from": "delay_from",
    "goal": "goal",
    "exit_on_segment_leave": "exit_on_segment_leave",
}


def _refuse_contradiction(flat: dict[str, Any], step: dict[str, Any]) -> None:
    """Refuse what the body says twice and differently: neither is the one that is meant."""
    for name, value in flat.items():
        if name in step and step[name] != value:
            shown = "template_id" if name == "template_code" else name
            message = f"steps[0].{shown} says something else; send one of the two."
            raise serializers.ValidationError({shown: [message]})


def _nested(path: str, field: serializers.Field, value: Any) -> Any:
    try:
        return field.run_validation(value)
    except serializers.ValidationError as error:
        raise serializers.ValidationError({path: error.detail}) from None


class TestSerializer(StrictSerializer):
    """Where a test goes, and which step."""

    email = serializers.EmailField()
    step_index = Whole(required=False, default=0, min_value=0, max_value=99)


class PreviewSerializer(StrictSerializer):
    """For whom a preview is, and which step."""

    contact_id = InProject(queryset=Contact.objects.alive(), source="contact", required=False)
    step_index = Whole(required=False, default=0, min_value=0, max_value=99)


class SimulationSerializer(StrictSerializer):
    """For whom a campaign is played, and for how long."""

    contact_id = InProject(queryset=Contact.objects.alive(), source="contact", required=False)
    sample = Whole(min_value=1, max_value=MAX_SAMPLE, required=False)
    days = Whole(min_value=1, max_value=366, default=30)
    at = Moment(required=False)
    properties = JSONObject(default=dict)

    def validate_at(self, at: datetime) -> datetime:
        if not 2000 <= at.year < 9000:
            raise serializers.ValidationError("Send a time from the year 2000 on.")
        return at

    def validate(self, data: dict) -> dict:
        if ("contact" in data) == ("sample" in data):
            raise serializers.ValidationError(
                {"contact_id": ["Send a contact_id, or how many contacts to sample."]}
            )
        return data
