"""Do not disturb: for each channel active, inactive, or permanent, which stays.

The mail channel is what the suppression of the address says; the others are kept for the client.
"""

from collections.abc import Mapping
from typing import Any

from contacts.dialects.growthhub.names import (
    ACTIVE,
    CHANNELS,
    DND,
    DND_SETTINGS,
    EMAIL_CHANNEL,
    INACTIVE,
    PERMANENT,
)
from contacts.models import Suppression

_Settings = dict[str, dict[str, Any]]


def kept_settings(traits: Mapping[str, Any]) -> _Settings:
    """Return the channels that the trait holds, which anybody may have written."""
    kept = traits.get(DND_SETTINGS)
    if not isinstance(kept, dict):
        return {}
    return {name: kept[name] for name in CHANNELS if isinstance(kept.get(name), dict)}


def patched(traits: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what becomes of the traits: the channels that are named change, unless they are
    permanent; no ``dnd`` for the whole ends what is active.
    """
    patch: dict[str, Any] = {}
    settings = kept_settings(traits)
    if DND in said:
        patch[DND] = bool(said[DND])
        if not said[DND]:
            settings = {name: _lifted(each) for name, each in settings.items()}
    if DND_SETTINGS in said:
        settings = _changed(settings, said[DND_SETTINGS])
    settings = {name: _without_nulls(each) for name, each in settings.items()}
    if settings != kept_settings(traits):
        patch[DND_SETTINGS] = settings or None
    return patch


def _without_nulls(channel: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is said of the channel: a null within a trait would end with the next patch."""
    return {name: value for name, value in channel.items() if value is not None}


def refused(traits: Mapping[str, Any], said: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each channel that stays closed though something else was said."""
    sent = said.get(DND_SETTINGS) or {}
    return [
        f"dndSettings.{name}: It is permanent, and cannot be lifted here."
        for name, each in kept_settings(traits).items()
        if each.get("status") == PERMANENT and sent.get(name, each).get("status") != PERMANENT
    ]


def mail_status(traits: Mapping[str, Any]) -> str:
    """Return how mail stands by what clients said: active or permanent closes the channel."""
    status = kept_settings(traits).get(EMAIL_CHANNEL, {}).get("status")
    if status == PERMANENT:
        return PERMANENT
    return ACTIVE if traits.get(DND) is True or status == ACTIVE else INACTIVE


def shown_settings(traits: Mapping[str, Any], suppressed: str | None) -> _Settings:
    """Return the channels; what else keeps mail from the address than this is permanent."""
    settings = kept_settings(traits)
    mail = settings.get(EMAIL_CHANNEL, {})
    if suppressed is None and mail.get("status") in (None, INACTIVE):
        return settings
    reasons = {None: INACTIVE, Suppression.Reason.DND.value: ACTIVE}
    shown = {**mail, "status": reasons.get(suppressed, PERMANENT)}
    return {**settings, EMAIL_CHANNEL: {"message": None, "code": None, **shown}}


def _changed(settings: _Settings, sent: _Settings | None) -> _Settings:
    if sent is None:
        return {name: each for name, each in settings.items() if each.get("status") == PERMANENT}
    open_to_change = {
        name: each
        for name, each in sent.items()
        if settings.get(name, {}).get("status") != PERMANENT or each["status"] == PERMANENT
    }
    return settings | open_to_change


def _lifted(channel: dict[str, Any]) -> dict[str, Any]:
    return channel | {"status": INACTIVE} if channel.get("status") == ACTIVE else channel
