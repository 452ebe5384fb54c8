"""What a contact is known by: each value belongs to one contact of the project."""

from django.db import models

from growth.models import ProjectModel

_NOBODY = frozenset(
    [
        *("-1", "{}", "[]", "[object object]", "anonymous", "anonymous_id", "anonymousid"),
        *("device_id", "distinct_id", "external_id", "false", "guest", "n/a", "na", "nan", "nil"),
        *("none", "not_authenticated", "null", "true", "undefined", "unknown", "user_id", "userid"),
    ]
)  # Programs send these when they know no id: all who share one would become one contact.
NO_PERSON = "Programs send this when they know no id; send the person's own id, or none."


def names_nobody(text: str) -> bool:
    """Tell whether an id is no person's own, as ``null`` and ``0`` are not."""
    bare = text.strip(" \"'").lower()
    return bare in _NOBODY or not bare.strip("0-")


class Identity(ProjectModel):
    """A claim: this value of this kind means that contact."""

    class Kind(models.TextChoices):
        """The kinds, in the order in which a contact is looked up by them."""

        EXTERNAL_ID = "external_id"
        EMAIL = "email"
        PHONE = "phone"
        ANONYMOUS_ID = "anonymous_id"

    id = models.BigAutoField(primary_key=True)
    contact = models.ForeignKey("Contact", models.CASCADE, related_name="identities")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    value = models.CharField(max_length=320)

    class Meta:
        verbose_name_plural = "identities"
        constraints = [
            models.UniqueConstraint(fields=["project", "kind", "value"], name="one_owner_per_claim")
        ]
