"""How Liquid writes: what nearly all of a mail's tags are, fields of the contact, in short cuts.

Whatever is not a field, filtered or not, goes the library's way, and so does a field that is not
there.
"""

from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

from liquid import escape
from liquid.builtin.content import ContentNode, Literal
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.for_tag import BreakLoop, ContinueLoop, ForLoop, ForNode, ForTag
from liquid.context import RenderContext
from liquid.exceptions import OutputStreamLimitError
from liquid.expression import Expression
from liquid.output import LimitedStringIO
from liquid.stringify import to_liquid_string
from liquid.token import Token

PLAIN = (str, int)
"""The types that are written as they are; of a truth value, that is neither, Liquid has words."""


class Buffer(LimitedStringIO):
    """The library's, but that it keeps the pieces, and counts letters instead of bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._pieces: list[str] = []

    def write(self, text: str) -> int:
        """Add the text.

        :raises OutputStreamLimitError: if that is too much.
        """
        size = len(text)
        self.size += size
        if self.size > self.limit:
            raise OutputStreamLimitError("output stream limit reached", token=None)
        self._pieces.append(text)
        return size

    def getvalue(self) -> str:
        """Return all that was written."""
        return "".join(self._pieces)


class _PlainNode(ContentNode):
    """What stands between the tags: no tag that could be disabled."""

    __slots__ = ()

    def render(self, context: RenderContext, buffer: StringIO) -> int:
        """Write the text."""
        return buffer.write(self.text)


class PlainText(Literal):
    """The library's text, by a shorter way."""

    node_class = _PlainNode


class FieldNode(OutputNode):
    """An output; ``names`` are the steps to a field, and ``filters`` what is made of it."""

    __slots__ = ("filters", "names")

    def __init__(self, token: Token, expression: Expression) -> None:
        super().__init__(token, expression)
        self.names = _names(expression)
        self.filters = expression.filters or () if self.names else ()

    def render(self, context: RenderContext, buffer: StringIO) -> int:
        """Write the field if it is a text or a number, else whatever the expression says."""
        if self.names:
            value = value_of(self.names, context.scope._maps)
            if type(value) in PLAIN:
                for each in self.filters:
                    value = each.evaluate(value, context)
                return buffer.write(written(value, context.autoescape))
        return self.render_to_output(context, buffer)


class FieldOutput(Output):
    """The library's output, with short cuts to fields."""

    node_class = FieldNode


class LoopNode(ForNode):
    """The library's loop, which asks for each round anew whether its block writes anything."""

    __slots__ = ()

    def render_to_output(self, context: RenderContext, buffer: StringIO) -> int:
        """Write the block for each item."""
        items, length = self.expression.evaluate(context)
        if not length:
            return self.default.render(context, buffer) if self.default else 0
        name, count = self.expression.identifier, 0
        nodes = [self.block] if self.block.blank else self.block.nodes
        loop = ForLoop(f"{name}-{self.expression.iterable}", items, length, context.parentloop())
        namespace = {"forloop": loop, name: None}
        with context.loop(namespace, loop):
            for item in loop:
                namespace[name] = item
                try:
                    for node in nodes:
                        count += node.render(context, buffer)
                except ContinueLoop:
                    continue
                except BreakLoop:
                    break
        return count


class Loop(ForTag):
    """The library's ``for``, by a shorter way."""

    node_class = LoopNode


def written(value: object, is_escaped: bool) -> str:
    """Return the value as Liquid writes it."""
    if type(value) is str:
        return escape(value) if is_escaped else value
    return str(value) if type(value) is int else to_liquid_string(value, is_escaped)


def value_of(names: Sequence[str], scopes: Iterable[Mapping[str, object]]) -> Any:
    """Return the value of a field, or None if there is none.

    :param names: the steps that lead to it; the first is looked for in one scope after the other,
        without an error for each that lacks it.
    """
    value: Any = None
    for scope in scopes:
        if names[0] in scope:
            value = scope[names[0]]
            break
    for name in names[1:]:
        value = value.get(name) if type(value) is dict else None
    return value


def _names(expression: Expression) -> tuple[str, ...]:
    if type(expression) is not FilteredExpression:
        return ()
    path = expression.left
    if type(path) is not Path or not all(type(step) is str for step in path.path):
        return ()
    return tuple(path.path)
