"""What may be a mistake of a template's author, and is no reason to refuse the template."""

import re
from collections.abc import Container, Iterator
from itertools import islice

from contacts.mail.masking import Mask
from contacts.mail.variables import mentions, names_given, variables
from contacts.models import Template

CLIPPED_AT = 102 * 1024
"""How many bytes of a mail Gmail shows before it hides the rest, and with it the way out."""

MAX_WARNINGS = 20

KNOWN = {
    "contact": None,
    "event": {"name", "properties", "timestamp"},
    "campaign": {"id", "name"},
    "survey": None,
    "waitlist": None,
    "program": None,
    "sender": None,
    "topics": None,
    "links": {
        *("confirm", "invite", "preferences", "referral", "status", "survey", "unsubscribe"),
        "view",
    },
}
"""What a template may speak of: the names below each, or None where there may be any."""

WAY_OUT = ("links", "unsubscribe")

_NO_WAY_OUT = "There is no unsubscribe link; add one to {{ links.unsubscribe }}."
_NO_WAY_OUT_OF_TEXT = (
    "The plain text has no unsubscribe link; add one to {{ links.unsubscribe }}, or leave the text"
    " out to have it made."
)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_ELEMENT = re.compile(r"<(a|area|img|mj-button|mj-image|mj-navbar-link)\b[^<>]*>", re.IGNORECASE)
_ADDRESS = re.compile(r"""\b(href|src)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_ALT = re.compile(r"\balt\s*=", re.IGNORECASE)
_MARKDOWN_LINK = re.compile(r"\]\([ \t]*<?([^)\s>]*)")
_MARKDOWN_IMAGE = re.compile(r"!\[[ \t]*\]\(")
_COMPLETE = re.compile(r"https?://|mailto:|tel:|cid:|#", re.IGNORECASE)


def warnings_of(template: Template) -> list[str]:
    """Return a sentence about each likely mistake, with its field and line.

    :raises liquid.TemplateError: if the template came past the compiler, and is none.
    """
    return list(islice(_warnings(template), MAX_WARNINGS))


def has_way_out(template: Template) -> bool:
    """Tell whether the reader of the mail is given a link to unsubscribe."""
    if template.html:
        return mentions(template.html, WAY_OUT, is_html=True)
    return mentions(template.text, WAY_OUT, is_html=False)


def unknown_variables(
    field: str, source: str, *, given: Container[str] = frozenset()
) -> Iterator[str]:
    """Yield a sentence about each name to which nobody gives a value."""
    told: set[str] = set()
    for each in variables(source, is_html=False):
        root, *below = each.location
        names = KNOWN.get(root, set())
        is_known = root in KNOWN and (names is None or not below or below[0] in names)
        if is_known or root in given:
            continue
        name = ".".join(each.location[:2] if root in KNOWN else each.location)
        if name in told:
            continue
        told.add(name)
        known = sorted(f"{root}.{name}" for name in names) if names else sorted(KNOWN)
        yield f"{field}, line {each.line}: There is no {name}; there are {', '.join(known)}."


def _warnings(template: Template) -> Iterator[str]:
    if not has_way_out(template):
        yield _NO_WAY_OUT
    elif not mentions(template.text, WAY_OUT, is_html=False):
        yield _NO_WAY_OUT_OF_TEXT
    yield from unknown_variables("subject", template.subject)
    # The preheader becomes a part of the body, and speaks of what that names.
    names = names_given(template.source)
    yield from unknown_variables("preheader", template.preheader, given=names)
    yield from unknown_variables("source", template.source)
    yield from unknown_variables("text", template.text_source)
    if template.format != Template.Format.TEXT:
        yield from _markup_warnings(template)
    size = len(template.html.encode())
    if size > CLIPPED_AT:
        yield (
            f"The HTML is {size // 1024} KB long; Gmail hides what comes after"
            f" {CLIPPED_AT // 1024} KB."
        )


def _markup_warnings(template: Template) -> Iterator[str]:
    """Yield what is said of links and images, in their order."""
    mask = Mask(template.source)
    # A comment becomes blank, and keeps its length and its lines.
    markup = _COMMENT.sub(lambda each: re.sub(r"[^\n]", " ", each[0]), mask.masked)
    found = list(_faults(markup, mask))
    if template.format == Template.Format.MARKDOWN:
        found += _markdown_faults(markup, mask)
    for position, message in sorted(found):
        line = mask.unmask(mask.masked[:position]).count("\n") + 1
        yield f"source, line {line}: {message}"


def _faults(markup: str, mask: Mask) -> Iterator[tuple[int, str]]:
    for element in _ELEMENT.finditer(markup):
        for attribute in _ADDRESS.finditer(element[0]):
            address = attribute[2] or attribute[3] or attribute[4] or ""
            if message := _fault_of(address, mask):
                yield element.start() + attribute.start(), message
        if element[1].lower() in ("img", "mj-image") and not _ALT.search(element[0]):
            yield element.start(), 'The image has no alt text; write alt="" if it only decorates.'


def _markdown_faults(markup: str, mask: Mask) -> Iterator[tuple[int, str]]:
    for link in _MARKDOWN_LINK.finditer(markup):
        if message := _fault_of(link[1], mask):
            yield link.start(), message
    for image in _MARKDOWN_IMAGE.finditer(markup):
        yield image.start(), "The image has no alt text; write it between the brackets."


def _fault_of(address: str, mask: Mask) -> str:
    """Return what is wrong with where a link leads; what Liquid begins is not judged."""
    written = address.strip()
    if not written:
        return "The link leads nowhere."
    if mask.word.match(written) or _COMPLETE.match(written):
        return ""
    shown = mask.unmask(written)[:80]
    return f"The link to {shown} is not complete; begin it with https:// or mailto:."
