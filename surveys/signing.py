"""What proves that its bearer was invited: the link in the mail is the permission to answer."""

from django.core import signing

from contacts.mail.links import base_url

_signer = signing.Signer(sep=".", salt="surveys.invitation")


class UnknownToken(ValueError):
    """The token was not made here."""


def survey_url(project: int, invitation: int) -> str:
    """Return where the invitation is answered."""
    return f"{base_url()}/s/{invitation_token(project, invitation)}"


def invitation_token(project: int, invitation: int) -> str:
    """Return what proves that its bearer was invited."""
    return _signer.sign(f"{project:x}-{invitation:x}")


def read_token(token: str) -> tuple[int, int]:
    """Return the keys of the project and the invitation.

    :raises UnknownToken: if the token was not made here.
    """
    try:
        project, invitation = _signer.unsign(token).split("-")
        return int(project, 16), int(invitation, 16)
    except (signing.BadSignature, ValueError):
        raise UnknownToken("This is not a token of ours.") from None
