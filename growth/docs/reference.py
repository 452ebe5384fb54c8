"""The reference: the OpenAPI file as pages, one for each resource."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify

from contacts.mail.markdown import to_html
from growth.api.shapes import Schema, example_of
from growth.docs.openapi import document

_DEPTH = 3
_KINDS = {
    "string": "text",
    "integer": "whole number",
    "boolean": "true or false",
    "date-time": "time",
    "date": "day",
}


@dataclass(frozen=True)
class Row:
    """A field or a parameter, as tables show it."""

    name: str
    kind: str
    is_required: bool
    about: str


@dataclass(frozen=True)
class Entry:
    """An operation, as its page shows it."""

    id: str
    method: str
    path: str
    summary: str
    about: SafeString
    scope: str
    parameters: list[Row]
    body: list[Row]
    curl: str
    status: str
    answer: list[Row]
    example: str
    errors: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Page:
    """A resource and its operations."""

    slug: str
    title: str
    about: str
    entries: list[Entry]


@cache
def pages() -> dict[str, Page]:
    """Return the pages by their slugs."""
    found: dict[str, list[Entry]] = {}
    for path, item in document()["paths"].items():
        for method, operation in item.items():
            found.setdefault(operation["tags"][0], []).append(_entry(method, path, operation))
    return {
        slugify(tag["name"]): Page(
            slugify(tag["name"]), tag["name"], tag["description"], _sorted(found[tag["name"]])
        )
        for tag in document()["tags"]
    }


def _sorted(entries: list[Entry]) -> list[Entry]:
    order = ["GET", "POST", "PATCH", "PUT", "DELETE"]
    return sorted(entries, key=lambda each: (each.path.count("/"), order.index(each.method)))


def _entry(method: str, path: str, operation: dict[str, Any]) -> Entry:
    body = _json(operation.get("requestBody", {}))
    status = min(operation["responses"])
    answer = _json(operation["responses"][status]).get("schema")
    return Entry(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        about=mark_safe(to_html(operation["description"])),  # Ours, from the code.
        scope=operation["x-required-scope"],
        parameters=[_parameter(each) for each in operation.get("parameters", [])],
        body=list(_rows(body.get("schema", {}))),
        curl=_curl(method.upper(), path, operation, body),
        status=" or ".join(sorted(each for each in operation["responses"] if each < "3")),
        answer=list(_rows(answer or {})),
        example=_written(example_of(answer, _schemas())) if answer else "",
        errors=[_error(*each) for each in operation["responses"].items() if each[0] >= "4"],
    )


def _parameter(parameter: dict[str, Any]) -> Row:
    name = f"{parameter['name']}" + (" (header)" if parameter["in"] == "header" else "")
    about = parameter.get("description", "Part of the path." if parameter["in"] == "path" else "")
    return Row(name, _kind(parameter["schema"]), parameter.get("required", False), about)


def _rows(schema: Schema, prefix: str = "", depth: int = _DEPTH) -> Iterator[Row]:
    """Yield the fields of an object, and those of the objects in it."""
    schema = _looked_up(schema)
    for name, inner in schema.get("properties", {}).items():
        about = inner.get("description", "")
        yield Row(prefix + name, _kind(inner), name in schema.get("required", []), about)
        if depth > 1:
            yield from _rows(inner, f"{prefix}{name}.", depth - 1)
            yield from _rows(inner.get("items", {}), f"{prefix}{name}[].", depth - 1)


def _looked_up(schema: Schema) -> Schema:
    return _schemas()[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _schemas() -> dict[str, Schema]:
    return document()["components"]["schemas"]


def _kind(schema: Schema) -> str:
    """Return in plain words what a value can be."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if options := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        return " or ".join(_kind(option) for option in options)
    if "enum" in schema:
        return " | ".join("null" if value is None else str(value) for value in schema["enum"])
    types = schema.get("type", "anything")
    types = types if isinstance(types, list) else [types]
    return " or ".join(_of_type(each, schema) for each in types)


def _of_type(type: str, schema: Schema) -> str:
    if type == "array":
        return f"list of {_kind(schema['items'])}"
    return {"date-time": "time", "date": "day"}.get(
        schema.get("format", ""), _KINDS.get(type, type)
    )


def _curl(method: str, path: str, operation: dict[str, Any], body: dict[str, Any]) -> str:
    filled = path
    for each in operation.get("parameters", []):
        if each["in"] == "path":
            filled = filled.replace(f"{{{each['name']}}}", each["schema"]["example"])
    key = "WRITE_KEY" if operation["x-required-scope"] == "ingest" else "SECRET_KEY"
    lines = [f"curl {settings.BASE_URL}{filled}", f'-H "Authorization: Bearer ${key}"']
    if method != ("POST" if body else "GET"):
        lines[0] = f"curl -X {method} {settings.BASE_URL}{filled}"
    if body:
        written = _written(body["example"]).replace("'", "'\\''")
        lines += ['-H "Content-Type: application/json"', f"-d '{written}'"]
    return " \\\n  ".join(lines)


def _error(status: str, response: dict[str, Any]) -> tuple[str, str, str]:
    code = response["$ref"].rpartition("/")[2]
    return status, code, document()["components"]["responses"][code]["description"]


def _json(part: dict[str, Any]) -> dict[str, Any]:
    return part.get("content", {}).get("application/json", {})


def _written(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False)
