"""Segments: groups of contacts that a rule describes, or that were named one by one."""

from collections.abc import Collection
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from growth.models import Project, ProjectModel, ProjectQuerySet, PublicIdField


class SegmentQuerySet(ProjectQuerySet):
    """Segments, by what is true of them."""

    def dynamic(self) -> Self:
        """Keep those that a rule describes."""
        return self.filter(type=Segment.Type.DYNAMIC)

    def ready(self) -> Self:
        """Keep those whose memberships are written, and kept up to date."""
        return self.filter(status=Segment.Status.READY)

    def building(self) -> Self:
        """Keep those whose memberships are still to be written."""
        return self.filter(status=Segment.Status.BUILDING)

    def mentioning(self, mentions: list[str]) -> Self:
        """Keep those whose rule looks at one of these fields or events."""
        return self.filter(mentions__overlap=mentions)


class Segment(ProjectModel):
    """A group of contacts, kept up to date as they change, as they act, and as time passes.

    ``mentions`` lists what the rule looks at: ``traits.plan``, ``events.login``, ``tags``, and
    ``segments.<id>`` for each segment whose members it asks for. ``revision`` counts what made its
    memberships be written anew. ``evaluated_at`` is the latest moment at which its rule was asked:
    it never goes back, so that no worker undoes what a later one saw. ``audited_at`` is when its
    memberships were last compared with the rule.
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
    revision = models.IntegerField(default=0, editable=False)
    evaluated_at = models.DateTimeField(null=True, editable=False)
    audited_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = SegmentQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["project", "id"], name="segment_list"),
            models.Index(
                fields=["id"], condition=Q(status="building"), name="segment_to_build"
            ),  # memberships.build_next
            GinIndex(fields=["mentions"], name="segment_mentions"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_dynamic(self) -> bool:
        """Whether a rule describes it."""
        return self.type == self.Type.DYNAMIC

    @property
    def is_ready(self) -> bool:
        """Whether its memberships are written, and kept up to date."""
        return self.status == self.Status.READY

    @property
    def looks_at(self) -> set[str]:
        """The ids of the segments whose members its rule asks for."""
        prefix = "segments."
        return {each.removeprefix(prefix) for each in self.mentions if each.startswith(prefix)}


def _unchecked(model: str, **options: object) -> models.ForeignKey:
    # Memberships are written by the hundred thousand. The check of three foreign keys costs twice
    # as much as the row, and would lock every contact that enters.
    return models.ForeignKey(model, models.CASCADE, db_constraint=False, db_index=False, **options)


class Membership(ProjectModel):
    """A contact is in a segment, since ``entered_at``."""

    id = models.BigAutoField(primary_key=True)
    project = _unchecked("growth.Project", related_name="+", editable=False)
    segment = _unchecked("Segment", related_name="memberships")
    contact = _unchecked("Contact", related_name="memberships")
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
    project = _unchecked("growth.Project", related_name="+", editable=False)
    segment = _unchecked("Segment", related_name="clocks")
    contact = _unchecked("Contact", related_name="+")
    recheck_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "segment", "contact"], name="one_clock_each")
        ]
        indexes = [models.Index(fields=["recheck_at"], name="clock_due")]  # recheck_memberships


def leave_segments(project: Project, contacts: Collection[int]) -> None:
    """Take the contacts out of all segments; nobody is told."""
    keys = list(contacts)
    Membership.objects.filter(project=project, contact__in=keys).delete()
    # An index finds the clock of a contact in each segment; there is none of a contact's clocks.
    segments = Segment.objects.in_project(project).values("pk")
    SegmentClock.objects.filter(project=project, segment__in=segments, contact__in=keys).delete()
