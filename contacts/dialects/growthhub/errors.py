"""How GrowthHub tells errors: ``{statusCode, message, error}``, and all that is wrong in a list."""

from http import HTTPStatus

from django.http import HttpRequest

from growth.api.errors import STATUS
from growth.errors import DomainError

_NO_SCOPE = "The token is not authorized for this scope."
# Clients compare these, which have no full stop.
_BARE = ("Invalid token: access token is invalid.", "version header is invalid.")


class NotTwice(DomainError):
    """There is a contact already, and the project does not allow another."""

    code = "bad_request"

    def __init__(self, contact_id: str, field: str, name: str) -> None:
        meta = {"contactId": contact_id, "matchingField": field, "contactName": name}
        super().__init__("This location does not allow duplicated contacts.", details=[meta])


def tell(request: HttpRequest, code: str, message: str, details: list[dict]) -> tuple[int, dict]:
    """Return status and body of an error."""
    status = STATUS[code]
    if details and "required_scope" in details[0]:
        status, message = 401, _NO_SCOPE
    message = message.removesuffix(".") if message in _BARE else message
    told = {
        "statusCode": status,
        "message": [_sentence(each) for each in details] or [message] if status == 422 else message,
        "error": HTTPStatus(status).phrase.replace("Content", "Entity"),
        "traceId": getattr(request, "request_id", ""),
    }
    if details and "matchingField" in details[0]:
        told["meta"] = details[0]
    return status, told


def _sentence(violation: dict[str, str]) -> str:
    field, message = violation.get("field"), violation["message"]
    if violation.get("reason") == "unknown_field":
        return f"property {field} should not exist"
    return f"{field} {message[:1].lower()}{message[1:]}".rstrip(".") if field else message
