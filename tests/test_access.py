"""Every route by every kind of key: what is refused is refused as documented, and writes nothing.

The routes are walked from the real URL map, and called with the bodies of the OpenAPI file, which
succeed with the right key: so what refuses is the key, and a new route is tested as soon as it is
there.
"""

import json
import re
from collections.abc import Iterator
from functools import lru_cache

import pytest
from django.db import connection
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.timezone import now
from rest_framework.test import APIClient
from rest_framework.views import APIView

from contacts.models import Message
from growth.models import ApiKey, Project
from growth.models.api_key import SCOPES
from tests.conftest import client_with
from tests.factories import make_contact
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
from tests.test_tenancy import PUBLIC, management_calls, routes

__all__ = [
    "kept_project",
    "kept_things",
    "mail_server",
    "prepared",
    "project",
    "things",
]  # fixtures

DESCRIBED = {(call.method, call.path): call for call in calls()}


def described(method: str, path: str) -> Call:
    """Return what the OpenAPI file says of the route.

    :raises KeyError: if it says nothing.
    """
    spelled = re.sub(r"<str:(\w+)>", r"{\1}", path.replace("<str:pk>", "{id}"))
    return DESCRIBED[method, spelled.rstrip("/")]


def ingest_calls() -> Iterator[tuple[str, str]]:
    """Yield method and path of every route for write keys, with and without its last slash."""
    for path, callback in routes():
        if not hasattr(callback, "actions") and not path.startswith(PUBLIC):
            yield "post", path


def other_views(patterns=None, prefix="/") -> Iterator[tuple[str, str]]:
    """Yield method and path of every API view outside ``/v1/``: those of the dialects."""
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from other_views(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern) and not path.startswith("/v1/"):
            view = getattr(pattern.callback, "cls", None)
            if view and issubclass(view, APIView):
                methods = getattr(pattern.callback, "actions", None) or view.http_method_names
                for method in set(methods) & {"get", "post", "put", "patch", "delete"}:
                    if getattr(pattern.callback, "actions", None) or hasattr(view, method):
                        yield method, path


MANAGEMENT = sorted(management_calls())
INGEST = sorted(set(ingest_calls()))
OTHERS = sorted(set(other_views()))


Rows = dict[tuple[str, int], list[int]]


def rows(project: Project | None = None) -> Rows:
    """Return of each table and project how many rows there are and the sum of their hashes; of the
    project alone if one is named.
    """
    found = _hashed(*_written())
    if project is None:
        return found
    return {place: each for place, each in found.items() if place[1] == project.key}


def _written() -> tuple[str, int]:
    """Return which transaction runs, and how many rows it has written so far."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT pg_current_xact_id()::text, sum(n_tup_ins + n_tup_upd + n_tup_del)
                 FROM pg_stat_xact_user_tables"""
        )
        return cursor.fetchone()


@lru_cache(maxsize=8)
def _hashed(transaction: str, written: int) -> Rows:
    """Return the rows. Where nothing was written since, they are the same."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT relname, EXISTS (SELECT FROM pg_attribute
                      WHERE attrelid = pg_class.oid AND attname = 'project_id')
                 FROM pg_class
                WHERE relkind IN ('r', 'p') AND NOT relispartition
                  AND relnamespace = 'public'::regnamespace"""
        )
        owners = {name: "project_id" if is_owned else "0" for name, is_owned in cursor.fetchall()}
        cursor.execute(
            " UNION ALL ".join(
                f"SELECT '{name}', {owner}, count(*), sum(hashtextextended(t::text, 0))"
                f' FROM "{name}" t GROUP BY 2'
                for name, owner in owners.items()
            )
        )
        found = {(name, owner): told for name, owner, *told in cursor.fetchall()}
    assert len(owners) > 20
    return found


def _note_use_of_keys() -> None:
    """Let all keys have been used just now, so that their use is not noted again."""
    ApiKey.objects.update(last_used_at=now())


def bearing(header: str) -> APIClient:
    return APIClient(HTTP_AUTHORIZATION=header)


def send(client: APIClient, method: str, path: str, body: object) -> tuple[int, dict]:
    """Return the status, and the error if there is one."""
    response = client.generic(
        method.upper(), path, json.dumps(body) if body is not None else "", "application/json"
    )
    if response.streaming or response.status_code < 400:
        return response.status_code, {}
    return response.status_code, response.json()["error"]


@pytest.fixture
def nobody(project) -> list[APIClient]:
    """Return clients without a key, with no key of ours, and with one that was revoked."""
    key, text = ApiKey.objects.issue(project, name="old", type="secret", scopes=["*"])
    key.delete()
    return [
        APIClient(),
        bearing("Bearer "),
        bearing("Bearer nonsense"),
        bearing(f"Bearer {text[:-1]}"),
        bearing(f"Bearer {text}"),
    ]


@pytest.mark.parametrize(("method", "path", "scope"), MANAGEMENT)
def test_a_key_that_may_not_changes_nothing(
    project, other_project, things, prepared, nobody, method, path, scope
):
    call = described(method, path)
    own = "templates_delete" if path.startswith("/v1/templates/") else call.id
    prepared.get(own, lambda: None)()
    address, body = filled(call, things)
    others = [each for each in SCOPES if each not in (scope, "*")]
    lesser = [
        client_with(project, type="write", scopes=[]),
        client_with(project, scopes=others),
    ]
    stranger = client_with(other_project, scopes=["*"])
    _note_use_of_keys()
    before = rows()

    for client in nobody:
        status, error = send(client, method, address, body)
        assert (status, error["code"]) == (401, "unauthenticated")
    for client in lesser:
        status, error = send(client, method, address, body)
        assert (status, error["code"]) == (403, "insufficient_scope")
        assert error["details"][0]["required_scope"] == scope
    assert rows() == before

    ours = rows(project)
    status, error = send(stranger, method, address, body)
    assert rows(project) == ours
    if "<str:" in path:
        assert (status, error["code"]) == (404, "not_found")
        assert rows() == before
    else:
        assert status < 500
        assert status not in (401, 403)


@pytest.mark.parametrize(("method", "path"), INGEST)
def test_ingest_by_a_key_that_may_not_changes_nothing(
    project, other_project, things, nobody, method, path
):
    body = described(method, path).body
    lesser = client_with(project, scopes=[each for each in SCOPES if each.endswith(":read")])
    stranger = client_with(other_project, type="write", scopes=[])
    _note_use_of_keys()
    before = rows()

    for client in nobody:
        status, error = send(client, method, path, body)
        assert (status, error["code"]) == (401, "unauthenticated")
    status, error = send(lesser, method, path, body)
    assert (status, error["code"]) == (403, "insufficient_scope")
    assert rows() == before

    ours = rows(project)
    assert send(stranger, method, path, body)[0] == 202
    assert rows(project) == ours


@pytest.mark.parametrize(("method", "path"), OTHERS)
def test_a_view_of_a_dialect_refuses_who_has_no_key(project, nobody, method, path):
    address = re.sub(r"<\w+:\w+>", "1", path)
    before = rows()

    for client in nobody:
        response = client.generic(method.upper(), address, "{}", "application/json")
        assert 400 <= response.status_code < 500
        assert rows() == before


ANN = "ann@example.com"
BODIES = {
    "post /contacts": {"email": "new@example.com"},
    "post /contacts/upsert": {"email": ANN, "city": "Berlin"},
    "put /contacts/<str:pk>": {"city": "Berlin"},
    "post /contacts/<str:pk>/tags": {"tags": ["a"]},
    "delete /contacts/<str:pk>/tags": {"tags": ["vip"]},
    "post /crm/contacts": {"first_name": "Ann", "email": ANN},
    "post /crm/contacts/edit": {"contact_id": "{number}", "update_fields": {"name": "Ann"}},
    "delete /crm/contacts": {"contact_id": "{number}"},
    "get /crm/contacts": {"searchby": "email", "search": ANN},
    "post /integrations/v1/contacts": {"first_name": "Ann"},
    "post /integrations/v1/contacts/<str:pk>": {"first_name": "Ann"},
    "patch /integrations/v1/contacts/<str:pk>": {"first_name": "Ann"},
    "post /integrations/v1/messages": {"contact_id": "{number}", "rendered_copy": "Hi"},
    "post /integrations/v1/messages/<str:pk>": {"rendered_copy": "Hi"},
    "patch /integrations/v1/messages/<str:pk>": {"rendered_copy": "Hi"},
}
"""What the routes of dialects take; those that are not here take nothing, or an empty object."""

DIALECTS = [(method, path) for method, path in OTHERS if not path.startswith("/oauth/")]


@pytest.fixture
def dialect_call(project):
    """Return how to call a route of a dialect, which answers status and body."""
    contact = make_contact(project, email=ANN, tags=["vip"])
    message = Message.objects.record(project, contact=contact, created_at=now(), updated_at=now())

    def call(key: str, method: str, path: str) -> tuple[int, dict]:
        client = APIClient(
            HTTP_AUTHORIZATION=f"Bearer {key}", HTTP_X_API_KEY=key, HTTP_VERSION="v3"
        )
        ours = contact.id if path.startswith("/contacts") else contact.key
        address = path.replace("<str:pk>", str(message.pk if "/messages" in path else ours))
        address += "?email=ann@example.com" if "duplicate" in path else ""
        text = json.dumps(BODIES.get(f"{method} {path.rstrip('/')}", {}))
        text = text.replace("{number}", str(contact.key))
        response = client.generic(method.upper(), address, text, "application/json")
        is_json = not response.streaming and response["Content-Type"] == "application/json"
        return response.status_code, response.json() if is_json else {}

    return call


def dialect_resource(path: str) -> str:
    return next((name for name in ("messages", "users") if f"/{name}" in path), "contacts")


def key_with(project: Project, scopes: list[str]) -> str:
    return ApiKey.objects.issue(project, name="test", type="secret", scopes=scopes)[1]


def assert_no_scope(path: str, status: int, body: dict) -> None:
    """Assert that this is how the dialect says that a key may not."""
    if path.startswith("/contacts"):
        assert (status, body["statusCode"], body["error"]) == (401, 401, "Unauthorized")
        assert body["message"] == "The token is not authorized for this scope."
    elif path.startswith("/crm"):
        assert (status, body["error"]) == (403, "insufficient_scope")
        assert set(body) == {"error", "message"}
    else:
        assert (status, body["error"]["code"]) == (403, "insufficient_scope")


@pytest.mark.parametrize(("method", "path"), DIALECTS)
def test_a_key_that_may_not_changes_nothing_by_a_dialect(
    project, other_project, dialect_call, method, path
):
    resource = dialect_resource(path)
    others = [each for each in SCOPES if each.partition(":")[0] not in (resource, "*")]
    lesser = [key_with(project, others)]
    lesser[0:0] = [key_with(project, [f"{resource}:write"])] if method == "get" else []
    if method != "get" and "/search" not in path:
        lesser.append(key_with(project, [each for each in SCOPES if each.endswith(":read")]))
    write_key = ApiKey.objects.issue(project, name="w", type="write", scopes=[])[1]
    stranger, own = key_with(other_project, ["*"]), key_with(project, ["*"])
    _note_use_of_keys()
    before = rows()

    for key in (*lesser, write_key):
        assert_no_scope(path, *dialect_call(key, method, path))
    assert rows() == before

    ours = rows(project)
    status, body = dialect_call(stranger, method, path)
    assert rows(project) == ours
    body_names_it = "{number}" in json.dumps(BODIES.get(f"{method} {path.rstrip('/')}", ""))
    if "<str:" in path or body_names_it or path.startswith("/crm") and method == "get":
        is_of_body = path.rstrip("/") == "/integrations/v1/messages"
        assert status == (422 if is_of_body else 404)
        assert rows() == before
    else:
        assert status < 300, body
        assert ANN not in json.dumps(body) or method == "post"

    assert dialect_call(own, method, path)[0] < 300


def test_the_walk_finds_every_kind_of_route():
    assert len(MANAGEMENT) > 60
    assert {"/v1/identify", "/v1/batch/"} <= {path for _, path in INGEST}
    assert {scope.partition(":")[0] for *_, scope in MANAGEMENT} >= {"contacts", "webhooks"}


def test_a_change_of_any_row_is_seen(project, other_project):
    before, ours = rows(), rows(project)

    Project.objects.filter(pk=other_project.pk).update(name="Changed")

    assert rows() != before
    assert rows(project) == ours
