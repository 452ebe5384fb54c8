"""Buttons that say yes for somebody: who presses one has had the page before them for a moment.

What scans mail follows its links, and some submit the forms that they find, but all at once.
"""

from datetime import datetime, timedelta

from django.core import signing

LEAST = timedelta(seconds=2)
MOST = timedelta(days=1)

_signer = signing.Signer(sep=".", salt="contacts.mail.presses")


def issue(subject: str, *, at: datetime) -> str:
    """Return what the page's form must bear."""
    return _signer.sign(f"{subject}~{at.timestamp():.3f}")


def is_known(press: str, subject: str, *, at: datetime) -> bool:
    """Tell whether the page that bore this was shown lately."""
    age = _age(press, subject, at)
    return age is not None and age <= MOST


def is_by_person(press: str, subject: str, *, at: datetime) -> bool:
    """Tell whether the page was shown long enough ago for a person to have read it."""
    age = _age(press, subject, at)
    return age is not None and LEAST <= age <= MOST


def _age(press: str, subject: str, at: datetime) -> timedelta | None:
    try:
        told, shown_at = _signer.unsign(press).rsplit("~", 1)
    except (signing.BadSignature, ValueError):
        return None
    return timedelta(seconds=at.timestamp() - float(shown_at)) if told == subject else None
