"""Lists of any length, written while they are read: one chunk of rows is in memory at a time."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.http import StreamingHttpResponse

from growth.api.json import dump

Chunk = list[dict[str, Any]]


def streamed(name: str, chunks: Iterable[Chunk]) -> StreamingHttpResponse:
    """Return an object with one list under the name as the answer."""
    return StreamingHttpResponse(_pieces(name, chunks), content_type="application/json")


def _pieces(name: str, chunks: Iterable[Chunk]) -> Iterator[bytes]:
    separator = b'{"' + name.encode() + b'":['
    for chunk in chunks:
        yield separator + dump(chunk)[1:-1]
        separator = b","
    yield b"]}" if separator == b"," else separator + b"]}"
