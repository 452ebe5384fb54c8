"""JSON in and out, by orjson, with the checks that it and PostgreSQL leave to us."""

import re
import zlib
from collections.abc import Iterator
from typing import Any, NoReturn

import orjson
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.negotiation import BaseContentNegotiation, DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

from growth.errors import Invalid, TooLarge, Violation

MAX_DEPTH = 254  # what orjson writes
MAX_INTEGER = 2**63

# A large body is looked at by its outline first, which takes a twentieth of what the pattern takes.
_OUTLINE = bytes(
    ord("0") if chr(byte).isdecimal() and byte < 128 else ord("e") if byte in b"eE" else byte
    for byte in range(256)
)
_LARGE_OUTLINES = (b"0" * 19, b"0e00", b"0e+00")
_LARGE = re.compile(rb"(?:^|[:\[,\s])-?(?:[0-9]{19}|[0-9][0-9.]*[eE]\+?[0-9]{2})")


class JSONRenderer(BaseRenderer):
    """Writes times as ``…Z`` with seconds, and passes ``orjson.Fragment`` through unread."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, *_: object, **__: object) -> bytes:
        return b"" if data is None else dump(data)


class AlwaysJSON(BaseContentNegotiation):
    """Reads by the body's type, and answers JSON whatever the caller would like best."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        return DefaultContentNegotiation().select_parser(request, parsers)

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class JSONParser(BaseParser):
    """Reads JSON that can be stored: no NUL, no number beyond 64 bits, no bottomless nesting."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, context: Any = None) -> Any:
        request = (context or {})["request"]
        charset = (
            request.content_params.get("charset", "utf-8") if _has_params(request) else "utf-8"
        )
        if charset.lower() not in ("utf-8", "utf8"):
            raise UnsupportedMediaType(media_type, "Send JSON as UTF-8.")
        if request.META.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
            raise UnsupportedMediaType(media_type, "Send the body without a Content-Encoding.")
        return load(request._request.body)


def _has_params(request: Any) -> bool:
    return bool(getattr(request._request, "content_params", None))


def dump(data: Any) -> bytes:
    """Return the data as JSON."""
    return orjson.dumps(
        data, option=orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS | orjson.OPT_NON_STR_KEYS
    )


def load(body: bytes) -> Any:
    """Return what the JSON says; an empty body says nothing, which is an empty object.

    :raises ParseError: if it is not JSON.
    :raises Invalid: if it holds what cannot be stored.
    """
    if not body.strip():
        return {}
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ParseError(f"The body is not valid JSON: {error}.") from None
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        _refuse_too_deep(data)
    if b"\\u0000" in body or _may_hold_large_numbers(body):
        _refuse_unstorable(data)
    return data


def gunzip(body: bytes, limit: int) -> bytes:
    """Return the unpacked body.

    :raises ParseError: if it is not gzip.
    :raises TooLarge: if it would be longer than ``limit`` bytes.
    """
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        unpacked = unpacker.decompress(body, limit + 1)
    except zlib.error:
        unpacked = b""
    if len(unpacked) > limit:
        raise TooLarge(f"The unpacked body is over {limit // 1024} KB; send smaller batches.")
    if not unpacker.eof:
        raise ParseError("The body is not valid gzip, as its Content-Encoding says.")
    return unpacked


def merge_patch(target: Any, patch: Any) -> Any:
    """Return the target as the JSON Merge Patch (RFC 7396) changes it; neither is modified."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def _may_hold_large_numbers(body: bytes) -> bool:
    outline = body.translate(_OUTLINE)
    return any(each in outline for each in _LARGE_OUTLINES) and bool(_LARGE.search(body))


def _refuse_too_deep(data: Any) -> None:
    try:
        orjson.dumps(data)
    except TypeError:
        _refuse("", "too_deep", f"JSON may be nested {MAX_DEPTH} levels deep.")


def _refuse_unstorable(data: Any) -> None:
    for path, value in _walk(data, ""):
        if isinstance(value, str) and "\0" in value:
            _refuse(path, "invalid_character", "Remove the NUL character (\\u0000).")
        if isinstance(value, int | float) and abs(value) >= MAX_INTEGER:
            _refuse(path, "out_of_range", "Numbers must fit into 64 bits.")


def _walk(data: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, data
    if isinstance(data, dict):
        for key, value in data.items():
            inner = f"{path}.{key}" if path else key
            yield inner.replace("\0", "\\u0000"), key
            yield from _walk(value, inner)
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _walk(value, f"{path}[{index}]")


def _refuse(path: str, reason: str, message: str) -> NoReturn:
    raise Invalid(Violation(path, reason, message))
