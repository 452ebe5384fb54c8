"""One message as people read it, whatever state it is in."""

from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser


@dataclass(frozen=True)
class Letter:
    """What a message says."""

    headers: list[tuple[str, str]]
    text: str | None
    html: str | None

    def header(self, name: str) -> str:
        """Return the first header of this name, or nothing."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


def read_letter(content: bytes) -> Letter:
    """Return the message with its parts."""
    message = message_from_bytes(content)
    parts = list(_shown_parts(message))
    return Letter(_headers(message), _first(parts, "text/plain"), _first(parts, "text/html"))


def read_headers(content: bytes) -> Letter:
    """Return the message without its parts, which is quicker."""
    return Letter(_headers(BytesHeaderParser().parsebytes(content)), text=None, html=None)


def _headers(message: Message) -> list[tuple[str, str]]:
    return [(name, _decoded(str(value))) for name, value in message.items()]


def _decoded(value: str) -> str:
    """Return a header as people read it; as it came, if it makes no sense."""
    try:
        return str(make_header(decode_header(value)))
    except (MessageError, ValueError, LookupError):
        return value


def _shown_parts(message: Message) -> Iterator[Message]:
    for part in message.walk():
        if part.get_content_disposition() != "attachment" and not part.is_multipart():
            yield part


def _first(parts: list[Message], content_type: str) -> str | None:
    return next((_text(part) for part in parts if part.get_content_type() == content_type), None)


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    try:
        return data.decode(part.get_content_charset() or "utf-8", errors="replace")
    except (LookupError, ValueError):  # No such character set.
        return data.decode("utf-8", errors="replace")
