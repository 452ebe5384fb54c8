"""The links that people share, and how often they were followed."""

import secrets
import unicodedata
from hashlib import sha256
from hmac import compare_digest, digest
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F
from django.utils.crypto import salted_hmac

from contacts.mail.links import base_url
from growth import ids
from growth.models import Project, ProjectModel, PublicIdField
from referrals.models.program import Program

MAX_CODE = 40

# No vowels, which make words; no digits that look like letters.
_ALPHABET = "23456789BCDFGHJKLMNPQRSTVWXZ"
_WORD = 12
_CLICK = "clk"
_SIGNATURE = 12  # 48 bits, written in hexadecimal


class Link(ProjectModel):
    """A contact's own way of bringing others into a program; ``channel`` says where it is shared.

    The code is what the world knows of it, and is one of its kind in all projects, because the
    address that is shared names none. ``share_version`` counts how often the contact got another
    share token.
    """

    id = PublicIdField(prefix="ref_link")
    program = models.ForeignKey(Program, models.CASCADE, related_name="links", db_index=False)
    contact = models.ForeignKey(
        "contacts.Contact", models.CASCADE, related_name="+", db_index=False
    )
    code = models.CharField(max_length=MAX_CODE, unique=True)
    channel = models.CharField(max_length=64, blank=True)
    share_version = models.IntegerField(default=0, db_default=0, editable=False)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["project", "program", "id"], name="link_of_program"),
            models.Index(fields=["project", "contact", "program"], name="link_of_contact"),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def url(self) -> str:
        """The address that the contact shares."""
        return share_url(self.project, self.code)

    def rotate_share_token(self) -> None:
        """Make the share tokens that were given out open nothing; the next one is new."""
        own = Link.objects.filter(project=self.project_id, pk=self.pk)
        own.update(share_version=F("share_version") + 1)
        self.refresh_from_db(fields=["share_version"])


class Click(ProjectModel):
    """A link was followed. What says of itself that no person did it, is a machine's."""

    id = models.BigAutoField(primary_key=True)
    link = models.ForeignKey(Link, models.CASCADE, related_name="clicks", db_index=False)
    clicked_at = models.DateTimeField()
    is_machine = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["project", "link", "clicked_at"], name="click_of_link"),
        ]


def share_url(project: Project, code: str) -> str:
    """Return the address at which the code leads on: at the project's own domain if it has one."""
    domain = project.referral_domain.strip("/")
    base = (domain if "://" in domain else f"https://{domain}") if domain else base_url()
    return f"{base}/r/{code}"


def new_code(name: Any, company: Any, *, attempt: int) -> str:
    """Return a code that a person can read out, such as ALICE-ACME-7K2.

    The more often a code was taken, the longer its end.
    """
    end = "".join(secrets.choice(_ALPHABET) for _ in range(3 + attempt))
    words = [_word(name) or "FRIEND", _word(company), end]
    return "-".join(filter(None, words))


def blank_code() -> str:
    """Return a code that says nothing of anybody."""
    return "GONE-" + "".join(secrets.choice(_ALPHABET) for _ in range(12))


def _word(text: Any) -> str:
    """Return the first word of the text, in letters that everybody can type."""
    if not isinstance(text, str):
        return ""
    plain = unicodedata.normalize("NFKD", text[:200]).encode("ascii", "ignore").decode().upper()
    words = "".join(each if each.isalnum() else " " for each in plain).split()
    return words[0][:_WORD] if words else ""


def click_token(click: int) -> str:
    """Return the id of a click as the landing page gets it. Nobody can make up another's."""
    return f"{ids.encode(_CLICK, click)}{_signed(settings.SECRET_KEY, click)}"


def read_click_token(token: Any) -> int | None:
    """Return the key of the click, or None if it is not an id of ours."""
    if not isinstance(token, str) or not token.isascii():
        return None
    written, signature = token[:-_SIGNATURE], token[-_SIGNATURE:]
    try:
        click = ids.decode(_CLICK, written)
    except ids.PublicIdError:
        return None
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    is_ours = any(compare_digest(_signed(key, click), signature) for key in keys)
    return click if is_ours else None


def _signed(secret: str, click: int) -> str:
    key = salted_hmac("referrals.click", "key", secret, algorithm="sha256").digest()
    return digest(key, str(click).encode(), sha256).hex()[:_SIGNATURE]
