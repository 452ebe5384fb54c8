"""The parts of the OpenAPI file that many operations refer to: errors, and headers of answers."""

from collections.abc import Iterable

from growth.api.errors import STATUS
from growth.api.shapes import Schema, Shape, choice, group, list_of, text

_SENTENCES = {
    "bad_request": "The request cannot be read: its JSON, a parameter, or the cursor.",
    "unauthenticated": "There is no key, or it is unknown, or was revoked.",
    "insufficient_scope": "The key lacks the scope.",
    "not_found": "There is no such thing in this project.",
    "conflict": "The thing is in a state that does not allow this, or a request with the same "
    "Idempotency-Key is running.",
    "gone": "It was there, and is not kept any more.",
    "payload_too_large": "There is more in the body than one request may hold.",
    "unsupported_media_type": "The body is not JSON as UTF-8.",
    "validation_error": "The body breaks rules; details name each field.",
    "rate_limited": "That was too often; Retry-After says how long to wait.",
    "unavailable": "For the moment it cannot be answered; try again after Retry-After.",
}
RATE_HEADERS = {
    "X-RateLimit-Limit": "Requests that the key may send in a second, or your address in a minute.",
    "X-RateLimit-Remaining": "How many of them are left.",
    "X-RateLimit-Reset": "When the next second, or minute, begins, in seconds since 1970.",
}

ERROR = Shape(
    "Error",
    "Every refusal has this shape.",
    {
        "error": group(
            code=choice(STATUS, "A word for programs."),
            message=text("email: This is not an address.", "A sentence for people."),
            details=list_of(
                {
                    "type": "object",
                    "example": {
                        "field": "email",
                        "reason": "invalid",
                        "message": "This is not an address.",
                    },
                },
                "What is wrong, all at once; where a scope lacks, required_scope and "
                "granted_scopes; of a merged contact, merged_into.",
            ),
        ),
        "request_id": text("req_5f0c1b9a7d3e4f6081a2b3c4", "Name it when you ask for help."),
    },
)


def components() -> dict[str, Schema]:
    """Return the parts, by their kinds."""
    about = RATE_HEADERS | {
        "Retry-After": "Seconds to wait.",
        "WWW-Authenticate": "How to send a key.",
    }
    texts = ("WWW-Authenticate",)
    return {
        "headers": {
            name: {
                "description": sentence,
                "schema": {"type": "string" if name in texts else "integer"},
            }
            for name, sentence in about.items()
        },
        "responses": {code: _refusal(code) for code in _SENTENCES},
    }


def headers_named(names: Iterable[str]) -> Schema:
    """Return references to these headers."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _refusal(code: str) -> Schema:
    headers = {
        "unauthenticated": ["WWW-Authenticate"],
        "rate_limited": ["Retry-After", *RATE_HEADERS],
        "unavailable": ["Retry-After"],
    }.get(code, [])
    sentence = _SENTENCES[code]
    example = {
        "error": {"code": code, "message": sentence, "details": []},
        "request_id": "req_5f0c1b9a7d3e4f6081a2b3c4",
    }
    schema = {"$ref": "#/components/schemas/Error"}
    return {
        "description": sentence,
        **({"headers": headers_named(headers)} if headers else {}),
        "content": {"application/json": {"schema": schema, "example": example}},
    }
