"""The guides: Markdown of templates/docs, each a page."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings
from django.utils.html import strip_tags
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify

from contacts.mail.markdown import to_html

_FOLDER = settings.BASE_DIR / "templates" / "docs"
_FIRST = ("story", "authentication", "errors", "pagination", "idempotency", "contacts", "events")
_HEADING = re.compile(r"<h2>(.*?)</h2>")


@dataclass(frozen=True)
class Guide:
    """A page of prose and examples."""

    slug: str
    title: str
    about: str
    html: SafeString
    headings: list[tuple[str, str]]


@cache
def guides() -> dict[str, Guide]:
    """Return the guides by their slugs, those first with which to begin."""
    slugs = sorted(path.stem for path in _FOLDER.glob("*.md"))
    slugs.sort(key=lambda slug: _FIRST.index(slug) if slug in _FIRST else len(_FIRST))
    return {slug: _read(_FOLDER / f"{slug}.md") for slug in slugs}


def _read(path: Path) -> Guide:
    html = to_html(path.read_text(encoding="utf-8"))
    titles = [strip_tags(heading) for heading in _HEADING.findall(html)]
    anchored = _HEADING.sub(_anchored, html.replace("<table>", '<div class="wide"><table>'))
    anchored = anchored.replace("</table>", "</table></div>").replace("<pre>", '<pre tabindex="0">')
    return Guide(
        slug=path.stem,
        title=_text_of("h1", html),
        about=re.split(r"(?<=[.:])\s", _text_of("p", html))[0].replace(":", "."),
        html=mark_safe(anchored),  # Ours, from the repository.
        headings=[(slugify(title), title) for title in titles],
    )


def _text_of(tag: str, html: str) -> str:
    found = re.search(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
    return strip_tags(found[1]).replace("\n", " ") if found else ""


def _anchored(heading: re.Match[str]) -> str:
    anchor = slugify(strip_tags(heading[1]))
    return f'<h2 id="{anchor}"><a href="#{anchor}">{heading[1]}</a></h2>'
