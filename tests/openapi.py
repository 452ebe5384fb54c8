"""What the OpenAPI file promises, for tests that hold answers against it."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from growth.docs.openapi import document

_FILE = "urn:growth:openapi"


class Call(NamedTuple):
    """One operation, and where it is."""

    method: str
    path: str
    operation: dict[str, Any]

    @property
    def id(self) -> str:
        return self.operation["operationId"]

    @property
    def pattern(self) -> str:
        """A regular expression of its path; ingest comes with a slash, too."""
        end = "/?" if self.operation["x-required-scope"] == "ingest" else ""
        return re.sub(r"{\w+}", "[^/]+", self.path) + end

    @property
    def body(self) -> Any:
        """The example of its body, or None."""
        return self._content(self.operation.get("requestBody", {})).get("example")

    @property
    def takes(self) -> dict[str, Any] | None:
        """The schema of its body."""
        return self._content(self.operation.get("requestBody", {})).get("schema")

    def answers(self, status: int) -> dict[str, Any] | None:
        """Return the schema of the answer with this status; None if it has no body.

        :raises KeyError: if there is no such answer.
        """
        response = self.operation["responses"][str(status)]
        name = response.get("$ref", "").rpartition("/")[2]
        return self._content(document()["components"]["responses"].get(name, response)).get(
            "schema"
        )

    @staticmethod
    def _content(part: dict[str, Any]) -> dict[str, Any]:
        return part.get("content", {}).get("application/json", {})


def calls() -> Iterator[Call]:
    """Yield every operation."""
    for path, item in document()["paths"].items():
        for method, operation in item.items():
            yield Call(method, path, operation)


def find_call(method: str, path: str) -> Call | None:
    """Return the operation that a request is one of."""
    return next(
        (
            call
            for call in calls()
            if call.method == method.lower() and re.fullmatch(call.pattern, path)
        ),
        None,
    )


def breaches(method: str, path: str, response: Any) -> list[str]:
    """Return in what the answer to a request is not what the file says of it.

    What names no operation, comes with a wrong method, or is a fault of ours, is outside of it.
    """
    call = find_call(method, path)
    if call is None or response.status_code in (405, 500):
        return []
    if str(response.status_code) not in call.operation["responses"]:
        return [f"{call.id} says nothing of {response.status_code}"]
    schema = call.answers(response.status_code)
    if schema is None or response.streaming:
        return [] if response.streaming or not response.content else [f"{call.id} has a body"]
    return [f"{call.id}: {fault}" for fault in faults(schema, json.loads(response.content))]


def faults(schema: dict[str, Any], value: Any) -> list[str]:
    """Return where the value is not what the schema says, or more than it says."""
    found = _validator().evolve(schema=_closed(schema)).iter_errors(value)
    return [f"{error.json_path}: {error.message}" for error in found]


@cache
def _validator() -> Draft202012Validator:
    closed = {"components": {"schemas": _closed(document()["components"]["schemas"])}}
    resource = Resource.from_contents(closed, default_specification=DRAFT202012)
    return Draft202012Validator({}, registry=Registry().with_resource(_FILE, resource))


def _closed(schema: Any) -> Any:
    """Return the schema, with no field in an object that it does not name."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": _FILE + schema["$ref"]}
    closed = {name: _closed(each) for name, each in schema.items() if name != "example"}
    if isinstance(schema.get("properties"), dict) and "object" in str(schema.get("type")):
        closed.setdefault("additionalProperties", False)
    return closed
