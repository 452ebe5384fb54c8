"""Mail addresses and phone numbers in the spelling by which they are compared."""

from functools import lru_cache

import email_validator
import phonenumbers
from email_validator import EmailNotValidError, validate_email

email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()  # Only syntax is ours to judge.


class AddressError(ValueError):
    """The text is not a mail address."""


@lru_cache(maxsize=65_536)
def normalize_email(text: str) -> str:
    """Return the address with its domain in lower case and its letters composed.

    :raises AddressError: if its syntax is not that of one mail address.
    """
    try:
        return validate_email(text.strip(), check_deliverability=False, strict=True).normalized
    except EmailNotValidError:
        raise AddressError("Write one mail address, such as alice@example.com.") from None


def email_key(address: str) -> str:
    """Return what a normalized address is compared by; PostgreSQL would lower it otherwise."""
    return address.lower()


@lru_cache(maxsize=65_536)
def normalize_phone(text: str) -> str | None:
    """Return the number as E.164, or None if it is not a valid number with its country code."""
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
