"""Whatever follows from the OpenAPI file, and what breaks it, answers as the file says."""

from collections.abc import Iterator

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from growth.models import ApiKey
from growth.wsgi import application

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]

schema = schemathesis.openapi.from_wsgi("/openapi.json", application)


@pytest.fixture
def headers(project, settings) -> Iterator[dict[str, str]]:
    """Return what opens everything; meanwhile requests leave the connection of the test open."""
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    _, key = ApiKey.objects.issue(project, name="all", type="secret", scopes=["*"])
    yield {"Authorization": f"Bearer {key}"}
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@schema.parametrize()
@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_the_file_is_kept(case, headers):
    response = case.call(headers=headers)
    # Some cases come without a header on purpose; a key that is sent is known.
    assert "unknown, or was revoked" not in response.text
    case.validate_response(response, checks=CHECKS)
