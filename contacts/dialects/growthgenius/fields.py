"""The 58 keys of a contact: which are traits, and what may be said of each."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from contacts.dialects.growthgenius.base import ignored_fields
from contacts.models.addresses import AddressError, normalize_email
from contacts.operations.accounts import MAX_COMPANY
from contacts.operations.names import MAX_NAME, PARTS, WHOLES
from contacts.operations.traits import MAX_IDENTIFIER, tidy_tags, traits_violations
from growth.errors import Invalid, Violation

PHONES = ("corporate_phone", "home_phone", "mobile_phone", "other_phone", "work_phone")
NAMES = (*PARTS, *WHOLES)
CUSTOM = tuple(f"custom{number}" for number in range(1, 10))
_FREE = (
    *("annual_revenue", "bad_data_reason", "city", "company_address", "company_city"),
    *("company_country", "company_linkedin_url", "company_name_informal", "company_state"),
    *("country", "email_confidence", "email_status", "employee_count", "facebook_url", "industry"),
    *("keywords", "linkedin_url", "linkedin_username", "prospect_id", "seo_description", "state"),
    *("status", "technologies", "twitter_url", "unstructured_data", "upload_identifier", "website"),
    *CUSTOM,
)
_TEXTS = {
    **dict.fromkeys((*NAMES, "title"), MAX_NAME),
    "company_name": MAX_COMPANY,
    "stage": 100,
}
TRAITS = (*_FREE, *_TEXTS, *PHONES)
_OWN = ("email", "first_phone", "label_names", "lists", "user_id")
_ACCOUNT = ("contact_account", "contact_account_id")
READ_ONLY = ("id", "created_at", "updated_at")
KEYS = tuple(sorted((*TRAITS, *_OWN, *_ACCOUNT, *READ_ONLY)))
"""All that an answer has, in the order of the documents."""

ALIASES = {
    "organization_name": "company_name",
    "account_name": "company_name",
    "website_url": "website",
    "account_id": "contact_account_id",
}
MAX_LIST = 200
_ANY = ("unstructured_data",)
_SCALAR = (str, int, float, bool)


@dataclass
class Said:
    """What a body says of a contact.

    ``traits`` has None where one is taken away; ``own`` holds the fields that are no traits, only
    those that were sent; ``ignored`` are sentences about what was sent in vain.
    """

    traits: dict[str, Any] = field(default_factory=dict)
    own: dict[str, Any] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)


def read_contact(body: dict[str, Any]) -> Said:
    """Return what the fields say; what is wrong with them stands in its violations, all at once."""
    sent = {name: value for name, value in body.items() if name not in ALIASES}
    for alias, name in ALIASES.items():
        if alias in body:
            sent.setdefault(name, body[alias])
    known = {*KEYS, *ALIASES} - {*READ_ONLY}
    said = Said(ignored=ignored_fields(body, known, {*READ_ONLY}))
    for name in (each for each in sent if each in known):
        said.violations += _read(name, sent[name], said)
    said.violations += traits_violations(said.traits, "contact")
    return said


def _read(name: str, value: Any, said: Said) -> Iterator[Violation]:
    try:
        if name in PHONES:
            said.traits[name] = _phone(name, value)
        elif name in _TEXTS:
            said.traits[name] = _text(name, value, _TEXTS[name])
        elif name in _FREE:
            said.traits[name] = _free(name, value)
        else:
            said.own[name] = _READERS.get(name, lambda _, same: same)(name, value)
    except Invalid as error:
        yield from error.violations


def _text(name: str, value: Any, longest: int) -> str | None:
    if value is None or (isinstance(value, str) and len(value) <= longest):
        return value
    raise _refused(name, f"Send a text of at most {longest} characters.")


def _free(name: str, value: Any) -> Any:
    parts = value if isinstance(value, list) else [value]
    if name in _ANY or all(each is None or isinstance(each, _SCALAR) for each in parts):
        return value
    raise _refused(name, "Send a text, a number, true or false, or a list of them.")


def _phone(name: str, value: Any) -> str | None:
    """Return the number as text; what is no number in the programs that send it is none here."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    text = _text(name, value, 64)
    return None if text is None or text.strip().lower() in ("", "nan") else text


def _email(name: str, value: Any) -> str:
    if value is None or value == "":
        return ""
    try:
        return normalize_email(_text(name, value, 320))
    except AddressError as error:
        raise _refused(name, str(error)) from None


def _labels(name: str, value: Any) -> list[str]:
    if isinstance(value, str):
        value = [each for each in value.split(",") if each.strip()]
    return tidy_tags(value or [], name)


def _lists(name: str, value: Any) -> list[str]:
    if isinstance(value, str):
        value = [each for each in value.split(",") if each.strip()]
    names = value or []
    is_good = isinstance(names, list) and len(names) <= 100
    if not is_good or not all(
        isinstance(each, str) and 0 < len(each.strip()) <= MAX_LIST for each in names
    ):
        message = f"Send at most 100 names of lists, of 1 to {MAX_LIST} characters each."
        raise _refused(name, message)
    return list(dict.fromkeys(each.strip() for each in names))


def _account(name: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _refused(name, "Send an object with id and status.")
    return {"status": _text(f"{name}.status", value.get("status"), 64), "id": value.get("id")}


def _account_id(name: str, value: Any) -> Any:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if value is None or is_whole or (isinstance(value, str) and len(value) <= MAX_IDENTIFIER):
        return None if value == "" else value
    raise _refused(name, "Send the account's id: a number, or a text of yours.")


_READERS = {
    "email": _email,
    "first_phone": _phone,
    "label_names": _labels,
    "lists": _lists,
    "contact_account": _account,
    "contact_account_id": _account_id,
}


def _refused(name: str, message: str) -> Invalid:
    return Invalid(Violation(name, "invalid", message))
