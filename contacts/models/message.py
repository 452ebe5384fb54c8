"""What users and contacts told each other by other ways than our mail."""

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from contacts.models.mail import Email
from contacts.models.search import CopyWords
from growth.models import Project, ProjectModel
from growth.models.tenancy import ProjectQuerySet, next_keys


class MessageManager(models.Manager.from_queryset(ProjectQuerySet)):
    """The births of messages."""

    def record(self, project: Project, **fields: object) -> "Message":
        """Store a message under the next id of the one timeline."""
        [key] = next_keys(Email, 1)
        return self.create(id=key, project=project, **fields)


class Message(ProjectModel):
    """A communication between a user and a contact, as somebody told us of it.

    Its id comes from where those of mails come from, so that on the one timeline of both no two
    have the same.
    """

    id = models.BigIntegerField(primary_key=True)
    contact = models.ForeignKey("Contact", models.CASCADE, related_name="messages", db_index=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    message_type = models.CharField(max_length=100, blank=True)
    rendered_subject = models.TextField(null=True, blank=True)
    rendered_copy = models.TextField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = MessageManager()

    class Meta:
        indexes = [
            models.Index(fields=["project", "updated_at", "id"], name="message_list"),
            models.Index(fields=["project", "contact"], name="message_of_contact"),
            GinIndex(CopyWords("rendered_subject", "rendered_copy"), name="message_words"),
        ]

    def __str__(self) -> str:
        return self.rendered_subject or self.message_type or str(self.pk)
