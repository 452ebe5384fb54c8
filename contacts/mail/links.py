"""Where the links of mails lead. Whoever has such a link may do what it says, and nothing else."""

from collections.abc import Mapping

from django.conf import settings
from django.core import signing

SAMPLE = "sample"
"""The token in mails that were sent for a look: its page changes nothing."""

_signer = signing.Signer(sep=".", salt="contacts.mail.unsubscribe")


class UnknownToken(ValueError):
    """The token was not made here."""


def links_for(token: str) -> Mapping[str, str]:
    """Return what a template may speak of as ``links``."""
    return {"unsubscribe": unsubscribe_url(token)}


def unsubscribe_url(token: str) -> str:
    """Return the address at which the mail's reader unsubscribes."""
    return f"{settings.BASE_URL.rstrip('/')}/u/{token}"


def unsubscribe_token(project: int, email: int) -> str:
    """Return what proves that its bearer got this mail. It does not expire."""
    return _signer.sign(f"{project:x}-{email:x}")


def read_unsubscribe_token(token: str) -> tuple[int, int]:
    """Return the keys of the project and the mail.

    :raises UnknownToken: if the token was not made here.
    """
    try:
        project, email = _signer.unsign(token).split("-")
        return int(project, 16), int(email, 16)
    except (signing.BadSignature, ValueError):
        raise UnknownToken("This is not a token of ours.") from None
