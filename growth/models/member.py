"""Who works on which project."""

from typing import Self

from django.conf import settings
from django.db import models

from growth.models.tenancy import ProjectModel, ProjectQuerySet


class MemberQuerySet(ProjectQuerySet):
    """Members, by what they may do."""

    def integrating(self) -> Self:
        """Keep those in whose name integrations may act."""
        return self.filter(integrations_enabled=True)


class Member(ProjectModel):
    """A person of the team, on one project.

    ``integrations_enabled`` shows them to integrations. ``email_bcc`` gets a copy of the mail that
    goes out under their own address; reports for them go to ``reporting_email``.
    """

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(
        "growth.Project", models.CASCADE, db_index=False, related_name="members"
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    integrations_enabled = models.BooleanField(default=False)
    email_bcc = models.EmailField("BCC", blank=True)
    reporting_email = models.EmailField(blank=True)

    objects = MemberQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="one_membership_each_user")
        ]

    def __str__(self) -> str:
        return str(self.user)

    @property
    def roles(self) -> list[str]:
        """What the person may do, the most first."""
        if self.user.is_superuser:
            return ["superadmin", "admin"]
        return ["admin"] if self.user.is_staff else ["member"]
