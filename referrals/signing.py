"""What lets its bearer see one link that is shared, and nothing else."""

from django.core import signing

from referrals.models import Link

_signer = signing.Signer(sep=".", salt="referrals.share")


class UnknownToken(ValueError):
    """The token was not made here."""


def share_token(link: Link) -> str:
    """Return what the browser of the contact may show the link by, until the link gets another."""
    return _signer.sign(f"{link.project_key:x}-{link.key:x}-{link.share_version:x}")


def read_share_token(token: str) -> tuple[int, int, int]:
    """Return the keys of the project and the link, and the version of the token.

    :raises UnknownToken: if the token was not made here.
    """
    try:
        project, link, version = _signer.unsign(token).split("-")
        return int(project, 16), int(link, 16), int(version, 16)
    except (signing.BadSignature, ValueError):
        raise UnknownToken("This is not a token of ours.") from None
