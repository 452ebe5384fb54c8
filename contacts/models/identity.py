"""What a contact is known by: each value belongs to one contact of the project."""

from django.db import models

from growth.models import ProjectModel


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
