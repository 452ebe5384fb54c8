"""The OpenAPI file: what drf-spectacular finds in routes and serializers, and what we say of it.

Each app describes its operations in its ``schema`` module, in the words of ``descriptions``. A
route that nobody described is a warning, and with that a failure of ``make lint``.
"""

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.db.models import Model
from drf_spectacular.drainage import warn
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentIdentity, ResolvedComponent

from growth import ids
from growth.api.descriptions import Operation, headings, operation_of, refined, tag_of
from growth.api.errors import STATUS
from growth.api.fields import StrictSerializer
from growth.api.idempotency import HEADER, MAX_LENGTH, METHODS
from growth.api.pagination import DEFAULT_LIMIT, MAX_LIMIT
from growth.api.permissions import scope
from growth.api.refusals import ERROR, RATE_HEADERS, headers_named
from growth.api.refusals import components as refusals
from growth.api.shapes import Schema, Shape, public_id, text, whole
from growth.api.throttling import AddressThrottle
from growth.api.viewsets import ProjectViewSet

_VERBS = {"retrieve": "get", "partial_update": "update", "destroy": "delete"}
_JSON = "application/json"
_METHODS = ("get", "post", "put", "patch", "delete")


def without_slashes(endpoints: Iterable[tuple]) -> list[tuple]:
    """Return the routes of the API without the twins that clients send with a slash."""
    return [each for each in endpoints if each[0].startswith("/v1/") and not each[0].endswith("/")]


class OperationSchema(AutoSchema):
    """Describes one operation."""

    view: Any

    @property
    def operation(self) -> Operation:
        """What is said of it."""
        said = operation_of(type(self.view), self._action)
        if not said:
            warn(f"{self.method} {self.path} is not described in a schema module.")
            return Operation("")
        return said

    @property
    def _action(self) -> str:
        named = self.path.rpartition("/")[2]
        return getattr(self.view, "action", None) or (self.method if "{" in named else named)

    @property
    def _is_management(self) -> bool:
        return isinstance(self.view, ProjectViewSet)

    @property
    def _changes(self) -> bool:
        reads = self.method == "GET" or self._action in getattr(self.view, "reading_actions", ())
        return not reads

    @property
    def _takes_key(self) -> bool:
        return self.method in METHODS and self._changes and self._scope != "none"

    @property
    def _scope(self) -> str:
        if not self.view.permission_classes:
            return "none"
        if not self._is_management:
            return "ingest"
        return scope(self.view.resource, self.method, reads=not self._changes)

    def get_operation_id(self) -> str:
        if self._scope == "none":
            return f"{self.get_tags()[0].lower().replace(' ', '_')}_{self.method.lower()}"
        if not self._is_management:
            return self._action
        tag = self.get_tags()[0].lower().replace(" ", "_")
        return f"{tag}_{_VERBS.get(self._action, self._action)}"

    def get_summary(self) -> str:
        return self.operation.summary

    def get_description(self) -> str:
        needs = {
            "none": "Needs no key.",
            "ingest": "Takes a write key, or a secret key with `contacts:write`.",
        }.get(self._scope, f"Needs the scope `{self._scope}`.")
        return "\n\n".join(filter(None, [self.operation.about, needs]))

    def get_tags(self) -> list[str]:
        return [tag_of(type(self.view))]

    def get_extensions(self) -> dict[str, Any]:
        return {"x-required-scope": self._scope}

    def _get_parameters(self) -> list[Schema]:
        variables = [part[1:-1] for part in self.path.split("/") if part.startswith("{")]
        found = [_parameter("path", name, self._part(name), True) for name in variables]
        if self._is_page:
            found.append(_parameter("query", "limit", _LIMIT))
        if self._is_page and "after" not in self.operation.filters:  # The feed goes on by ids.
            found.append(_parameter("query", "cursor", _CURSOR))
        found += [_parameter("query", name, each) for name, each in self.operation.filters.items()]
        if self._takes_key:
            found.append(_parameter("header", HEADER, _IDEMPOTENCY))
        return found

    @property
    def _is_page(self) -> bool:
        answers = self.operation.answers
        return isinstance(answers, dict) and "next_cursor" in answers.get("properties", {})

    def _part(self, name: str) -> Schema:
        """Return what a part of the path is."""
        for model in (self.view.queryset.model if name == "id" else None, _named(name)):
            prefix = getattr(model._meta.pk, "prefix", None) if model else None
            if prefix:
                return public_id(prefix)
        return text(_PARTS.get(name, name))

    def _get_request_body(self, direction: str = "request") -> Schema | None:
        takes = self.operation.takes
        if takes is None:
            return None
        if isinstance(takes, type):
            takes = self._get_request_for_media_type(takes())[0]
        content: Schema = {"schema": self._resolved(takes)}
        if self.operation.example is not None:
            content["example"] = self.operation.example
        return {"content": {_JSON: content}, "required": True}

    def _get_response_bodies(self, direction: str = "response") -> Schema:
        said = self.operation
        answer: Schema = {"description": said.summary, "headers": headers_named(RATE_HEADERS)}
        if said.answers is not None:
            answer["content"] = {_JSON: {"schema": self._resolved(said.answers)}}
        bodies = {str(status): answer for status in said.statuses}
        for code in self._refusals():
            bodies[str(STATUS[code])] = {"$ref": f"#/components/responses/{code}"}
        return bodies

    def _refusals(self) -> list[str]:
        codes = {"unavailable"}
        if self._scope != "none":
            codes |= {"unauthenticated", "insufficient_scope"}
        if self._scope != "none" or AddressThrottle in self.view.throttle_classes:
            codes.add("rate_limited")
        codes |= set(self.operation.refuses)
        if "{" in self.path:
            codes.add("not_found")
        if self._is_page or self.operation.filters:
            codes.add("bad_request")
        if self.operation.takes is not None:
            codes |= {
                *("bad_request", "payload_too_large"),
                *("unsupported_media_type", "validation_error"),
            }
        if self._takes_key:
            codes |= {
                *("bad_request", "conflict", "payload_too_large"),
                *("unsupported_media_type", "validation_error"),
            }
        return sorted(codes, key=STATUS.__getitem__)

    def _map_basic_serializer(self, serializer: Any, direction: str) -> Schema:
        schema = super()._map_basic_serializer(serializer, direction)
        if isinstance(serializer, StrictSerializer):
            schema["additionalProperties"] = False
        return schema

    def _map_serializer_field(
        self, field: Any, direction: str, bypass_extensions: bool = False
    ) -> Schema | None:
        said = refined(type(field.parent), field.field_name)
        if said and not field.read_only:
            return self._resolved(said)
        return super()._map_serializer_field(field, direction, bypass_extensions)

    def _resolved(self, schema: Any) -> Any:
        """Return the schema with references in the place of shapes, which become components."""
        if isinstance(schema, Shape):
            return self._component(schema)
        if isinstance(schema, dict):
            return {name: self._resolved(each) for name, each in schema.items()}
        if isinstance(schema, list):
            return [self._resolved(each) for each in schema]
        return schema

    def _component(self, shape: Shape) -> Schema:
        identity = ComponentIdentity(shape)
        component = ResolvedComponent(shape.name, ResolvedComponent.SCHEMA, object=identity)
        if component not in self.registry:
            self.registry.register(component)
            component.schema = self._resolved(shape.schema())
        return component.ref


class KeyScheme(OpenApiAuthenticationExtension):
    """How a secret key is sent."""

    target_class = "growth.api.authentication.KeyAuthentication"
    name = "secretKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        return _bearer("A secret key, gos_sk_…, for servers. It opens what its scopes name.")


class WriteKeyScheme(OpenApiAuthenticationExtension):
    """How a write key is sent."""

    target_class = "growth.api.authentication.WriteKeyAuthentication"
    name = ["writeKey", "writeKeyAsUser", "writeKeyInQuery"]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[Schema]:
        return [{name: []} for name in self.name]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[Schema]:
        about = "The same key as the user name of Basic, with no password."
        return [
            _bearer(
                "A write key, gos_wk_…, safe in a browser: it sends events and reads nothing. It "
                "may also stand in the body, as writeKey."
            ),
            {"type": "http", "scheme": "basic", "description": about},
            {"type": "apiKey", "in": "query", "name": "writeKey"},
        ]


class InProjectField(OpenApiSerializerFieldExtension):
    """Ids are texts outside the database."""

    target_class = "growth.api.fields.InProject"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> Schema:
        return public_id(self.target.queryset.model._meta.pk.prefix)


class JSONObjectField(OpenApiSerializerFieldExtension):
    """An object of the caller's own."""

    target_class = "growth.api.fields.JSONObject"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> Schema:
        return {"type": "object", "additionalProperties": {}}


def complete(result: Schema, **_: Any) -> Schema:
    """Add what many operations refer to."""
    result["paths"] = {
        path: {name: item[name] for name in _METHODS if name in item}
        for path, item in result["paths"].items()
    }
    components = result["components"]
    components["schemas"]["Error"] = ERROR.schema()
    components |= refusals()
    named = [
        operation["tags"][0] for item in result["paths"].values() for operation in item.values()
    ]
    about = headings()
    result["tags"] = [
        {"name": tag, "description": about.get(tag, "")} for tag in dict.fromkeys(named)
    ]
    return result


def _bearer(about: str) -> Schema:
    return {"type": "http", "scheme": "bearer", "description": about}


def _parameter(place: str, name: str, schema: Schema, required: bool = False) -> Schema:
    about = schema.get("description", "")
    inner = {key: value for key, value in schema.items() if key != "description"}
    return {
        "in": place,
        "name": name,
        "schema": inner,
        **({"description": about} if about else {}),
        **({"required": True} if required else {}),
    }


_PARTS = {
    "code": "tmpl_hello",
    "topic": "news",
    "provider": "postmark",
    "log": ids.encode("wh_log", 1),
    "link_code": "ALICE-ACME-7K2",
    "slug": "beta",
}
_LIMIT = whole(25, f"Items on a page: {DEFAULT_LIMIT}, or up to {MAX_LIMIT}.", minimum=1)
_CURSOR = text("eyJpZCI6…", "The next_cursor of the page before, with the same filters.")
_IDEMPOTENCY = text(
    "0b5c7f0e-order-1001",
    "Any text of yours. For 24 hours the same request with it is answered again, not done again.",
    minLength=1,
    maxLength=MAX_LENGTH,
)


def _named(name: str) -> type[Model] | None:
    """Return the model whose id the part of a path is, such as contact_id."""
    wanted = name.removesuffix("_id").replace("_", "")
    models = (model for model in apps.get_models() if model._meta.model_name == wanted)
    return next(models, None)
