"""How Liquid writes: what nearly all of a mail's tags are, fields of the contact, in short cuts.

Whatever is not a plain field goes the library's way, and so does a field that is not there.
"""

from io import StringIO

from liquid import escape
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import Output, OutputNode
from liquid.context import RenderContext
from liquid.exceptions import OutputStreamLimitError
from liquid.expression import Expression
from liquid.output import LimitedStringIO
from liquid.token import Token


class Buffer(LimitedStringIO):
    """The library's, but for encoding each piece to count its bytes."""

    def write(self, text: str) -> int:
        """Add the text.

        :raises OutputStreamLimitError: if that is too much.
        """
        self.size += len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
        if self.size > self.limit:
            raise OutputStreamLimitError("output stream limit reached", token=None)
        return StringIO.write(self, text)


class _FieldNode(OutputNode):
    """An output; ``names`` are the steps to a field that is all of it."""

    __slots__ = ("names",)

    def __init__(self, token: Token, expression: Expression) -> None:
        super().__init__(token, expression)
        self.names = _names(expression)

    def render(self, context: RenderContext, buffer: StringIO) -> int:
        """Write the field if it is a text or a number, else whatever the expression says."""
        if self.names:
            root, *steps = self.names
            value = context.scope.get(root)
            for name in steps:
                value = value.get(name) if type(value) is dict else None
            if type(value) is str:
                return buffer.write(escape(value) if context.autoescape else value)
            if type(value) is int:
                return buffer.write(str(value))
        return self.render_to_output(context, buffer)


class FieldOutput(Output):
    """The library's output, with short cuts to fields."""

    node_class = _FieldNode


def _names(expression: Expression) -> tuple[str, ...]:
    if type(expression) is not FilteredExpression or expression.filters:
        return ()
    path = expression.left
    if type(path) is not Path or not all(type(step) is str for step in path.path):
        return ()
    return tuple(path.path)
