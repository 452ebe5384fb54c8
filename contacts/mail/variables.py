"""What a template speaks of, found by reading it and not by rendering it."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from liquid import BoundTemplate, RenderContext
from liquid.ast import Node
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.assign_tag import AssignNode
from liquid.builtin.tags.for_tag import ForNode
from liquid.expression import Expression

from contacts.mail import liquid

Location = tuple[str, ...]

_LOOPS = {"forloop", "tablerowloop"}


@dataclass(frozen=True)
class Variable:
    """One place of a template that speaks of a variable from outside of it.

    ``is_bare`` if it is printed as it is: neither a default nor a condition around it cares for
    those who have none.
    """

    location: Location
    line: int
    is_bare: bool


def variables(source: str, *, is_html: bool) -> list[Variable]:
    """Return what the template speaks of, in the order of its lines.

    :raises liquid.TemplateError: if the source is not Liquid.
    """
    template = liquid.parse(source, is_html=is_html)
    visits = list(_visits(template))
    own = _LOOPS | {name for node, _ in visits for name in _names_made_by(node)}
    bare = {(id(node), path) for node, tested in visits for path in _bare_paths(node, tested)}
    printed = {path[0] for _, path in bare}
    ends = [each.start() for each in re.finditer("\n", source)]
    found = [
        Variable(
            location=_location(path),
            line=bisect_left(ends, path.token.start_index) + 1,
            is_bare=_is_bare(node, _location(path), bare, printed),
        )
        for node, _ in visits
        for expression in node.expressions()
        for path in _paths(expression)
        if path.head() not in own
    ]
    return sorted(found, key=lambda variable: variable.line)


def names_given(source: str) -> set[str]:
    """Return the names to which the template itself gives a value.

    :raises liquid.TemplateError: if the source is not Liquid.
    """
    visits = _visits(liquid.parse(source, is_html=False))
    return {name for node, _ in visits for name in _names_made_by(node)}


def mentions(source: str, location: Location, *, is_html: bool) -> bool:
    """Tell whether the template speaks of the variable."""
    return any(each.location == location for each in variables(source, is_html=is_html))


def _visits(template: BoundTemplate) -> Iterator[tuple[Node, frozenset[Location]]]:
    """Yield each node of the template, and what the conditions around it look at."""
    context = RenderContext(template)
    stack: list[tuple[Node, frozenset[Location]]] = [(node, frozenset()) for node in template.nodes]
    while stack:
        node, tested = stack.pop()
        yield node, tested
        if children := list(node.children(context, include_partials=False)):
            if not isinstance(node, ForNode):
                tested = tested | {_location(path) for path in _paths_in(node)}
            stack += [(child, tested) for child in children]


def _is_bare(
    node: Node, location: Location, bare: set[tuple[int, Location]], printed: set[str]
) -> bool:
    """Tell whether the value is printed as it is, here or by the name that it is given here."""
    if isinstance(node, AssignNode):
        return str(node.name) in printed and not _has_default(node.expression)
    return (id(node), location) in bare


def _bare_paths(node: Node, tested: frozenset[Location]) -> Iterator[Location]:
    if isinstance(node, OutputNode) and not _has_default(node.expression):
        for path in _paths(node.expression):
            location = _location(path)
            if not any(location[: len(each)] == each for each in tested):
                yield location


def _has_default(expression: Expression) -> bool:
    filters = expression.filters if isinstance(expression, FilteredExpression) else None
    return any(each.name == "default" for each in filters or ())


def _names_made_by(node: Node) -> Iterator[str]:
    yield from map(str, node.template_scope())
    yield from map(str, node.block_scope())


def _paths_in(node: Node) -> Iterator[Path]:
    for expression in node.expressions():
        yield from _paths(expression)


def _paths(expression: Expression) -> Iterator[Path]:
    stack = [expression]
    while stack:
        each = stack.pop()
        if isinstance(each, Path):
            yield each
        stack += each.children()


def _location(path: Path) -> Location:
    """Return the way to the value; that of a trait is the same with ``traits`` and without."""
    parts = tuple("*" if isinstance(part, Path) else str(part) for part in path.path)
    return (parts[0], *parts[2:]) if parts[:2] == ("contact", "traits") and parts[2:] else parts
