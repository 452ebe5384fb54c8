"""Where referrers stand in a program."""

from django.db import models
from django.db.models import F, Q

from growth.models import ProjectModel
from referrals.models.program import Program


class Standing(ProjectModel):
    """What a contact has brought to a program, counted once, so that ties cost nothing to order.

    Whoever writes a fact that may change the counts makes them stale in the same transaction; they
    are counted anew before somebody looks at the leaderboard. See ``referrals.standings``.
    """

    id = models.BigAutoField(primary_key=True)
    program = models.ForeignKey(Program, models.CASCADE, related_name="+", db_index=False)
    # Without a constraint: who notes a referral need not wait for who merges the referrer.
    contact = models.ForeignKey(
        "contacts.Contact",
        models.CASCADE,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    conversions = models.IntegerField(default=0)
    referrals = models.IntegerField(default=0)
    reached_at = models.DateTimeField(null=True)
    is_stale = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "program", "contact"], name="one_standing_per_referrer"
            )
        ]
        indexes = [
            models.Index(
                F("project"),
                F("program"),
                F("conversions") * -1,
                F("referrals") * -1,
                F("reached_at"),
                F("contact"),
                condition=Q(referrals__gt=0),
                name="standing_rank",
            ),  # standings.leaderboard
            models.Index(
                fields=["project", "program", "id"],
                condition=Q(is_stale=True),
                name="standing_stale",
            ),  # standings.refresh
        ]
