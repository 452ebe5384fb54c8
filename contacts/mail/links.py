"""Where the links of mails lead. Whoever has such a link may do what it says, and nothing else.

A token bears what it speaks of and a signature, so that mail needs no rows for its links: the mail,
and for a tracked link the address that it leads to.
"""

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from django.conf import settings
from django.core import signing
from django.utils.crypto import salted_hmac
from django.utils.encoding import force_bytes

SAMPLE = "sample"
"""The token in mails that were sent for a look: its page changes nothing."""

_SIGNATURE = 22  # 128 bits, written in base 64


class _Signer(signing.Signer):
    """Django's, which derives its key anew for each signature; a mail has two."""

    def signature(self, value: str, key: str | None = None) -> str:
        digest = hmac.digest(_key_of(f"{self.salt}signer", key or self.key), value.encode(), sha256)
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


_unsubscribe = _Signer(sep=".", salt="contacts.mail.unsubscribe")
_confirm = _Signer(sep=".", salt="contacts.mail.confirm")


class UnknownToken(ValueError):
    """The token was not made here."""


@dataclass(frozen=True)
class TrackedLink:
    """One address in one mail of a project. ``links`` is how many different ones the mail has.

    A link to nowhere is the trap, which people do not see.
    """

    project: int
    email: int
    links: int = 0
    url: str = ""


def links_for(project: int, email: int) -> Mapping[str, str]:
    """Return what a template may speak of as ``links``."""
    token = unsubscribe_token(project, email)
    return _links(unsubscribe_url(token), f"{base_url()}/c/{confirm_token(project, email)}")


def sample_links() -> Mapping[str, str]:
    """Return the links of a mail that nobody got."""
    own = _links(unsubscribe_url(SAMPLE), f"{base_url()}/c/{SAMPLE}")
    return {
        **own,
        "survey": f"{base_url()}/s/{SAMPLE}",
        "referral": f"{base_url()}/r/{SAMPLE}",
    }


def base_url() -> str:
    """Return the address of this instance, without a slash at its end."""
    return settings.BASE_URL.rstrip("/")


def unsubscribe_url(token: str) -> str:
    """Return the address at which the mail's reader unsubscribes, and chooses topics."""
    return f"{base_url()}/u/{token}"


def unsubscribe_token(project: int, email: int) -> str:
    """Return what proves that its bearer got this mail. It does not expire."""
    return _unsubscribe.sign(f"{project:x}-{email:x}")


def read_unsubscribe_token(token: str) -> tuple[int, int]:
    """Return the keys of the project and the mail.

    :raises UnknownToken: if the token was not made here.
    """
    return _keys_in(_unsubscribe, token)


def confirm_token(project: int, email: int) -> str:
    """Return what proves that its bearer got this mail, and may say yes to what it asks."""
    return _confirm.sign(f"{project:x}-{email:x}")


def read_confirm_token(token: str) -> tuple[int, int]:
    """Return the keys of the project and the mail.

    :raises UnknownToken: if the token was not made here.
    """
    return _keys_in(_confirm, token)


def open_url(project: int, email: int) -> str:
    """Return the address of the picture that tells that the mail is looked at."""
    return f"{base_url()}/o/{_signed('open', f'{project:x}-{email:x}')}.gif"


def read_open_token(token: str) -> TrackedLink:
    """Return the mail that is looked at.

    :raises UnknownToken: if the token was not made here.
    """
    return _link_in(_verified("open", token.removesuffix(".gif")))


def click_url(link: TrackedLink) -> str:
    """Return the address that tells of the click and leads on to the link's own."""
    told = f"{link.project:x}-{link.email:x}-{link.links:x}-{link.url}"
    return f"{base_url()}/l/{_signed('click', told)}"


def read_click_token(token: str) -> TrackedLink:
    """Return the link that was clicked.

    :raises UnknownToken: if the token was not made here.
    """
    return _link_in(_verified("click", token))


def _links(unsubscribe: str, confirm: str) -> Mapping[str, str]:
    return {"unsubscribe": unsubscribe, "preferences": unsubscribe, "confirm": confirm}


def _keys_in(signer: signing.Signer, token: str) -> tuple[int, int]:
    try:
        project, email = signer.unsign(token).split("-")
        return int(project, 16), int(email, 16)
    except (signing.BadSignature, ValueError):
        raise UnknownToken("This is not a token of ours.") from None


def _link_in(told: str) -> TrackedLink:
    project, email, *rest = told.split("-", 3)
    links, url = rest or ("0", "")
    return TrackedLink(int(project, 16), int(email, 16), int(links, 16), url)


def _signed(purpose: str, told: str) -> str:
    """Return the words and their signature in letters that an address may have anywhere."""
    words = urlsafe_b64encode(told.encode()).rstrip(b"=")
    return (_signature(settings.SECRET_KEY, purpose, words) + words).decode()


def _verified(purpose: str, token: str) -> str:
    written = token.encode()
    signature, words = written[:_SIGNATURE], written[_SIGNATURE:]
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    if not any(hmac.compare_digest(signature, _signature(key, purpose, words)) for key in keys):
        raise UnknownToken("This is not a token of ours.")
    try:
        return urlsafe_b64decode(words + b"=" * (-len(words) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise UnknownToken("This is not a token of ours.") from None


def _signature(secret: str, purpose: str, words: bytes) -> bytes:
    digest = hmac.digest(_key(secret, purpose), words, sha256)
    return urlsafe_b64encode(digest[:16]).rstrip(b"=")


@lru_cache(maxsize=8)
def _key_of(salt: str, secret: str) -> bytes:
    """Return the key that ``salted_hmac`` makes of these."""
    return sha256(salt.encode() + force_bytes(secret)).digest()


@lru_cache(maxsize=8)
def _key(secret: str, purpose: str) -> bytes:
    return salted_hmac(f"contacts.mail.{purpose}", "key", secret, algorithm="sha256").digest()
