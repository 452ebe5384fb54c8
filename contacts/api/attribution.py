"""By what link a person came, as a call of the ingest API tells it."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

MAX_LENGTH = 64

_NAMES = {"code": "referral_code", "click_id": "referral_click_id"}
_PARAMETERS = {"code": "ref", "click_id": "gclk"}
_OUTRIGHT = {name: name for name in _NAMES}
_ADDRESSES = ("url", "search")
_TELLING = frozenset([*_NAMES.values(), *_ADDRESSES])


def referral_in(context: dict[str, Any], properties: dict[str, Any]) -> dict[str, str] | None:
    """Return the code of the link and the id of the click, as far as the call tells them.

    ``context.referral`` says it outright, ``referral_code`` and ``referral_click_id`` among the
    properties do, and so does the address of the page that the person is on, which the SDKs send by
    themselves.
    """
    if not context and _TELLING.isdisjoint(properties):
        return None
    said = context.get("referral")
    if isinstance(said, dict) and (found := _texts(said, _OUTRIGHT)):
        return found
    return _texts(properties, _NAMES) or _in_address(context, properties)


def _in_address(context: dict[str, Any], properties: dict[str, Any]) -> dict[str, str] | None:
    page = context.get("page")
    for place in (page if isinstance(page, dict) else {}, properties):
        for name in _ADDRESSES:
            text = place.get(name)
            if isinstance(text, str) and "gclk=" in text and (found := _parameters(text)):
                return found
    return None


def _parameters(text: str) -> dict[str, str] | None:
    try:
        query = urlsplit(text[:4000]).query
        found = parse_qs(query, max_num_fields=100)
    except ValueError:
        return None
    return _texts({name: values[0] for name, values in found.items()}, _PARAMETERS)


def _texts(said: dict[str, Any], names: dict[str, str]) -> dict[str, str] | None:
    found = {ours: said.get(theirs) for ours, theirs in names.items()}
    texts = {
        name: text
        for name, text in found.items()
        if isinstance(text, str) and 0 < len(text) <= MAX_LENGTH
    }
    return texts or None
