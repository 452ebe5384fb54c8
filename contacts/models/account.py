"""The organizations that people work for, and the stages in which they are."""

from django.db import models
from django.db.models import Q

from growth.models import ProjectModel, PublicIdField


class Account(ProjectModel):
    """An organization. Contacts name it in their trait ``contact_account_id``.

    ``name_key`` is the name as it is compared, ``external_id`` the customer's own id of it. Of
    those without one there is only one of each name.
    """

    id = PublicIdField(prefix="acct")
    name = models.CharField(max_length=255, blank=True)
    name_key = models.CharField(max_length=255, blank=True, editable=False)
    external_id = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=64, default="cold")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "name_key"],
                condition=Q(external_id=""),
                name="one_account_per_name",
            ),
            models.UniqueConstraint(
                fields=["project", "external_id"],
                condition=~Q(external_id=""),
                name="one_account_per_external_id",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "name_key"], name="account_by_name"),
        ]  # operations.accounts: with an external id or without

    def __str__(self) -> str:
        return self.name or self.external_id


class ContactStage(ProjectModel):
    """How far the customer is with a contact, by the name that its trait ``stage`` has."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=100)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="one_stage_per_name")
        ]

    def __str__(self) -> str:
        return self.name
