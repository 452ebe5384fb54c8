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


def _check_answer(properties: dict[str, Any]) -> None:
    """Check the answer to a survey: ``{survey_id, score?, comment?, answers?}``.

    :raises Invalid: naming what is wrong with it.
    """
    wrong = []
    try:
        ids.decode("srvy", str(properties.get("survey_id", "")))
    except ids.PublicIdError:
        message = f"Name the survey by its id, such as {ids.encode('srvy', 1)}."
        wrong.append(Violation("properties.survey_id", "invalid", message))
    score = properties.get("score")
    if score is not None and (not isinstance(score, int) or isinstance(score, bool)):
        wrong.append(Violation("properties.score", "invalid", "Send a whole number."))
    if not isinstance(properties.get("answers") or {}, dict):
        message = "Send a JSON object, by the ids of the questions."
        wrong.append(Violation("properties.answers", "invalid", message))
    if not isinstance(properties.get("comment") or "", str):
        wrong.append(Violation("properties.comment", "invalid", "Send a text."))
    if wrong:
        raise Invalid(*wrong)


COMMANDS: dict[str, Callable[[dict[str, Any]], None]] = {
    "$survey_responded": _check_answer,
    "$waitlist_joined": _check_joining,
}
"""What checks the properties of each."""
