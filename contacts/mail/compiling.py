"""What an author writes, made into what is sent: once, when it is saved.

At save a template is read, compiled and rendered for a sample contact, so that a mistake meets its
author and not a million mails.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

from contacts.mail import liquid, rendering
from contacts.mail.masking import Mask
from contacts.mail.press import Job, Pressed, PressError, press_apart
from growth.errors import Invalid, Violation

FORMATS = ("html", "mjml", "markdown", "text")
MAX_HTML = 400_000

PREHEADER = '<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">%s</div>'
_COMPONENT = re.compile(r"<(mj-[a-z-]+)")

Press = Callable[[Job], Pressed]


@dataclass(frozen=True)
class Draft:
    """A template as its author wrote it; an empty ``text`` is made from the source."""

    format: str
    source: str
    subject: str = ""
    preheader: str = ""
    text: str = ""


@dataclass(frozen=True)
class Compiled:
    """A template as it is rendered."""

    subject: str
    html: str
    text: str


def compile_draft(draft: Draft, *, press: Press = press_apart) -> Compiled:
    """Return what the draft becomes.

    :raises Invalid: naming each part that is wrong, and the line.
    """
    if violations := list(_liquid_violations(draft)):
        raise Invalid(*violations)
    try:
        html, text = _parts(draft, press)
        compiled = Compiled(draft.subject, html, text)
        rendering.render(compiled, sample_context())
    except liquid.TemplateError as error:
        raise Invalid(Violation("source", "invalid_template", str(error))) from None
    except liquid.RenderError as error:
        message = f"A sample of it cannot be rendered: {error}"
        raise Invalid(Violation("source", "not_renderable", message)) from None
    return compiled


def sample_context(**given: Any) -> dict[str, Any]:
    """Return what a template may speak of, for nobody in particular."""
    return {
        "contact": rendering.SAMPLE.as_context(),
        "event": {"name": "sample_event", "properties": {}},
        "campaign": {"id": "", "name": "Sample campaign"},
        "links": {
            "unsubscribe": "https://example.com/unsubscribe",
            "preferences": "https://example.com/unsubscribe",
        },
    } | given


def _liquid_violations(draft: Draft) -> Iterator[Violation]:
    for field in ("source", "subject", "preheader", "text"):
        try:
            liquid.parse(getattr(draft, field), is_html=False)
        except liquid.TemplateError as error:
            yield Violation(field, "invalid_template", str(error))


def _parts(draft: Draft, press: Press) -> tuple[str, str]:
    if draft.format == "text":
        return "", draft.text or draft.source
    prologue, source = _split(draft)
    mask = Mask(source)
    markup = mask.with_comment_lines() if draft.format == "markdown" else mask.with_comments()
    try:
        pressed = press(Job(draft.format, markup, mask.comment))
    except PressError as error:
        raise liquid.TemplateError(str(error), _line(mask, markup, error)) from None
    html = prologue + _with_preheader(mask.unmask(pressed.html), draft.preheader)
    _require_sendable(html)
    if draft.format == "markdown":
        return html, draft.text or draft.source  # It is meant to be read as it is.
    return html, draft.text or prologue + mask.unmask(mask.with_joined_lines(pressed.text))


def _split(draft: Draft) -> tuple[str, str]:
    """Return the Liquid before the root of MJML, which its reader would lose, and the rest."""
    root = draft.source.find("<mjml") if draft.format == "mjml" else 0
    before = draft.source[: max(root, 0)]
    if Mask(before).has_other_text():
        return "", draft.source
    return before.strip(), "\n" * before.count("\n") + draft.source[len(before) :]


def _with_preheader(html: str, preheader: str) -> str:
    """Put the line that mail programs show beside the subject first in the body, unseen."""
    if not preheader:
        return html
    mask = Mask(preheader)
    hidden = PREHEADER % mask.unmask(escape(mask.masked))
    start = html.lower().find("<body")
    end = html.find(">", start) + 1 if start >= 0 else 0
    return html[:end] + hidden + html[end:]


def _require_sendable(html: str) -> None:
    if len(html) > MAX_HTML:
        raise liquid.TemplateError(f"The HTML is over {MAX_HTML // 1000} KB; shorten it.")
    if left := _COMPONENT.search(html):
        raise liquid.TemplateError(f"There is no MJML component {left[1]} at this place.")


def _line(mask: Mask, markup: str, error: PressError) -> int | None:
    if error.position is None:
        return None
    before = markup.encode()[: error.position].decode(errors="ignore")
    return mask.unmask(before).count("\n") + 1
