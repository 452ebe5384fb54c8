"""Liquid tags out of the way of tools that know only markup, and back in their places."""

import re
import secrets

from contacts.mail import liquid

# What markup readers take as one piece; what is never closed goes on to the end.
_PIECE = re.compile(
    r"<!--.*?(?:-->|\Z)|<(style|script|title|textarea)\b.*?(?:</\1\s*>|\Z)|<[^>]*(?:>|\Z)",
    re.IGNORECASE | re.DOTALL,
)


class Mask:
    """Words in place of the Liquid tags of one source, which no markup reader changes."""

    def __init__(self, source: str) -> None:
        """Mask the source; ``masked`` is what came of it.

        :raises liquid.TemplateError: if a tag is not closed.
        """
        self._tags: list[str] = []
        self._prints: list[bool] = []
        self._nonce = f"q{secrets.token_hex(4)}q"
        self.word = re.compile(rf"{self._nonce}([0-9]+)z")
        # A word alone in an HTML tag is an attribute to its reader, and gets an empty value.
        self._written = re.compile(rf"<!--{self.word.pattern}-->|{self.word.pattern}(?:=\"\")?")
        self._unquoted = re.compile(rf"\"[^\"]*\"|'[^']*'|{self.word.pattern}")
        self._own_line = re.compile(rf"^[ \t]*{self._nonce}[0-9]+z[ \t]*(?:\n|\Z)", re.MULTILINE)
        self.masked = self._mask(source)

    def unmask(self, text: str) -> str:
        """Return the text with the tags in place of their words."""
        return self._written.sub(lambda word: self._tags[int(word[1] or word[2])], text)

    def with_comments(self) -> str:
        """Return the masked source with comments for tags between elements that print nothing.

        A word would be moved out of a table by those who read it; a comment stays.
        """
        parts, position = [], 0
        for piece in _PIECE.finditer(self.masked):
            parts.append(self._commented(self.masked[position : piece.start()]))
            parts.append(self._joined(piece[0]))
            position = piece.end()
        parts.append(self._commented(self.masked[position:]))
        return "".join(parts)

    def with_comment_lines(self) -> str:
        """Return the masked source with comments for those tags that print nothing and have a line
        for themselves: a word there would become a paragraph in Markdown.
        """
        return self._own_line.sub(lambda line: self._commented(line[0]), self.masked)

    def with_joined_lines(self, text: str) -> str:
        """Return the text so that tags that print nothing leave no empty lines behind."""
        return self._own_line.sub(
            lambda line: line[0] if self._has_output(line[0]) else line[0].strip(), text
        )

    def has_other_text(self) -> bool:
        """Tell whether the source holds anything but tags and space."""
        return bool(self.word.sub("", self.masked).strip())

    @property
    def comment(self) -> str:
        """The pattern of a comment that stands for a tag, its word in a group."""
        return rf"<!--({self._nonce}[0-9]+z)-->"

    def _joined(self, element: str) -> str:
        """Return an element's tag with one word for all attributes under a condition: those who
        write it anew put its attributes into another order.
        """
        words = [match for match in self._unquoted.finditer(element) if match[1]]
        blocks = [word for word in words if not self._prints[int(word[1])]]
        if len(blocks) < 2:
            return element
        start, end = blocks[0].start(), blocks[-1].end()
        word = self._add(self.unmask(element[start:end]), prints=False)
        return element[:start] + word + element[end:]

    def _has_output(self, text: str) -> bool:
        return any(self._prints[int(word[1])] for word in self.word.finditer(text))

    def _mask(self, source: str) -> str:
        parts, position = [], 0
        for span in liquid.spans(source):
            word = self._add(source[span.start : span.end], prints=span.is_output)
            parts += source[position : span.start], word
            position = span.end
        return "".join([*parts, source[position:]])

    def _add(self, tag: str, *, prints: bool) -> str:
        self._tags.append(tag)
        self._prints.append(prints)
        return f"{self._nonce}{len(self._tags) - 1}z"

    def _commented(self, text: str) -> str:
        return self.word.sub(
            lambda word: word[0] if self._prints[int(word[1])] else f"<!--{word[0]}-->", text
        )
