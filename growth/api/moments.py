"""Moments, as parameters and bodies name them."""

from datetime import UTC, datetime

from growth.models import Project


def parse_moment(text: str, project: Project) -> datetime:
    """Return the moment that the ISO 8601 text names; without a zone it is in the project's.

    :raises ValueError: if it is none.
    """
    try:
        read = datetime.fromisoformat(text.strip().replace(" ", "+"))  # "+" in a query is a space.
        zoned = read if read.tzinfo else read.replace(tzinfo=project.zone)
        return zoned.astimezone(UTC)
    except OverflowError:
        raise ValueError(text) from None
