"""Serializer parts that every resource shares."""

import re
from collections.abc import Iterable
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from growth.errors import Violation


def refusal(field: str, violations: Iterable[Violation]) -> serializers.ValidationError:
    """Return what a serializer raises for violations that the domain found in one of its fields."""
    detail: dict[str, list[ErrorDetail]] = {}
    for each in violations:
        inner = each.field.removeprefix(field).removeprefix(".") or "non_field_errors"
        detail.setdefault(inner, []).append(ErrorDetail(each.message, each.reason))
    return serializers.ValidationError(detail)


class StrictSerializer(serializers.Serializer):
    """Refuses fields it does not know, all at once; read-only ones it ignores and names in
    warnings.
    """

    def to_internal_value(self, data: Any) -> Any:
        unknown = self._unknown(data) if isinstance(data, dict) else {}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({**error.detail, **unknown}) from None
        if unknown:
            raise serializers.ValidationError(unknown)
        return value

    @property
    def warnings(self) -> list[str]:
        """Sentences about what was sent and had no effect."""
        sent = self.initial_data if isinstance(self.initial_data, dict) else {}
        return [
            f"{name}: This field is read-only and was ignored."
            for name in sent
            if name in self.fields and self.fields[name].read_only
        ]

    def _unknown(self, data: dict) -> dict[str, list[ErrorDetail]]:
        message = ErrorDetail("There is no such field; check its spelling.", "unknown_field")
        return {name: [message] for name in data if name not in self.fields}


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


class PlainDigits(serializers.Field):
    """Of numbers and times that are written as text: the digits are 0 to 9, not any of Unicode."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str) and not data.isascii():
            raise serializers.ValidationError("Write it in the digits 0 to 9.")
        return super().to_internal_value(data)


class Whole(PlainDigits, serializers.IntegerField):
    """A whole number."""


class Clock(PlainDigits, serializers.TimeField):
    """A time of day."""


class HostName(Text):
    """The name of a host, in lower case; empty where that is allowed."""

    _PATTERN = re.compile(
        r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+"
        r"(?![0-9]+\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    )

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data).lower()
        if name and not self._PATTERN.fullmatch(name):
            raise serializers.ValidationError(
                "Send the name of a host, such as growth.example.com, without https:// or a path."
            )
        return name


class JSONObject(serializers.Field):
    """A JSON object, kept as it was sent."""

    default_error_messages = {"invalid": "Send a JSON object."}

    def to_internal_value(self, data: Any) -> dict:
        if not isinstance(data, dict):
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> Any:
        return value
