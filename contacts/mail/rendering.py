"""One mail for one contact: preview, test and real mails are all made here."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from contacts.mail import liquid, plaintext

MAX_SUBJECT = 500

NAMES = {
    "name": ("name", "full_name", "first_name", "firstName", "last_name", "lastName"),
    "first_name": ("first_name", "firstName", "name", "full_name", "last_name", "lastName"),
    "last_name": ("last_name", "lastName"),
}
"""The traits of which any suffices for a name of the contact to be known."""

SAMPLE_TRAITS = {"name": "Alex Morgan", "first_name": "Alex", "last_name": "Morgan"}

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# They turn round what stands after them, so that a name could make a subject say something else.
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")


class Wording(Protocol):
    """The compiled text of a mail: a template's, stored or not."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True)
class Letter:
    """What one contact reads. ``html`` is empty where the mail is plain text only."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True)
class Person:
    """What a template may know of a contact. Its values are data, whatever Liquid they may hold."""

    id: str
    email: str
    external_id: str = ""
    phone: str = ""
    tags: list[str] = field(default_factory=list)
    traits: dict[str, Any] = field(default_factory=dict)

    def as_context(self) -> dict[str, Any]:
        """Return the contact as Liquid knows it: its own fields, and its traits beside them."""
        own = {
            "id": self.id,
            "email": self.email,
            "external_id": self.external_id,
            "phone": self.phone,
            "tags": self.tags,
            "traits": self.traits,
        }
        return {**_names(self.traits), **self.traits, **own}


SAMPLE = Person(
    id="cntct_0000000000",
    email="alex@example.com",
    external_id="customer-1",
    phone="+15550100",
    tags=["sample"],
    traits=SAMPLE_TRAITS,
)


# Where a link may lead, whatever a trait says: to a page, into a mail, to a phone, or nowhere else.
_STRANGE_LINK = re.compile(
    r"""((?:href|src|action|background)\s*=\s*["']?)\s*(?!https?:|mailto:|tel:|cid:)[a-z][a-z0-9+.\s-]*:""",
    re.IGNORECASE,
)


def context_of(
    person: Person, *, links: Mapping[str, str], about: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the mail speaks of: this person, its links, and what it is about."""
    return {**about, "contact": person.as_context(), "links": links}


def render(wording: Wording, context: Mapping[str, Any], *, subject: str = "") -> Letter:
    """Return the mail; a ``subject`` that is not empty takes the place of the template's.

    :raises liquid.RenderError: if this contact's mail cannot be made.
    :raises liquid.TemplateError: if the template is none.
    """
    return Letter(
        subject=one_line(_rendered(subject or wording.subject, context, is_html=False))[
            :MAX_SUBJECT
        ],
        html=_without_strange_links(_rendered(wording.html, context, is_html=True)),
        text=plaintext.tidy(_rendered(wording.text, context, is_html=False)),
    )


def _without_strange_links(html: str) -> str:
    lowered = html.lower()
    # The pattern is slow to find where it may begin; texts whose length the case changes are rare.
    if len(lowered) == len(html) and not any(
        _STRANGE_LINK.match(html, place) for place in _attributes(lowered)
    ):
        return html
    return _STRANGE_LINK.sub(r"\1#", html)


def _attributes(lowered: str) -> Iterator[int]:
    for name in ("href", "src", "action", "background"):
        place = lowered.find(name)
        while place >= 0:
            yield place
            place = lowered.find(name, place + 1)


def one_line(text: str) -> str:
    """Return the text without line ends and control characters, so that it can be in a header."""
    return _UNPRINTABLE.sub(" ", _TURNS.sub("", text)).strip()


def _rendered(source: str, context: Mapping[str, Any], *, is_html: bool) -> str:
    if "{" not in source:
        return source
    return liquid.render(liquid.parse(source, is_html=is_html), context)


def _names(traits: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``name`` and ``first_name`` as well as the traits tell them."""
    first = traits.get("first_name") or traits.get("firstName") or ""
    last = traits.get("last_name") or traits.get("lastName") or ""
    name = traits.get("name") or traits.get("full_name") or f"{first} {last}".strip()
    return {"name": name, "first_name": first or str(name).partition(" ")[0], "last_name": last}
