"""Every row belongs to one project, and is spoken of by a public id."""

from typing import Any, Self

from django.db import connection, models

from growth import ids
from growth.errors import Vanished


class PublicIdField(models.BigAutoField):
    """A bigint identity that Python and the API see as ``prefix_code``.

    Foreign keys, ``values()``, ``bulk_create`` and prefetching follow by themselves. An id that is
    not spelled rightly matches no row.
    """

    def __init__(self, *args: Any, prefix: str, **kwargs: Any) -> None:
        self.prefix = prefix
        super().__init__(*args, primary_key=True, **kwargs)

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("primary_key")
        return name, path, args, kwargs | {"prefix": self.prefix}

    def from_db_value(self, key: int | None, *_: object) -> str | None:
        return None if key is None else ids.encode(self.prefix, key)

    def to_python(self, value: Any) -> str | None:
        return self.from_db_value(value) if isinstance(value, int) else value

    def get_prep_value(self, value: Any) -> int | None:
        if value is None or isinstance(value, int):
            return value
        if hasattr(value, "resolve_expression"):
            return value
        try:
            return ids.decode(self.prefix, str(value))
        except ids.PublicIdError:
            return -1  # No row has it: a foreign id answers exactly as an unknown one.

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return value if prepared else self.get_prep_value(value)


class ProjectQuerySet(models.QuerySet):
    """Rows of one project at a time."""

    def in_project(self, project: "models.Model | str") -> Self:
        """Keep the rows of this project."""
        return self.filter(project=project)


class ProjectModel(models.Model):
    """A row of one project."""

    project = models.ForeignKey(
        "growth.Project", models.CASCADE, db_index=False, related_name="+", editable=False
    )

    objects = ProjectQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def key(self) -> int:
        """The primary key as SQL knows it."""
        return self._meta.pk.get_prep_value(self.pk)

    @property
    def project_key(self) -> int:
        """The project's primary key as SQL knows it."""
        return self._meta.get_field("project").get_prep_value(self.project_id)

    def lock(self) -> None:
        """Read the row again and keep others from changing it until the transaction ends.

        The project stays as it was read, if it was: a row belongs to one for ever.

        :raises Vanished: if somebody else has deleted it.
        """
        field = self._meta.get_field("project")
        project = field.get_cached_value(self, default=None)
        try:
            self.refresh_from_db(from_queryset=type(self)._base_manager.select_for_update())
        except self.DoesNotExist:
            raise Vanished("There is no such thing any more; it has just been deleted.") from None
        if project is not None:
            field.set_cached_value(self, project)


def next_keys(model: type[models.Model], count: int) -> list[int]:
    """Take ``count`` primary keys of the model, for rows that must know each other before
    insertion.
    """
    with connection.cursor() as cursor:
        cursor.execute(  # The sequence is looked up once, not for each key.
            """SELECT nextval(key) FROM generate_series(1, %s),
                      (SELECT pg_get_serial_sequence(%s, 'id')::regclass AS key OFFSET 0) named""",
            [count, model._meta.db_table],
        )
        return [key for (key,) in cursor.fetchall()]
