"""HTML to plain text that reads well, by inscriptis."""

import re

from inscriptis import get_text
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig

# Tables of mails are layout: their rows become blocks and their cells stand one after the other.
# A cell of words that may break is what MJML makes of a component: a paragraph of its own.
_ROWS = re.compile(r"<(/?)(?:table|thead|tbody|tfoot|tr)(?=[\s>])", re.IGNORECASE)
_COMPONENT = re.compile(r"<td(?=[^<>]*word-break: ?break-word)", re.IGNORECASE)
_CELL = re.compile(r"<t[dh](?=[\s>])", re.IGNORECASE)
_CELL_END = re.compile(r"</t[dh]\s*>", re.IGNORECASE)
_STYLES = CSS_PROFILES["strict"]
_config = ParserConfig(css=_STYLES | {"section": _STYLES["p"]}, display_links=True)

_LINK = re.compile(r"\[([^\[\]]*)\]\(([^()\s]*)\)")
_LINE_ENDS = re.compile(r"[ \t]*\n")
_BLANK_LINES = re.compile(r"\n{3,}")


def from_html(html: str) -> str:
    """Return the text of the document, with the addresses of its links."""
    blocks = _ROWS.sub(r"<\1div", _CELL_END.sub("</span> ", html))
    flowing = _CELL.sub("<span", _COMPONENT.sub("<section", blocks))
    text = _LINK.sub(r"\1 <\2>", get_text(flowing, _config))
    return tidy("\n".join(line.strip() for line in text.splitlines()))


def tidy(text: str) -> str:
    """Return the text without space at the ends of lines and without more than one empty line."""
    return _BLANK_LINES.sub("\n\n", _LINE_ENDS.sub("\n", text)).strip() + "\n"
