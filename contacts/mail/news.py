"""What the system and its integrators are told of a mail."""

from collections.abc import Mapping
from typing import Any


def properties_of(
    context: Mapping[str, Any], *, step_key: str, template_code: str
) -> dict[str, Any]:
    """Return the properties of events about a mail with this context."""
    campaign = context.get("campaign") or {}
    if "id" not in campaign:
        return {"template_id": template_code}
    return {"campaign_id": campaign["id"], "step_id": step_key, "template_id": template_code}


def news_of(
    properties: Mapping[str, Any], *, contact_id: str, address: str, reason: str = ""
) -> dict[str, Any]:
    """Return the data of public news about a mail to this contact."""
    told = {**properties, "contact_id": contact_id, "email": address}
    return told | {"reason": reason} if reason else told
