"""Segments: groups of contacts that a rule describes, or that were named one by one."""

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from growth.models import ProjectModel, ProjectQuerySet, PublicIdField


class SegmentQuerySet(ProjectQuerySet):
    """Segments, by what is true of them."""

    def dynamic(self) -> Self:
        """Keep those that a rule describes."""
        return self.filter(type=Segment.Type.DYNAMIC)

    def mentioning(self, mentions: list[str]) -> Self:
        """Keep those whose rule looks at one of these fields or events."""
        return self.filter(mentions__overlap=mentions)


class Segment(ProjectModel):
    """A group of contacts, kept up to date as they change, as they act, and as time passes.

    ``mentions`` lists what the rule looks at: ``traits.plan``, ``events.login``, ``tags``.
    """

    class Type(models.TextChoices):
        DYNAMIC = "dynamic"
        STATIC = "static"

    class Status(models.TextChoices):
        BUILDING = "building"
        READY = "ready"

    id = PublicIdField(prefix="seg")
    name = models.CharField(max_length=200)
    type = models.CharField(max_length=10, choices=Type.choices, default=Type.DYNAMIC)
    rules = models.JSONField(null=True)
    mentions = ArrayField(models.TextField(), default=list, editable=False)
    status = models.CharField(
        max_length=10, choices=Status.choices, default=Status.BUILDING, editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = SegmentQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["project", "id"], name="segment_list"),
            GinIndex(fields=["mentions"], name="segment_mentions"),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(ProjectModel):
    """A contact is in a segment, since ``entered_at``."""

    id = models.BigAutoField(primary_key=True)
    segment = models.ForeignKey(Segment, models.CASCADE, related_name="memberships", db_index=False)
    contact = models.ForeignKey(
        "Contact", models.CASCADE, related_name="memberships", db_index=False
    )
    entered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "segment", "contact"], name="one_membership_each"
            )
        ]
        indexes = [
            models.Index(fields=["project", "contact"], name="membership_of_contact"),
        ]


class SegmentClock(ProjectModel):
    """When time alone may next change what the segment's rule says of the contact."""

    id = models.BigAutoField(primary_key=True)
    segment = models.ForeignKey(Segment, models.CASCADE, related_name="clocks", db_index=False)
    contact = models.ForeignKey("Contact", models.CASCADE, related_name="+", db_index=False)
    recheck_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "segment", "contact"], name="one_clock_each")
        ]
        indexes = [models.Index(fields=["recheck_at"], name="clock_due")]  # recheck_memberships
