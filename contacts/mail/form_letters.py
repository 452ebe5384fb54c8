"""Form letters: templates in which nothing changes what a name stands for, as most mails are.

Each field of one is looked up once, wherever it stands, and a loop over numbers is written out when
the template is read. What is more than that, such as a condition, stays with the library.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from liquid import BoundTemplate, RenderContext
from liquid.ast import Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import Path
from liquid.builtin.expressions.primitive import IntegerLiteral, RangeLiteral
from liquid.exceptions import OutputStreamLimitError
from liquid.expression import Expression

from contacts.mail.liquid_output import PLAIN, Buffer, FieldNode, LoopNode, value_of, written

MAX_PIECES = 2_000

_Piece = str | Node
_STEADY_TAGS = frozenset({"for", "if", "unless", "case", "comment"})


class _Gap(NamedTuple):
    """What fills gaps, and where they are; ``names`` if it is a field as it stands."""

    names: tuple[str, ...]
    node: Node
    places: list[int]


class FormLetter:
    """A template as a row of texts with gaps between them.

    :param pieces: texts, and the nodes that fill the gaps.
    :param limit: how many letters it may write.
    """

    def __init__(self, pieces: Sequence[_Piece], *, is_html: bool, limit: int) -> None:
        self._texts = [piece if isinstance(piece, str) else "" for piece in pieces]
        self._size = sum(map(len, self._texts))
        self._gaps = _gaps(pieces)
        self._is_html, self._limit = is_html, limit

    def fill(self, values: Mapping[str, Any], open_context: Callable[[], RenderContext]) -> str:
        """Return the letter to whom the values speak of.

        :param open_context: makes what the library needs, for gaps that are more than a field.
        :raises OutputStreamLimitError: if it is too long.
        """
        texts, size, context = self._texts.copy(), self._size, None
        for names, node, places in self._gaps:
            value = value_of(names, (values,)) if names else None
            if type(value) in PLAIN:
                text = written(value, self._is_html)
            else:
                context = context or open_context()
                text = self._rendered(node, context)
            size += len(text) * len(places)
            if size > self._limit:
                raise OutputStreamLimitError("output stream limit reached", token=None)
            for place in places:
                texts[place] = text
        return "".join(texts)

    def _rendered(self, node: Node, context: RenderContext) -> str:
        buffer = Buffer(self._limit)
        node.render(context, buffer)
        return buffer.getvalue()


def form_letter(
    template: BoundTemplate, tags: Collection[str], *, is_html: bool, limit: int
) -> FormLetter | None:
    """Return the template as a form letter, or None if it is more, or too long, for that.

    :param tags: the tags that occur in it.
    """
    static = RenderContext(template)
    if not _STEADY_TAGS.issuperset(tags) or any(map(_goes_on, _all(template.nodes, static))):
        return None
    found = _pieces(template.nodes, static)
    return FormLetter(found, is_html=is_html, limit=limit) if len(found) <= MAX_PIECES else None


def _all(nodes: Iterable[Node], static: RenderContext) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _all(node.children(static), static)


def _goes_on(node: Node) -> bool:
    """Tell whether it is a loop that begins where another has ended, which must not be unrolled."""
    return isinstance(node, LoopNode) and bool(node.expression.offset)


def _pieces(nodes: Sequence[Node], static: RenderContext) -> list[_Piece]:
    pieces: list[_Piece] = []
    for node in nodes:
        if isinstance(node, ContentNode):
            pieces.append(node.text)
        else:
            rounds = _rounds(node) if isinstance(node, LoopNode) else None
            pieces += (rounds and _written_out(node, rounds, static)) or [node]
    return pieces


def _rounds(loop: LoopNode) -> range | None:
    """Return the numbers that the loop is over, if they are known."""
    over = loop.expression
    if over.limit or over.reversed or loop.block.blank:
        return None
    if not isinstance(over.iterable, RangeLiteral):
        return None
    first, last = over.iterable.start, over.iterable.stop
    if not isinstance(first, IntegerLiteral) or not isinstance(last, IntegerLiteral):
        return None
    is_short = last.value - first.value < MAX_PIECES
    return range(first.value, last.value + 1) if is_short else None


def _written_out(loop: LoopNode, rounds: range, static: RenderContext) -> list[_Piece] | None:
    """Return what all rounds of the loop say, if that is not too much, and they do no more with
    their number than say it.
    """
    name, block = loop.expression.identifier, _pieces(loop.block.nodes, static)
    if len(block) * len(rounds) > MAX_PIECES:
        return None
    rest = [piece for piece in block if isinstance(piece, Node) and not _says(piece, name)]
    heads = [path.path[0] for node in rest for path in _paths(node, static)]
    if any(not isinstance(head, str) or head in (name, "forloop") for head in heads):
        return None
    return [str(number) if _says(piece, name) else piece for number in rounds for piece in block]


def _says(piece: _Piece, name: str) -> bool:
    return isinstance(piece, FieldNode) and piece.names == (name,) and not piece.filters


def _paths(node: Node, static: RenderContext) -> Iterator[Path]:
    for each in _all([node], static):
        for expression in each.expressions():
            yield from _paths_in(expression)


def _paths_in(expression: Expression) -> Iterator[Path]:
    if isinstance(expression, Path):
        yield expression
    for part in expression.children():
        yield from _paths_in(part)


def _gaps(pieces: Sequence[_Piece]) -> list[_Gap]:
    """Return what fills gaps, and which: outputs that say the same are one."""
    found: dict[Any, _Gap] = {}
    for place, piece in enumerate(pieces):
        if isinstance(piece, str):
            continue
        names, filters = _steps(piece)
        key = (names, filters) if names else id(piece)
        found.setdefault(key, _Gap(() if filters else names, piece, [])).places.append(place)
    return list(found.values())


def _steps(node: Node) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names that lead to a field, and those of its filters, if that says all of it."""
    if not isinstance(node, FieldNode) or any(each.args for each in node.filters):
        return (), ()
    return node.names, tuple(each.name for each in node.filters)
