"""Addresses as SMTP takes them: always one, and one that was checked."""

from dataclasses import dataclass
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from contacts.models.addresses import AddressError, normalize_email


@dataclass(frozen=True)
class Recipient:
    """One address; ``needs_utf8`` if it can be written in Unicode only."""

    address: str
    needs_utf8: bool = False


@lru_cache(maxsize=10_000)
def recipient(address: str) -> Recipient:
    """Return the address as the envelope bears it: its domain in ASCII where it can be.

    :raises AddressError: if it is not one mail address.
    """
    normalized = normalize_email(address)
    if normalized.isascii():
        return Recipient(normalized)
    try:
        written = validate_email(normalized, check_deliverability=False).ascii_email
    except EmailNotValidError:
        raise AddressError("Write one mail address, such as alice@example.com.") from None
    return Recipient(written or normalized, needs_utf8=written is None)
