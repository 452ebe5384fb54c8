"""Liquid, as authors whom nobody vets may use it: what a template costs is bounded.

python-liquid limits loops, output and variables, each for itself. It leaves ranges in filters, sums
of loops, and unclosed tags, over which its lexer takes minutes; this module bounds those too.
"""

import re
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any

from liquid import BoundTemplate, DictLoader, Environment, RenderContext
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.exceptions import LiquidError

from contacts.mail.form_letters import FormLetter, form_letter
from contacts.mail.liquid_output import Buffer, FieldOutput, Loop, PlainText

MAX_SOURCE = 100_000
MAX_TAG = 2_000
MAX_OUTPUT = 500_000
MAX_LIST = 1_000
MAX_SECONDS = 0.25

_MAX_BITS = 256
_MAX_ITERATIONS = 10_000
_MAX_STEPS = 1_000_000
_LOOKS = 16

_FILTER_NAMES = """
    abs append at_least at_most capitalize ceil compact concat date default divided_by
    downcase escape escape_once find find_index first floor has join last lstrip map minus
    modulo newline_to_br plus prepend reject remove remove_first remove_last replace
    replace_first replace_last reverse round rstrip size slice sort sort_natural split
    squish strip strip_html strip_newlines sum times truncate truncatewords uniq upcase
    url_decode url_encode where
"""
_FILTERS = frozenset(_FILTER_NAMES.split())
_OPENING = re.compile(r"\{[{%]")
_VERBATIM = re.compile(r"\{%-?\s*(raw|doc)\s*-?%\}")
_BLOCK = re.compile(r"\{%-?\s*(end)?(?:if|unless|for|case|capture|tablerow|ifchanged|comment)\b")
_END = {
    "raw": re.compile(r"\{%-?\s*endraw\s*-?%\}"),
    "doc": re.compile(r"\{%-?\s*enddoc\s*-?%\}"),
}


class TemplateError(Exception):
    """The source is not a template that can be used; ``line`` is where, counted from 1."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(f"Line {line}: {_sentence(message)}" if line else _sentence(message))
        self.line = line


class RenderError(Exception):
    """The template could not be rendered for this contact."""


@dataclass(frozen=True)
class Span:
    """Where one Liquid tag stands in its source."""

    start: int
    end: int
    is_output: bool


def spans(source: str) -> Iterator[Span]:
    """Find the Liquid tags of the source, in their order.

    :raises TemplateError: if one is not closed, or too long.
    """
    position = 0
    while opening := _OPENING.search(source, position):
        start = opening.start()
        end = _end_of_tag(source, start)
        if end - start > MAX_TAG:
            raise TemplateError(f"A tag is over {MAX_TAG} characters long.", _line(source, start))
        if verbatim := _VERBATIM.match(source, start):
            end = _end_of_verbatim(source, verbatim)
        yield Span(start, end, is_output=opening[0] == "{{")
        position = end


@lru_cache(maxsize=128)
def parse(source: str, *, is_html: bool) -> BoundTemplate:
    """Return the template, ready to be rendered; what it prints is escaped if it is HTML.

    :raises TemplateError: if the source is too long, or is not Liquid.
    """
    if len(source) > MAX_SOURCE * (5 if is_html else 1):  # Compiled HTML is longer than its source.
        raise TemplateError(f"A template is at most {MAX_SOURCE} characters long.")
    tags = sum(1 for _ in spans(source))
    try:
        template = _environments[is_html].from_string(source)
    except LiquidError as error:
        raise TemplateError(_message(error), _line_of(error, source)) from None
    told = template.analyze(include_partials=False)
    _require_known_filters(told.filters, source)
    template.letter = form_letter(template, told.tags, is_html=is_html, limit=MAX_OUTPUT)
    template.max_iterations = min(_MAX_ITERATIONS, _MAX_STEPS // (tags + source.count("|") + 1))
    return template


def render(template: BoundTemplate, context: Mapping[str, Any]) -> str:
    """Return the text that the template makes of the context.

    :raises RenderError: whatever goes wrong: one mail fails, and nothing else does.
    """
    try:
        return template.render(context)
    except Exception as error:  # Also RecursionError, MemoryError, ValueError of huge numbers.
        raise RenderError(_sentence(_message(error))) from None


def _require_known_filters(filters: Mapping[str, Sequence[Any]], source: str) -> None:
    for name, places in filters.items():
        if name not in _FILTERS:
            raise TemplateError(f"There is no filter {name}.", _line(source, places[0].index))


def _end_of_tag(source: str, start: int) -> int:
    closing = "}}" if source[start + 1] == "{" else "%}"
    end = source.find(closing, start + 2)
    if end < 0:
        raise TemplateError(
            f"'{source[start : start + 2]}' is never closed by '{closing}'.", _line(source, start)
        )
    return end + 2


def _end_of_verbatim(source: str, opening: re.Match) -> int:
    end = _END[opening[1]].search(source, opening.end())
    if not end:
        message = f"'{opening[1]}' is never closed by 'end{opening[1]}'."
        raise TemplateError(message, _line(source, opening.start()))
    return end.end()


def _line(source: str, position: int) -> int:
    return source.count("\n", 0, position) + 1


def _line_of(error: LiquidError, source: str) -> int | None:
    """Return where the error is; the library does not say where it met an end too early."""
    if error.token and error.token.start_index >= 0:
        return _line(error.token.source, error.token.start_index)
    tags = list(spans(source))
    if _message(error).startswith("expected tag end"):
        return _line_of_open_block(source, tags)
    found = bisect_left(tags, True, key=lambda tag: _fails_alike(source[: tag.end], error))
    return _line(source, tags[found].start) if found < len(tags) else None


def _line_of_open_block(source: str, tags: Sequence[Span]) -> int | None:
    """Return where the block begins that is the last to have no end."""
    open_at: list[int] = []
    for tag in tags:
        name = _BLOCK.match(source, tag.start)
        if name and name[1]:
            del open_at[-1:]
        elif name:
            open_at.append(tag.start)
    return _line(source, open_at[-1]) if open_at else None


def _fails_alike(source: str, error: LiquidError) -> bool:
    try:
        _environments[True].from_string(source)
    except LiquidError as other:
        return _message(other) == _message(error)
    return False


def _message(error: Exception) -> str:
    return str(error.args[0]) if error.args else type(error).__name__


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:200].rstrip('.')}."


class _Context(RenderContext):
    """A context that counts all iterations together, and stops when its time is over.

    The clock is that of the thread, so that a stopped machine fails no mail. To read it takes long,
    so it runs only from the time at which the clock on the wall has made us wonder.
    """

    __slots__ = ("_iterations", "_looks", "_stop", "_wonder_at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._iterations = self._looks = 0
        self._wonder_at = time.monotonic() + MAX_SECONDS
        self._stop: float | None = None

    def raise_for_loop_limit(self, length: int = 1) -> None:
        super().raise_for_loop_limit(length)
        self._iterations += length
        if self._iterations > self.template.max_iterations:
            raise RenderError("the loops of the template go round too often")
        self._check_time()

    def get(self, path: list[Any], **options: Any) -> object:
        self._looks += 1
        if not self._looks % _LOOKS:  # Conditions look too, and may compare long texts.
            self._check_time()
        return super().get(path, **options)

    def filter(self, name: str, token: Any) -> Callable[..., object]:
        self._check_time()
        return super().filter(name, token)

    def assign(self, key: str, val: Any) -> None:
        self._check_time()
        super().assign(key, val)

    def _check_time(self) -> None:
        if time.monotonic() < self._wonder_at:
            return
        used = time.thread_time()
        if self._stop is None:
            self._stop = used + MAX_SECONDS
        if used > self._stop:
            raise RenderError("the template takes too long")


class _Template(BoundTemplate):
    context_class = _Context
    max_iterations = _MAX_ITERATIONS
    letter: FormLetter | None = None

    def render(self, values: Mapping[str, Any]) -> str:
        """Return what the template says with these values."""
        if self.letter:
            return self.letter.fill(values, lambda: self._opened(values))
        return super().render(values)

    def _opened(self, values: Mapping[str, Any]) -> _Context:
        return self.context_class(self, globals=self.make_globals(values))

    def _get_buffer(self) -> Buffer:
        return Buffer(limit=MAX_OUTPUT)


class _Environment(Environment):
    template_class = _Template
    loop_iteration_limit = _MAX_ITERATIONS
    output_stream_limit = MAX_OUTPUT
    local_namespace_limit = 100_000
    context_depth_limit = 30

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Keep what is in the list of filters, and no tag that reads other templates."""
        super().setup_tags_and_filters(extra=extra)
        del self.tags["include"], self.tags["render"]
        self.add_tag(FieldOutput)
        self.add_tag(PlainText)
        self.add_tag(Loop)
        self.filters = {name: _bounded(name, self.filters[name]) for name in _FILTERS}


def _bounded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    foresee = _FORESEEN.get(name)

    @wraps(function)  # It also keeps the marks by which a filter asks for the environment.
    def run(value: Any, *args: Any, **kwargs: Any) -> Any:
        if foresee and foresee(value, *args) > MAX_OUTPUT:
            raise RenderError(f"the filter {name} makes too much of its input")
        made = function(value, *args, **kwargs)
        if _is_too_large(made):
            raise RenderError(f"the filter {name} makes too much of its input")
        return made

    return run


def _is_too_large(made: Any) -> bool:
    if isinstance(made, str):
        return len(made) > MAX_OUTPUT
    if isinstance(made, int):
        return made.bit_length() > _MAX_BITS
    return isinstance(made, list) and len(made) > MAX_LIST


def _size_of_replaced(value: Any, old: Any = "", new: Any = "", *_: Any) -> int:
    text = str(value)
    return len(text) + text.count(str(old)) * len(str(new))


def _size_of_joined(value: Any, separator: Any = " ", *_: Any) -> int:
    return len(value) * len(str(separator)) if isinstance(value, list | tuple | range) else 0


def _size_of_date(value: Any, *_: Any) -> int:
    # Its parser takes long over long texts; no date is so long.
    return MAX_OUTPUT + 1 if isinstance(value, str) and len(value) > 100 else 0


_FORESEEN: dict[str, Callable[..., int]] = {
    "replace": _size_of_replaced,
    "join": _size_of_joined,
    "date": _size_of_date,
}


def _make_range(self: RangeLiteral, start: Any, stop: Any) -> range:
    made = _make_any_range(self, start, stop)
    if made.stop - made.start > MAX_LIST:  # len() itself fails on the largest.
        raise RenderError(f"a range has at most {MAX_LIST} numbers")
    return made


# The library has no hook for this: a filter turns a range into a list of any length.
_make_any_range = RangeLiteral._make_range
RangeLiteral._make_range = _make_range

_environments = {
    is_html: _Environment(autoescape=is_html, loader=DictLoader({})) for is_html in (True, False)
}
