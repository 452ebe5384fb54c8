"""Fields that a customer has beside the usual ones, as GrowthHub's clients speak of them."""

from typing import Any

from django.db import models

from growth.models import ProjectModel


class CustomField(ProjectModel):
    """A name by which clients speak of one trait, where its values are.

    ``code`` is what they call its id, and ``trait`` follows from its key. Fields come to be when
    somebody sends one; until staff say that its type holds, a value may be of any.
    """

    class Type(models.TextChoices):
        TEXT = "TEXT"
        LARGE_TEXT = "LARGE_TEXT"
        SINGLE_OPTIONS = "SINGLE_OPTIONS"
        RADIO = "RADIO"
        NUMERICAL = "NUMERICAL"
        MONETARY = "MONETORY", "Monetary"  # so it is spelled on the wire
        CHECKBOX = "CHECKBOX"
        MULTIPLE_OPTIONS = "MULTIPLE_OPTIONS"
        FILE = "FILE_UPLOAD", "File"

    id = models.BigAutoField(primary_key=True)
    code = models.CharField("id", max_length=100)
    name = models.CharField(max_length=255)
    trait = models.CharField(max_length=255)
    type = models.CharField(max_length=16, choices=Type.choices)
    is_strict = models.BooleanField(
        "the type holds", default=False, help_text="Refuse values that are of another type."
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "code"], name="one_custom_field_per_code"),
            models.UniqueConstraint(fields=["project", "trait"], name="one_custom_field_per_trait"),
        ]

    def __str__(self) -> str:
        return self.name

    def holds(self, value: Any) -> bool:
        """Tell whether the value is of the field's type."""
        kinds: dict[str, tuple[type, ...]] = {
            self.Type.NUMERICAL: (int, float),
            self.Type.MONETARY: (int, float),
            self.Type.CHECKBOX: (str, list),
            self.Type.MULTIPLE_OPTIONS: (list,),
            self.Type.FILE: (dict,),
        }
        return isinstance(value, kinds.get(self.type, (str,))) and not isinstance(value, bool)


def type_of(value: Any) -> CustomField.Type:
    """Return of what type a field is whose first value is this."""
    if isinstance(value, dict):
        return CustomField.Type.FILE
    if isinstance(value, list):
        return CustomField.Type.MULTIPLE_OPTIONS
    if isinstance(value, int | float) and not isinstance(value, bool):
        return CustomField.Type.NUMERICAL
    is_long = isinstance(value, str) and ("\n" in value or len(value) > 255)
    return CustomField.Type.LARGE_TEXT if is_long else CustomField.Type.TEXT
