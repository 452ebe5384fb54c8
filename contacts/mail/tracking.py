"""What makes a mail tell that it was looked at, and which of its links were followed.

Its links lead over us, a picture of one point is at its end, and beside it a link that people do
not see: who follows that one is a machine, which reads mail before people do.
"""

import re
from dataclasses import replace
from html import unescape
from urllib.parse import urlsplit

from contacts.mail.links import TrackedLink, base_url, click_url, open_url
from contacts.mail.rendering import Letter

MAX_URL = 2000
"""Longer addresses stay as they are: nobody's mail should break for a number."""

_LINK = re.compile(
    r"""(<(?:a|area)\b(?:[^>"']|"[^"]*"|'[^']*')*?\shref\s*=\s*)("[^"]*"|'[^']*')""", re.IGNORECASE
)
_END = re.compile(r"</body\s*>", re.IGNORECASE)
_WEB = ("http://", "https://")
_TAIL = (
    '<a href="%s" style="display:none" tabindex="-1" aria-hidden="true" rel="nofollow"></a>'
    '<img src="%s" width="1" height="1" alt="" style="display:block;border:0">'
)


def tracked(letter: Letter, *, project: int, email: int) -> Letter:
    """Return the letter so that opening it and following its links is told to us.

    Its plain text stays as it is, and so do the links by which its reader leaves or confirms.
    """
    if not letter.html:
        return letter
    urls = {_url(found[2]) for found in _LINK.finditer(letter.html)}
    tracked_urls = {url for url in urls if _is_tracked(url)}
    links = len(tracked_urls)

    def lead_over_us(found: re.Match) -> str:
        url = _url(found[2])
        if url not in tracked_urls:
            return found[0]
        return f'{found[1]}"{click_url(TrackedLink(project, email, links, url))}"'

    html = _LINK.sub(lead_over_us, letter.html) if tracked_urls else letter.html
    trap = click_url(TrackedLink(project, email, links))
    return replace(letter, html=_with_tail(html, _TAIL % (trap, open_url(project, email))))


def _url(quoted: str) -> str:
    return unescape(quoted[1:-1]).strip()


def _is_tracked(url: str) -> bool:
    own = tuple(f"{base_url()}/{page}/" for page in ("u", "c"))
    is_plain = url.isprintable() and len(url) <= MAX_URL
    return is_plain and url.lower().startswith(_WEB) and not url.startswith(own) and _has_host(url)


def _has_host(url: str) -> bool:
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:  # such as http://[
        return False


def _with_tail(html: str, tail: str) -> str:
    """Put the tail last into the body."""
    ends = list(_END.finditer(html))
    end = ends[-1].start() if ends else len(html)
    return f"{html[:end]}{tail}{html[end:]}"
