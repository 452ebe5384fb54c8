"""Markdown to HTML, by markdown-it."""

from markdown_it import MarkdownIt

# Authors of templates may write HTML in any case; a limit on nesting is the library's own.
_markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def to_html(source: str) -> str:
    """Return the HTML of the text."""
    return _markdown.render(source)
