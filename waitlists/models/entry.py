"""Places in a waitlist."""

from typing import Self

from django.db import models
from django.db.models import BigIntegerField, Case, F, Q, Value, When

from growth.models import ProjectModel, ProjectQuerySet, PublicIdField
from waitlists.models.waitlist import Waitlist


class EntryQuerySet(ProjectQuerySet):
    """Entries, by how far they got."""

    def open(self) -> Self:
        """Keep those about which nothing is decided yet."""
        return self.filter(status__in=(Entry.Status.PENDING, Entry.Status.WAITING))

    def lapsed(self) -> Self:
        """Keep those that nobody rejected: their contacts went away."""
        return self.filter(reason__in=(Entry.Reason.DELETED, Entry.Reason.MERGED))


class Entry(ProjectModel):
    """A contact's place in a list. Its rank is ``(sort_key, joined_at, id)`` among those waiting.

    ``sequence`` numbers those who joined; ``sort_key`` is it less the list's ``referral_boost``
    for each of ``referral_count`` friends. ``is_credited`` says that this entry is counted so for
    ``referred_by``. ``confirmed_at`` is when it first waited, ``verified_at`` when its address was
    confirmed by mail. Until then ``traits`` keeps what was said of the person.

    ``entry`` is always 0: merges tell entries of one list apart by it for a moment.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        WAITING = "waiting"
        APPROVED = "approved"
        REJECTED = "rejected"

    class Reason(models.TextChoices):
        """Why an entry was rejected: by staff, or because its contact is not there any more."""

        STAFF = "staff"
        DELETED = "deleted"
        MERGED = "merged"

    id = PublicIdField(prefix="wl_entry")
    waitlist = models.ForeignKey(Waitlist, models.CASCADE, related_name="entries", db_index=False)
    contact = models.ForeignKey(
        "contacts.Contact", models.CASCADE, related_name="+", db_index=False
    )
    entry = models.IntegerField(default=0)
    code = models.CharField(max_length=16, db_collation="C")
    status = models.CharField(max_length=10, choices=Status.choices)
    reason = models.CharField(max_length=10, choices=Reason.choices, blank=True)
    sequence = models.BigIntegerField()
    sort_key = models.BigIntegerField()
    referral_count = models.IntegerField(default=0)
    referred_by = models.ForeignKey(
        "self", models.SET_NULL, null=True, related_name="+", db_index=False, db_constraint=False
    )
    is_credited = models.BooleanField(default=False)
    traits = models.JSONField(default=dict)
    joined_at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    approved_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField()

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "entries"
        constraints = [
            models.UniqueConstraint(
                fields=["project", "waitlist", "contact", "entry"], name="one_entry_per_contact"
            ),
            models.UniqueConstraint(fields=["project", "code"], name="one_entry_per_code"),
        ]
        indexes = [
            models.Index(
                fields=["project", "waitlist", "sort_key", "joined_at", "id"],
                condition=Q(status="waiting"),
                name="entry_rank",
            ),  # queries: pages and positions; operations.approving
            models.Index(
                fields=["project", "waitlist", "status", "changed_at", "id"],
                condition=~Q(status="waiting"),
                name="entry_rest",
            ),  # queries: pages of those who do not wait
            models.Index(fields=["project", "contact"], name="entry_of_contact"),
            models.Index(
                fields=["project", "waitlist", "referred_by"],
                condition=Q(referred_by__isnull=False),
                name="entry_referred",
            ),  # queries.stats, operations.auditing
            models.Index(
                fields=["project", "waitlist", "-referral_count", "id"],
                condition=Q(referral_count__gt=0),
                name="entry_referrers",
            ),  # queries.stats; a changed referral_boost
        ]

    def __str__(self) -> str:
        return self.id


def advance() -> Case:
    """Return how far an entry has come: of two that become one person's, the further one stays."""
    status = Entry.Status
    return Case(
        When(status=status.APPROVED, then=Value(2**62)),
        When(status=status.WAITING, then=Value(2**61) - F("sort_key")),
        When(status=status.PENDING, then=Value(2**60) - F("sequence")),
        default=Value(0),
        output_field=BigIntegerField(),
    )
