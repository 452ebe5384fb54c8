"""Who changed what by the management API."""

from django.db import models

from growth.models.tenancy import ProjectModel, PublicIdField


class AuditEntry(ProjectModel):
    """One call that changed something, written in the transaction of the change.

    ``before`` and ``after`` hold those columns of the thing that the call named which it changed;
    of a new thing all, and of one that is gone all it had. What is secret is never among them.
    """

    id = PublicIdField(prefix="audit")
    at = models.DateTimeField()
    request_id = models.CharField(max_length=40)
    api_key = models.ForeignKey(
        "growth.ApiKey", models.SET_NULL, null=True, related_name="+", db_index=False
    )
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=500)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["project", "-id"], name="audit_list")]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"
