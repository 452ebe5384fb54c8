"""Values that break APIs, to be put in the place of every value that a call may hold."""

from collections.abc import Iterator
from datetime import date
from typing import Any

NUMBERS: list[Any] = [0, -1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 10**40, 1e308, -0.0]
TEXTS = [
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\ufffe",
    "\u202egnp.exe",
    "é" * 300,
    "e" + "\u0301" * 5_000,
    "x" * 100_000,
    "🧨" * 1_000,
    "'; DROP TABLE contacts_contact; --",
    "%s %(x)s {0} {x} %",
    "{{ 7 | times: 7 }}{% raw %}",
    "../../etc/passwd",
    "a@b@c",
    "a" * 65 + "@example.com",
    "alice@example.com\r\nBcc: eve@example.com",
    "http://169.254.169.254/latest/meta-data/",
    "file:///etc/passwd",
    "9999-99-99T99:99:99Z",
    "0001-01-01T00:00:00+23:59",
    "-5d",
    "99999999999999999999w",
    "٣d",
    "NaN",
    "null",
    "cntct_0000000000",
    "seg_zzzzzzzzzz",
    "whep_" + "0" * 10_000,
]
SHAPES: list[Any] = [
    None,
    True,
    False,
    [],
    {},
    [[]],
    [None],
    {"": ""},
    {"\0": 1},
    {"a.b": {"$gt": ""}},
    {"__proto__": {"x": 1}},
    ["x"] * 1_500,
    {f"key_{n}": n for n in range(1_500)},
]


def nested(depth: int) -> Any:
    """Return lists and objects in each other, so deep."""
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


VALUES: list[Any] = [*NUMBERS, *TEXTS, *SHAPES, nested(20), nested(250), str(date.max)]


def variants(body: Any) -> Iterator[Any]:
    """Yield the body with each of the values in each of its places, and in its own."""
    for path in _places(body):
        for value in VALUES:
            yield _with(body, path, value)


def _places(body: Any, path: tuple = ()) -> Iterator[tuple]:
    yield path
    if isinstance(body, dict):
        for name, inner in body.items():
            yield from _places(inner, (*path, name))
    elif isinstance(body, list) and body:
        yield from _places(body[0], (*path, 0))


def _with(body: Any, path: tuple, value: Any) -> Any:
    if not path:
        return value
    copy = dict(body) if isinstance(body, dict) else list(body)
    copy[path[0]] = _with(body[path[0]], path[1:], value)
    return copy
