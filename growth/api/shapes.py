"""Words in which answers are declared: JSON Schema, short enough to be read beside the views."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from growth import ids

Schema = dict[str, Any]

TIME = "2026-02-23T10:00:00Z"


@dataclass(frozen=True, eq=False)
class Shape:
    """An object of the API that has a name: its fields, and which of them may be missing."""

    name: str
    about: str
    fields: Mapping[str, "Schema | Shape"]
    optional: Iterable[str] = field(default=())

    def but(self, name: str, about: str, *, optional: Iterable[str] = (), **more: Any) -> "Shape":
        """Return a shape that has these fields besides."""
        optional = (*self.optional, *optional)
        return Shape(name, about, {**self.fields, **more}, optional)

    def schema(self) -> Schema:
        """Return its JSON Schema, in which other shapes are still themselves."""
        required = [name for name in self.fields if name not in self.optional]
        return {
            "type": "object",
            "description": self.about,
            "properties": dict(self.fields),
            **({"required": required} if required else {}),
        }


def text(example: str, about: str = "", **more: Any) -> Schema:
    """Return the schema of a text."""
    return _described({"type": "string", **more, "example": example}, about)


def choice(values: Iterable[str], about: str = "") -> Schema:
    """Return the schema of one of these words."""
    return _described({"type": "string", "enum": list(values)}, about)


def whole(example: int, about: str = "", **more: Any) -> Schema:
    """Return the schema of a whole number."""
    return _described({"type": "integer", **more, "example": example}, about)


def number(example: float, about: str = "") -> Schema:
    """Return the schema of a number."""
    return _described({"type": "number", "example": example}, about)


def flag(about: str = "", *, example: bool = True) -> Schema:
    """Return the schema of true and false."""
    return _described({"type": "boolean", "example": example}, about)


def time(about: str = "", example: str = TIME) -> Schema:
    """Return the schema of a moment, as answers write it."""
    return _described({"type": "string", "format": "date-time", "example": example}, about)


def day(about: str = "", example: str = "2026-02-23") -> Schema:
    """Return the schema of a day."""
    return _described({"type": "string", "format": "date", "example": example}, about)


def public_id(prefix: str, about: str = "", number: int = 1) -> Schema:
    """Return the schema of an id."""
    pattern = f"^{prefix}_[0-9a-z]{{10}}$"
    return text(ids.encode(prefix, number), about, pattern=pattern)


def free(example: Mapping[str, Any], about: str = "", values: Schema | None = None) -> Schema:
    """Return the schema of an object whose names are the caller's own."""
    values = {} if values is None else values
    schema = {"type": "object", "additionalProperties": values, "example": dict(example)}
    return _described(schema, about)


def group(about: str = "", *, optional: Iterable[str] = (), **fields: Any) -> Schema:
    """Return the schema of an object that needs no name."""
    return _described(Shape("", "", fields, optional).schema(), about)


def list_of(items: "Schema | Shape", about: str = "", **more: Any) -> Schema:
    """Return the schema of a list."""
    return _described({"type": "array", "items": items, **more}, about)


def maybe(schema: "Schema | Shape") -> Schema:
    """Return the schema of a thing or null."""
    if isinstance(schema, Shape) or "type" not in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    also = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, **also, "type": [schema["type"], "null"]}


def page_of(items: "Schema | Shape", **about: Schema) -> Schema:
    """Return the schema of a page of a list, and of what else stands on it ``about`` the whole."""
    return group(
        data=list_of(items),
        has_more=flag("Whether there is a next page.", example=False),
        next_cursor=maybe(text("eyJpZCI6…", "Send it as cursor to get the next page.")),
        **about,
    )


def example_of(schema: Schema, components: Mapping[str, Schema] | None = None) -> Any:
    """Return a value that the schema describes, made of the examples of its parts."""
    components = components or {}
    if "$ref" in schema:
        return example_of(components[schema["$ref"].rpartition("/")[2]], components)
    if "example" in schema:
        return schema["example"]
    if "anyOf" in schema or "oneOf" in schema or "allOf" in schema:
        first = (schema.get("anyOf") or schema.get("oneOf") or schema["allOf"])[0]
        return example_of(first, components)
    if "enum" in schema:
        return schema["enum"][0]
    if "properties" in schema:
        inner = schema["properties"]
        return {name: example_of(each, components) for name, each in inner.items()}
    if "items" in schema:
        return [example_of(schema["items"], components)]
    return schema.get("default")


def _described(schema: Schema, about: str) -> Schema:
    return {**schema, "description": about} if about else schema


WARNINGS = list_of(
    text("id: This field is read-only and was ignored."),
    "What was sent and had no effect, or is probably a mistake.",
)
