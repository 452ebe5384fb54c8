"""Addresses that get no mail, whoever asks for it."""

from collections.abc import Iterable
from typing import Self

from django.db import connection, models

from growth.models import ProjectModel, ProjectQuerySet

SEALED_KEY = """(
    '#' || encode(sha256(convert_to(project.salt::text || {key}, 'UTF8')), 'hex')
)"""
"""SQL of what a suppression is found by when its address may not be read any more. ``project`` is
the project's row; an address never begins with ``#`` and a digest.
"""


class SuppressionQuerySet(ProjectQuerySet):
    """Addresses that get no mail: how they come here, and how they go."""

    def suppress(self, addresses: Iterable[tuple[int, str]], reason: str) -> None:
        """Let these addresses, each in a project, get no mail. The first reason stays, unless the
        new one is a complaint, which outweighs all others.
        """
        pairs = sorted(set(addresses))
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO contacts_suppression AS kept (project_id, email_key, reason, created_at)
                SELECT project_id, email_key, %s, now()
                  FROM unnest(%s::bigint[], %s::text[]) AS given (project_id, email_key)
                 WHERE email_key <> ''
                 ORDER BY project_id, email_key
                ON CONFLICT (project_id, email_key) DO UPDATE SET reason = excluded.reason
                 WHERE excluded.reason = 'complained' AND kept.reason <> 'complained'
                """,
                [reason, [project for project, _ in pairs], [key for _, key in pairs]],
            )

    def heed(self, address: tuple[int, str], status: str) -> None:
        """Disturb the person at the address no more (``active``, ``permanent``), or again
        (``inactive``). What has another reason, as what is permanent has, stays.
        """
        project, key = address
        own = self.filter(project=project, email_key=key, reason=Suppression.Reason.DND)
        if status == "inactive":
            own.delete()
        elif status == "active":
            self.suppress([address], Suppression.Reason.DND)
        elif not own.update(reason=Suppression.Reason.MANUAL):
            self.suppress([address], Suppression.Reason.MANUAL)

    def liftable(self) -> Self:
        """Keep those that the person may end: all but what staff decided."""
        return self.exclude(reason=Suppression.Reason.MANUAL)


class Suppression(ProjectModel):
    """An address that gets no mail. It outlives the contact, and no import and no call lifts it:
    only the person does, by a link of a mail they got, or staff by hand. ``dnd`` alone is lifted as
    it came, by who asked not to disturb the person.

    When the contact is erased, only a digest stays of the address: see ``SEALED_KEY``.
    """

    class Reason(models.TextChoices):
        UNSUBSCRIBED = "unsubscribed"
        BOUNCED = "bounced"
        COMPLAINED = "complained"
        MANUAL = "manual"
        DND = "dnd"

    id = models.BigAutoField(primary_key=True)
    email_key = models.CharField(max_length=254)
    reason = models.CharField(max_length=12, choices=Reason.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SuppressionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "email_key"], name="one_suppression_each")
        ]

    def __str__(self) -> str:
        return self.email_key

    @property
    def is_liftable(self) -> bool:
        """Whether the person may end it: staff's decisions are staff's to end."""
        return self.reason != self.Reason.MANUAL
