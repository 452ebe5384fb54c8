"""Serializer parts that every resource shares."""

from typing import Any

from rest_framework import serializers


class StrictSerializer(serializers.Serializer):
    """Refuses fields it does not know, all at once; read-only ones it ignores and names in
    warnings.
    """

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            self._refuse_unknown(data)
        return super().to_internal_value(data)

    @property
    def warnings(self) -> list[str]:
        """Sentences about what was sent and had no effect."""
        sent = self.initial_data if isinstance(self.initial_data, dict) else {}
        return [
            f"{name}: This field is read-only and was ignored."
            for name in sent
            if name in self.fields and self.fields[name].read_only
        ]

    def _refuse_unknown(self, data: dict) -> None:
        unknown = [name for name in data if name not in self.fields]
        if unknown:
            message = "There is no such field; check its spelling."
            raise serializers.ValidationError(
                {name: [serializers.ErrorDetail(message, "unknown_field")] for name in unknown}
            )


class InProject(serializers.PrimaryKeyRelatedField):
    """The id of something in the caller's project; a foreign id answers as an unknown one."""

    default_error_messages = {
        "does_not_exist": "There is no such id in this project.",
        "incorrect_type": "Send the id as a string.",
    }

    def get_queryset(self) -> Any:
        return super().get_queryset().in_project(self.context["request"].auth.project_id)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("incorrect_type")
        return super().to_internal_value(data)


class Text(serializers.CharField):
    """A string; unlike its base it takes no number or boolean for one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class JSONObject(serializers.Field):
    """A JSON object, kept as it was sent."""

    default_error_messages = {"invalid": "Send a JSON object."}

    def to_internal_value(self, data: Any) -> dict:
        if not isinstance(data, dict):
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> Any:
        return value
