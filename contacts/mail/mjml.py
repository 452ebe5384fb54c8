"""MJML to HTML, by mrml."""

import re

import mrml

_POSITION = re.compile(r" in root template at position ([0-9]+):[0-9]+$")


class MarkupError(Exception):
    """This is not MJML; ``position`` is where, in bytes, if that is known."""

    def __init__(self, message: str, position: int | None) -> None:
        super().__init__(message)
        self.position = position


def to_html(source: str) -> str:
    """Return the HTML that the MJML describes. It includes no files, and fetches nothing.

    :raises MarkupError: if it is not MJML.
    """
    try:
        return mrml.to_html(source).content
    except OSError as error:  # What mrml raises for everything.
        position = _POSITION.search(str(error))
        message = str(error).split(" in root template")[0]
        raise MarkupError(message, int(position[1]) if position else None) from None
