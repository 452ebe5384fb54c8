"""Two contacts that turned out to be one person, and all that it takes to part them again."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Self

from django.db import connection, models
from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.db.models.expressions import Combinable

from growth.models import ProjectModel, ProjectQuerySet

SETTLE_AFTER = timedelta(minutes=3)
"""Longer than any worker holds a contact in its hands: see the leases of ``mail.claiming``."""

_MOVE = """
    UPDATE {table} moved SET {column} = %s FROM ({chosen}) chosen (id)
     WHERE moved.id = chosen.id AND moved.project_id = %s AND moved.{column} = %s
    RETURNING moved.id
"""
_RETURN = """
    UPDATE {table} SET {column} = %s WHERE project_id = %s AND {column} = %s AND id = ANY(%s)
"""
# Neither row may take the other's place while that is still there: one of them steps aside.
_EXCHANGE = (
    "UPDATE {table} SET contact_id = %(new)s, entry = -1 - entry WHERE id = ANY(%(here)s)",
    "UPDATE {table} SET contact_id = %(old)s WHERE id = ANY(%(there)s)",
    "UPDATE {table} SET entry = -1 - entry WHERE id = ANY(%(here)s)",
)


class MergeQuerySet(ProjectQuerySet):
    """Merges, by whether they still hold."""

    def standing(self) -> Self:
        """Keep those that were not undone."""
        return self.filter(undone_at=None)

    def reversible(self) -> Self:
        """Keep those that may be undone: not the absorptions of visitors."""
        return self.standing().exclude(before={})


class Merge(ProjectModel):
    """The source became a tombstone of the target, which has all that was the source's since.

    ``before`` holds what both rows and their claims were, ``after`` what the merge made of the
    target's row. ``moved`` lists the keys of the rows that went from the source to the target, by
    ``table.column``; ``exchanged`` the pairs in which the target's row went to the source instead.
    ``due_at`` is when rows are looked for that came too late to be moved with the others. A visitor
    that was absorbed has such a row until then, with nothing in it.
    """

    class Resolution(models.TextChoices):
        """Whose value stays where both have one."""

        TARGET = "prefer_target"
        SOURCE = "prefer_source"
        RECENT = "prefer_recent"

    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey("Contact", models.CASCADE, related_name="+", db_index=False)
    target = models.ForeignKey("Contact", models.CASCADE, related_name="+", db_index=False)
    resolution = models.CharField(max_length=13, choices=Resolution.choices)
    before = models.JSONField()
    after = models.JSONField()
    moved = models.JSONField(default=dict)
    exchanged = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)

    objects = MergeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "source"], condition=Q(undone_at=None), name="one_merge_each"
            )
        ]
        indexes = [
            models.Index(fields=["project", "target"], name="merge_by_target"),
            models.Index(
                fields=["due_at"], condition=~Q(due_at=None), name="merge_due"
            ),  # operations.merging.settle_merges
        ]

    def move(self, rows: models.QuerySet, field: str = "contact") -> None:
        """Give those of the rows that are the source's to the target, in one statement."""
        model = rows.model
        column = model._meta.get_field(field).column
        place = {"table": model._meta.db_table, "column": column}
        own = rows.filter(project=self.project_id, **{field: self.source_id})
        chosen, params = own.order_by().values("pk").query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(
                _MOVE.format(**place, chosen=chosen),
                [self._target_key, *params, self.project_key, self._source_key],
            )
            keys = [key for (key,) in cursor.fetchall()]
        if keys:
            self.moved.setdefault("{table}.{column}".format(**place), []).extend(keys)

    def move_entries(self, rows: models.QuerySet, same: Sequence[str], advance: Combinable) -> None:
        """Move rows of which a contact has one for each ``same`` and ``entry``.

        Where both contacts have one, the target gets the one further advanced, and the other one is
        kept with the tombstone.
        """
        of_target = rows.filter(
            project=self.project_id,
            contact=self.target_id,
            **{name: OuterRef(name) for name in (*same, "entry")},
        )
        rival = of_target.annotate(advance=advance)
        ahead = (
            rows.filter(project=self.project_id, contact=self.source_id)
            .annotate(
                advance=advance,
                rival=Subquery(rival.values("pk")),
                rival_advance=Subquery(rival.values("advance")),
            )
            .filter(advance__gt=F("rival_advance"))
        )
        key = rows.model._meta.pk.get_prep_value  # SQL knows no public ids.
        found = ahead.order_by("pk").values_list("pk", "rival")
        pairs = [[key(own), key(other)] for own, other in found]
        if pairs:
            table = rows.model._meta.db_table
            self._exchange(table, pairs, self._source_key, self._target_key)
            self.exchanged.setdefault(table, []).extend(pairs)
        self.move(rows.exclude(Exists(of_target)))

    def move_back(self) -> None:
        """Give back to the source what was moved, as far as the target still has it."""
        for place, keys in self.moved.items():
            table, column = place.split(".")
            with connection.cursor() as cursor:
                cursor.execute(
                    _RETURN.format(table=table, column=column),
                    [self._source_key, self.project_key, self._target_key, keys],
                )
        for table, pairs in self.exchanged.items():
            self._exchange(table, pairs, self._target_key, self._source_key)

    @property
    def into(self) -> dict[int, int]:
        """The key of the source, mapped to that of the target."""
        return {self._source_key: self._target_key}

    @property
    def is_absorption(self) -> bool:
        """Whether the source was a visitor, which nothing brings back."""
        return not self.before

    def count_moved(self) -> int:
        """Return how many rows have found their way to the target."""
        return sum(map(len, (*self.moved.values(), *self.exchanged.values())))

    @property
    def _source_key(self) -> int:
        return self._meta.get_field("source").get_prep_value(self.source_id)

    @property
    def _target_key(self) -> int:
        return self._meta.get_field("target").get_prep_value(self.target_id)

    @staticmethod
    def _exchange(table: str, pairs: Sequence[Sequence[int]], old: int, new: int) -> None:
        here, there = (list(keys) for keys in zip(*pairs, strict=True))
        params: dict[str, Any] = {"old": old, "new": new, "here": here, "there": there}
        with connection.cursor() as cursor:
            for statement in _EXCHANGE:
                cursor.execute(statement.format(table=table), params)
