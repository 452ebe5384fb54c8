"""Events of the system's own that clients may send: they ask an app above for something.

Ingest checks their shape. Whether what they name is there, that app knows.
"""

from collections.abc import Callable
from typing import Any

from growth import ids
from growth.errors import Invalid, Violation

MAX_CODE = 64


def _check_joining(properties: dict[str, Any]) -> None:
    """Check the wish to be on a waitlist: ``{waitlist_id, referral_code?}``.

    :raises Invalid: naming what is wrong with it.
    """
    wrong = []
    try:
        ids.decode("wl", str(properties.get("waitlist_id", "")))
    except ids.PublicIdError:
        message = f"Name the waitlist by its id, such as {ids.encode('wl', 1)}."
        wrong.append(Violation("properties.waitlist_id", "invalid", message))
    code = properties.get("referral_code")
    if code is not None and not (isinstance(code, str) and len(code) <= MAX_CODE):
        message = f"Send a text of at most {MAX_CODE} characters."
        wrong.append(Violation("properties.referral_code", "invalid", message))
    if wrong:
        raise Invalid(*wrong)


COMMANDS: dict[str, Callable[[dict[str, Any]], None]] = {"$waitlist_joined": _check_joining}
"""What checks the properties of each."""
