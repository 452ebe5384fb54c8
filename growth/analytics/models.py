"""Reports that are kept, and daily totals from which the most asked numbers come at once."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from growth.models import ProjectModel, PublicIdField


class Report(ProjectModel):
    """A question with a name: ``definition`` is as the client sent it."""

    name = models.CharField(max_length=200)
    definition = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class Funnel(Report):
    """Steps that people take one after the other, and how many get how far."""

    id = PublicIdField(prefix="fnl")

    class Meta:
        indexes = [models.Index(fields=["project", "id"], name="funnel_list")]


class Cohort(Report):
    """People by when they began, and how many of them come back."""

    id = PublicIdField(prefix="chrt")

    class Meta:
        indexes = [models.Index(fields=["project", "id"], name="cohort_list")]


LIVING = ""
"""In place of an event's name: contacts that were not deleted, by the day they were created."""


def _project() -> models.ForeignKey:
    # One is written with each batch of events: the check would lock the project's row.
    return models.ForeignKey(
        "growth.Project",
        models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
        editable=False,
    )


class BitsField(models.Field):
    """A string of bits, which only SQL reads and writes."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "bit varying"


class DayChange(ProjectModel):
    """What a statement added to a day, not yet folded into its total.

    A trigger writes it in the transaction of the fact, and never waits: nobody updates it. A day is
    one of the ``zone``; a change of 0 says that somebody's events became another's.
    """

    id = models.BigAutoField(primary_key=True)
    project = _project()
    zone = models.CharField(max_length=64)
    name = models.CharField(max_length=256)
    day = models.DateField()
    count = models.IntegerField()

    class Meta:
        indexes = [models.Index(fields=["project", "name", "day"], name="change_of_day")]


class DailyTotal(ProjectModel):
    """How often something happened on a day of the project's zone."""

    id = models.BigAutoField(primary_key=True)
    project = _project()
    name = models.CharField(max_length=256)
    day = models.DateField()
    count = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "name", "day"], include=["count"], name="one_total_a_day"
            )
        ]


class DailyPeople(ProjectModel):
    """Who did it on a day that is over: a bit for each of 65,536 contacts, of which ``part`` is the
    number. Sets of days are joined by OR, so people of many days are counted without sorting.
    """

    id = models.BigAutoField(primary_key=True)
    project = _project()
    name = models.CharField(max_length=256)
    day = models.DateField()
    part = models.BigIntegerField()
    people = BitsField()

    class Meta:
        verbose_name_plural = "daily people"
        constraints = [
            models.UniqueConstraint(
                fields=["project", "name", "day", "part"], name="one_set_of_people_each"
            )
        ]


class DailyScores(ProjectModel):
    """How many contacts had a score of 0, 1, … 100 when the day was an hour old."""

    id = models.BigAutoField(primary_key=True)
    day = models.DateField()
    engagement = ArrayField(models.BigIntegerField(), size=101)
    lead = ArrayField(models.BigIntegerField(), size=101)

    class Meta:
        verbose_name_plural = "daily scores"
        constraints = [models.UniqueConstraint(fields=["project", "day"], name="scores_once_a_day")]


class Rollup(ProjectModel):
    """The project's daily totals are whole since ``built_at``, for days of the ``zone``."""

    id = models.BigAutoField(primary_key=True)
    zone = models.CharField(max_length=64)
    built_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project"], name="one_rollup_each")]
