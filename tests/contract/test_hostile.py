"""Nothing that anybody can send is a fault of ours, or half a write: hostile values everywhere."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from rest_framework.test import APIClient

from growth.api.shapes import example_of
from growth.docs.openapi import document
from tests.hostile import TEXTS, VALUES, variants
from tests.openapi import Call, calls
from tests.test_docs import (
    filled,
    kept_project,
    kept_things,
    mail_server,
    prepared,
    project,
    things,
)

__all__ = [
    "kept_project",
    "kept_things",
    "mail_server",
    "prepared",
    "project",
    "things",
]  # fixtures

CALLS = {call.id: call for call in calls()}
RAW = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"x"',
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b'{"a": NaN}',
    b'{"a": 1e400}',
    b'{"a": "\\ud800"}',
    b'{"a": 1, "a": 2}',
    b"[" * 100_000,
    b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
    b"x" * 2_000_000,
]
TYPES = ["text/plain", "application/xml", "application/json; charset=utf-7", "x", ""]

every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def send(call: Call, client: APIClient, path: str, content: bytes | None, **options: Any) -> int:
    """Send it, and return the status; every refusal has the one shape."""
    options.setdefault("content_type", "application/json")
    response = client.generic(call.method.upper(), path, content or b"", **options)
    if not response.streaming and response.status_code >= 400:
        assert set(response.json()) == {"error", "request_id"}
        assert "Traceback" not in response.content.decode()
    return response.status_code


def whole(call: Call) -> Any:
    """Return the example of the body with all the fields that there are."""
    schemas = document()["components"]["schemas"]
    full = example_of(call.takes, schemas) if call.takes else None
    return {**full, **call.body} if isinstance(full, dict) and call.body else call.body


@every_call
def test_no_value_in_a_body_is_a_fault_of_ours(call, api, things, prepared):
    prepared.get(call.id, lambda: None)()
    path, body = filled(call, things)
    full = {**whole(call), **body} if isinstance(body, dict) else body
    for variant in variants(full if call.takes is not None else {}):
        content = json.dumps(variant).encode()
        assert send(call, api, path, content) < 500, content[:500]
    for raw in RAW:
        assert send(call, api, path, raw) < 500, raw[:100]
    for type in TYPES:
        assert send(call, api, path, b"{}", content_type=type) < 500, type


@every_call
def test_no_value_in_an_address_or_header_is_a_fault_of_ours(call, api, things, prepared):
    prepared.get(call.id, lambda: None)()
    path, body = filled(call, things)
    content = json.dumps(body).encode() if call.body is not None else None
    texts = [text.encode("utf-8", "surrogatepass")[:5_000] for text in map(str, VALUES)]
    for parameter in call.operation.get("parameters", []):
        for text in [*texts, *(each.encode("utf-8", "surrogatepass")[:5_000] for each in TEXTS)]:
            if parameter["in"] == "query":
                address = f"{path}?{parameter['name']}={quote(text)}"
                assert send(call, api, address, content) < 500, address
            if parameter["in"] == "header":
                headers = {parameter["name"]: text.decode("latin-1")}
                assert send(call, api, path, content, headers=headers) < 500, headers
            if parameter["in"] == "path":
                address = call.path.replace(f"{{{parameter['name']}}}", quote(text, safe=""))
                address = filled(call._replace(path=address), things)[0]
                response = api.generic(call.method.upper(), address, content or b"")
                assert response.status_code < 500, address
