"""Links that templates speak of and that other apps make, asked for once for a whole batch."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog

from contacts.mail.claiming import Mail
from contacts.mail.rendering import Wording
from contacts.models import MailStream
from contacts.signals import mail_links_wanted
from growth.models import Project

Links = Mapping[str, str]

_SPOKEN_OF = re.compile(r"\blinks\s*(?:\.\s*|\[\s*['\"])(\w+)")
_OWN = frozenset({"unsubscribe", "preferences", "confirm", "view"})

log = structlog.get_logger(__name__)


def wanted_links(
    mails: Sequence[Mail],
    templates: Mapping[tuple[int, str], Wording],
    projects: Mapping[int, Project],
    *,
    at: datetime,
) -> dict[int, Links]:
    """Return what other apps offer the mails as ``links``, by the mails' keys.

    An app that fails costs its links, which templates must be able to do without, and no mail.
    """
    asked = {key: _asked(wording) for key, wording in templates.items()}
    waiting: dict[tuple[int, frozenset[str]], list[Mail]] = defaultdict(list)
    for mail in mails:
        own = mail.context.get("links") or {}
        names = asked.get((mail.project, mail.template_code), frozenset()).difference(own)
        if names:
            waiting[mail.project, names].append(mail)
    found: dict[int, dict[str, str]] = defaultdict(dict)
    for (project, names), some in waiting.items():
        told = mail_links_wanted.send_robust(
            sender=MailStream, project=projects[project], mails=some, names=names, at=at
        )
        for receiver, links in told:
            if isinstance(links, Exception):
                log.error("links_missing", receiver=repr(receiver), error=repr(links))
                continue
            for mail, named in links.items():
                found[mail] |= named
    return dict(found)


def _asked(wording: Wording) -> frozenset[str]:
    """Return the names of the links that the template speaks of and the mail engine has not."""
    texts = (wording.subject, wording.html, wording.text)
    return frozenset(name for text in texts for name in _SPOKEN_OF.findall(text)) - _OWN
